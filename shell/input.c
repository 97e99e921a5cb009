/* Lines of standard input, of any length and with any line end. */
#include "shell/line.h"
#include "shell/session_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for the longest line that is looked at, and a block more behind it. */
#define INPUT_ROOM (LINE_MOST + 2 + INPUT_BLOCK)

static bool fill(struct input *input)
{
    ssize_t got;

    if (input->at > 0) {
        memmove(input->block, input->block + input->at, input->filled - input->at);
        input->filled -= input->at;
        input->at = 0;
    }
    do {
        got = read(STDIN_FILENO, input->block + input->filled, INPUT_ROOM - input->filled - 1);
        if (got < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
            poll(&wait, 1, -1);
            errno = EINTR;
        }
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        input->ended = true;
        return false;
    }
    input->filled += (size_t)got;
    return true;
}

/* What is too long to be a line is thrown away up to its end; enough stays to tell. */
static void shorten(struct input *input)
{
    char *end;

    do {
        input->filled = input->at + LINE_MOST + 2;
        if (!fill(input))
            return;
        end = memchr(input->block + LINE_MOST + 2, '\n', input->filled - (LINE_MOST + 2));
    } while (end == NULL);
    memmove(input->block + LINE_MOST + 2, end, (size_t)(input->block + input->filled - end));
    input->filled -= (size_t)(end - (input->block + LINE_MOST + 2));
}

const char *input_line(struct input *input, size_t *length)
{
    if (input->block == NULL && (input->block = malloc(INPUT_ROOM)) == NULL)
        abort();
    for (;;) {
        char *start = input->block + input->at;
        char *end = input->filled > input->at ? memchr(start, '\n', input->filled - input->at) : NULL;

        if (end == NULL && !input->ended) {
            if (input->filled - input->at > LINE_MOST + 2)
                shorten(input);
            else
                fill(input);
            continue;
        }
        if (end == NULL && input->filled == input->at)
            return NULL;
        *length = end != NULL ? (size_t)(end - start) : input->filled - input->at;
        input->at += *length + (end != NULL);
        if (*length > 0 && start[*length - 1] == '\r')
            (*length)--;
        return start;
    }
}

void input_drop(struct input *input)
{
    size_t length;
    const char *line = input_line(input, &length);

    if (line != NULL)
        explicit_bzero(input->block + (line - input->block), length);
}

void input_free(struct input *input)
{
    if (input->block != NULL)
        explicit_bzero(input->block, INPUT_ROOM);
    free(input->block);
    *input = (struct input){0};
}
