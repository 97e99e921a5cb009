#include "shell/sink.h"

#include "shell/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINK_BUFFER_BYTES 65536U /* what one write(2) carries; a pipe holds as much */

void sink_write(struct sink *sink, const char *lines, size_t length)
{
    if (!sink->stopped && length > 0)
        sink->kind->write(sink, lines, length);
}

void sink_flush(struct sink *sink)
{
    if (sink->kind->flush != NULL)
        sink->kind->flush(sink);
}

void sink_finish(struct sink *sink)
{
    sink->kind->finish(sink);
}

void sink_free(struct sink *sink)
{
    if (sink != NULL)
        sink->kind->free(sink);
}

struct fd_sink {
    struct sink sink;
    int fd;
    bool crlf;
    size_t used;
    size_t capacity;
    char *buffer; /* made when first needed */
};

/* A descriptor that does not block may be full for a moment. */
static bool wait_writable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};

    return poll(&wait, 1, -1) == 1 || errno == EINTR;
}

static void put_out(struct fd_sink *out, const char *bytes, size_t length)
{
    while (length > 0 && !out->sink.stopped) {
        ssize_t done;

        if (out->crlf && terminal_interrupted()) {
            out->sink.stopped = true;
            break;
        }
        done = write(out->fd, bytes, length);
        if (done >= 0) {
            bytes += done;
            length -= (size_t)done;
        } else if (errno == EAGAIN) {
            out->sink.stopped = !wait_writable(out->fd);
        } else if (errno != EINTR) {
            out->sink.stopped = true;
        }
    }
}

static void fd_flush(struct sink *sink)
{
    struct fd_sink *out = (struct fd_sink *)sink;

    put_out(out, out->buffer, out->used);
    out->used = 0;
}

/* Makes room for `length` bytes, which are fewer than the buffer holds at its largest. */
static bool make_room(struct fd_sink *out, size_t length)
{
    if (out->used + length <= out->capacity)
        return true;
    if (out->capacity < SINK_BUFFER_BYTES) {
        size_t capacity = out->capacity == 0 && length < 2048 ? 2048 : SINK_BUFFER_BYTES;
        char *buffer = realloc(out->buffer, capacity);

        if (buffer == NULL) {
            out->sink.stopped = true;
            return false;
        }
        out->buffer = buffer;
        out->capacity = capacity;
    }
    if (out->used + length > out->capacity)
        fd_flush(&out->sink);
    return !out->sink.stopped;
}

static void write_plain(struct fd_sink *out, const char *lines, size_t length)
{
    if (length >= SINK_BUFFER_BYTES / 2) {
        fd_flush(&out->sink);
        put_out(out, lines, length);
    } else if (length > 0 && make_room(out, length)) { /* an empty line has nothing in front of its end */
        memcpy(out->buffer + out->used, lines, length);
        out->used += length;
    }
}

static void fd_write(struct sink *sink, const char *lines, size_t length)
{
    struct fd_sink *out = (struct fd_sink *)sink;

    if (!out->crlf) {
        write_plain(out, lines, length);
        return;
    }
    while (length > 0 && !sink->stopped) {
        const char *end = memchr(lines, '\n', length);
        size_t step = end != NULL ? (size_t)(end - lines) : length;

        write_plain(out, lines, step);
        if (end != NULL) {
            write_plain(out, "\r\n", 2);
            step++;
        }
        lines += step;
        length -= step;
    }
}

static void fd_free(struct sink *sink)
{
    free(((struct fd_sink *)sink)->buffer);
    free(sink);
}

struct sink *sink_fd(int fd, bool crlf)
{
    static const struct sink_kind kind = {
        .write = fd_write, .finish = fd_flush, .free = fd_free, .flush = fd_flush};
    struct fd_sink *out = calloc(1, sizeof(*out));

    if (out == NULL)
        return NULL;
    out->sink.kind = &kind;
    out->fd = fd;
    out->crlf = crlf;
    return &out->sink;
}
