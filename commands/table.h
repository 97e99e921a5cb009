/* The whole command table: every branch of the tree and every type of argument, in one place. */
#pragma once

#include "shell/session.h"

/* Sets branches and types of the program. */
void table_fill(struct shell_program *program);
