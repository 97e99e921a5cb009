/* What the statements of configuration mode share. */
#pragma once

#include "commands/context.h"

extern const struct shell_mode config_mode;

/* Sets several values at once; `values` is taken over. `replace`: what goes first, with all below it; NULL:
 * nothing. */
int configure_set(struct shell_call *call, const char *replace, json_t *values, struct error *err);
int configure_unset(struct shell_call *call, const char *name, struct error *err);
int configure_unset_both(struct shell_call *call, const char *name, const char *also, struct error *err);

/* A statement with one value, in both its forms. */
int configure_set_one(struct shell_call *call, const char *name, const char *value, struct error *err);
