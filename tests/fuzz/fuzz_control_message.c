/* Arbitrary bytes as a request and as a reply; what was understood must survive being written again. */
#include "control/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(int holds)
{
    if (!holds)
        abort();
}

static void try_request(const char *line, size_t length)
{
    struct control_request first;
    struct control_request again;
    char *written;

    if (control_request_read(line, length, &first, NULL) != 0)
        return;
    written = control_request_line(first.id, first.method, first.params);
    check(written != NULL && strchr(written, '\n') == written + strlen(written) - 1);
    check(control_request_read(written, strlen(written), &again, NULL) == 0);
    check(again.id == first.id && strcmp(again.method, first.method) == 0);
    free(written);
    control_request_clear(&again);
    control_request_clear(&first);
}

static void try_reply(const char *line, size_t length)
{
    struct control_reply reply;
    struct control_reply again;
    struct error err = {0};

    if (control_reply_read(line, length, &reply, &err) != 0) {
        check(err.code == ERROR_INVALID_ARGUMENT);
    } else if (reply.kind == CONTROL_ERROR) {
        char *written = control_error_line(reply.id, &reply.error);

        check(written != NULL && control_reply_read(written, strlen(written), &again, NULL) == 0);
        check(again.kind == CONTROL_ERROR && again.error.code == reply.error.code);
        control_reply_clear(&again);
        free(written);
    }
    control_reply_clear(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_request((const char *)data, size);
    try_reply((const char *)data, size);
    return 0;
}
