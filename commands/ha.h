/* What the commands about the pair share. */
#pragma once

#include "commands/context.h"

/* A text of the object, or "". */
const char *ha_text(json_t *object, const char *name);
json_int_t ha_number(json_t *object, const char *name);

/* "[Role] Primary [State] Primary Active", as `ncs status` has it in brackets. */
void ha_brief(json_t *status, char *out, size_t size);
