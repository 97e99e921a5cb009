/* What the commands about certificates by purpose share. */
#pragma once

#include "commands/context.h"

/* The last line of a failure, by which scripts tell it. */
#define PURPOSE_FAILED "Executed command unsuccessfully"

/* Asks `question`, unless "force" was given. 1: go on; 0: no, which was said; -1: failed. */
int purpose_confirm(struct shell_call *call, const char *question, struct error *err);

/* A text of an object, "" where it is none. */
const char *purpose_text(json_t *object, const char *name);
