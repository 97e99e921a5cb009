/* The whole command table: every branch of the tree and every type of argument, in one place. */
#pragma once

#include "shell/session.h"

/* Sets branches and types of the program. */
void table_fill(struct shell_program *program);

/* Commands of other shells (foreign.c). */
extern const struct shell_foreign foreign_commands[];
extern const size_t foreign_command_count;
