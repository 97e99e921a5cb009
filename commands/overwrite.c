#include "commands/overwrite.h"

#include <stdio.h>

/* The one conflict with a hint is that the file is there already. */
int overwrite_ask(struct shell_call *call, json_t *params, const struct error *err)
{
    char question[ERROR_TEXT_MAX + 32];

    if (err->code != ERROR_CONFLICT || err->hint[0] == '\0')
        return -1;
    snprintf(question, sizeof(question), "%s. Replace it? (yes/no) [no] ", err->message);
    if (shell_confirm(call, question, false, "overwrite", NULL) != 1)
        return -1;
    json_object_set_new(params, "overwrite", json_true());
    return 0;
}
