/* The methods of `| save`: a shell writes what a command gave into a file of a repository, piece by piece. */
#include "base/base64.h"
#include "daemon/copy.h"
#include "daemon/saves.h"

#include <stdlib.h>
#include <string.h>

static int save_begin(struct request *request, json_t **result, struct error *err)
{
    const char *repository = request_text(request, "repository", err);
    const char *file = repository == NULL ? NULL : request_text(request, "file", err);
    struct repository_path path;

    (void)result;
    if (file == NULL || place_here(request, repository, file, PLACE_WRITTEN, &path, err) != 0)
        return -1;
    return saves_begin(request->node->saves, request->job, request->node->home, &path, err);
}

static int save_add(struct request *request, json_t **result, struct error *err)
{
    const char *text = request_text(request, "data", err);
    size_t length;
    uint8_t *bytes;
    int64_t most;
    int failed = -1;

    (void)result;
    if (text == NULL || copy_room(request, &most, err) != 0)
        return -1;
    bytes = malloc(strlen(text) + 1);
    if (bytes == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    if (!base64_decode(text, bytes, &length))
        error_set(err, ERROR_INVALID_ARGUMENT, "the parameter \"data\" of file.save_add is no base64");
    else
        failed = saves_add(request->node->saves, request->job, bytes, length, most, err);
    free(bytes);
    return failed;
}

static int save_end(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return saves_end(request->node->saves, request->job, true, err);
}

static int save_abandon(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return saves_end(request->node->saves, request->job, false, err);
}

const struct method save_methods[] = {
    {"file.save_begin", ACCOUNT_ADMIN, 0, save_begin},
    {"file.save_add", ACCOUNT_ADMIN, 0, save_add},
    {"file.save_end", ACCOUNT_ADMIN, METHOD_CHANGES, save_end},
    {"file.save_abandon", ACCOUNT_ADMIN, 0, save_abandon},
};
const size_t save_method_count = sizeof(save_methods) / sizeof(save_methods[0]);
