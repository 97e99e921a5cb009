/* What is to become of a file that is there already. */
#pragma once

#include "commands/context.h"

/*
 * A command failed with *err: if that is because the file is there, a person at a terminal is asked whether
 * to replace it. 0: yes, and "overwrite" is set in the parameters for another try. -1: *err stands.
 */
int overwrite_ask(struct shell_call *call, json_t *params, const struct error *err);
