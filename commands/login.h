/* With whom to log in at a URL: asked for, or taken from where the command says. */
#pragma once

#include "commands/context.h"

/*
 * Sets "user" and "password" (or "password_file") of the parameters for the URL `text`, where it needs them:
 * from the arguments user <login>, password-stdin, password-file <disk_path>, else by asking without echo.
 * Does nothing for what is no URL.
 */
int login_ask(struct shell_call *call, const char *text, json_t *params, struct error *err);

/* Wipes the password or passphrase in the parameters. */
void login_forget(json_t *params);
