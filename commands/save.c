/*
 * What a command gives, into a file of a repository. Only primed writes there, and the shell's connection to
 * it is the command's own while that runs: so the output is collected first.
 */
#include "commands/save.h"

#include "base/base64.h"
#include "commands/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE (384 * 1024) /* bytes in one message; as base64 they fit into a request's line */
_Static_assert(BASE64_TEXT_SIZE(PIECE) + 4096 < CONTROL_LINE_MAX, "a piece fits into a request");

static int call(struct context *context, const char *method, json_t *params, struct error *err)
{
    struct error cause = {0};
    int failed = context_connect(context, &cause);

    if (failed == 0)
        failed = control_call(context->client, method, params, NULL, NULL, &cause);
    json_decref(params);
    if (context->client != NULL && control_is_lost(context->client)) {
        context_hint(context, &cause);
        context_disconnect(context);
    }
    if (failed != 0)
        *err = cause;
    return failed;
}

/* On disk where there is room for temporary files, in memory otherwise. */
static int open_nameless(struct error *err)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        fd = memfd_create("primesh-save", MFD_CLOEXEC);
    return fd >= 0 ? fd : error_set_errno(err, errno, "cannot collect what is to be saved");
}

int save_open(void *arg, const char *file, const char *repository, struct error *err)
{
    struct context *context = arg;
    json_t *params;

    if (context_require(context, NEED_DAEMON, err) != 0)
        return -1;
    snprintf(context->saving, sizeof(context->saving), "... | save %s repository %s", file, repository);
    params = json_pack("{s:s, s:s, s:s}", "file", file, "repository", repository, "line", context->saving);
    return call(context, "file.save_begin", params, err) == 0 ? open_nameless(err) : -1;
}

static int send_piece(struct context *context, const char *bytes, size_t length, char *text,
                      struct error *err)
{
    base64_encode(bytes, length, text);
    return call(context, "file.save_add", json_pack("{s:s}", "data", text), err);
}

static int send_all(struct context *context, int fd, struct error *err)
{
    char *bytes = malloc(PIECE);
    char *text = malloc(BASE64_TEXT_SIZE(PIECE));
    off_t at = 0;
    ssize_t got = 0;
    int failed = 0;

    if (bytes == NULL || text == NULL)
        abort();
    while (failed == 0 && (got = pread(fd, bytes, PIECE, at)) > 0) {
        failed = send_piece(context, bytes, (size_t)got, text, err);
        at += got;
    }
    if (failed == 0 && got < 0)
        failed = error_set_errno(err, errno, "cannot read what is to be saved");
    free(bytes);
    free(text);
    return failed;
}

int save_close(void *arg, int fd, bool whole, struct error *err)
{
    struct context *context = arg;
    int failed = 0;

    if (whole && (failed = send_all(context, fd, err)) == 0)
        failed = call(context, "file.save_end", json_pack("{s:s}", "line", context->saving), err);
    if (!whole || failed != 0)
        call(context, "file.save_abandon", NULL, &(struct error){0});
    close(fd);
    return failed;
}
