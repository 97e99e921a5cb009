#include "ha/link_source.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct link_source {
    struct link_source_options options;
    struct tls_cancel *cancel;
    struct link *acknowledging; /* kept open; the acknowledging thread's */
};

static struct link *open_link(struct link_source *source, struct error *err)
{
    struct link_options options = {
        .peer = source->options.peer, .task = source->options.task, .cancel = source->cancel};
    struct proof_key key;
    struct link *link;

    if (!source->options.key(source->options.arg, &key)) {
        error_set(err, ERROR_CONFLICT, "no authentication key is set on this server");
        return NULL;
    }
    options.key = &key;
    link = link_open(source->options.self, &options, err);
    OPENSSL_cleanse(&key, sizeof(key));
    return link;
}

static int source_stream(void *arg, const char *path,
                         int (*take)(void *take_arg, const void *bytes, size_t length), void *take_arg,
                         struct error *err)
{
    struct link_source *source = arg;
    struct link *link = open_link(source, err);
    int silence_ms = strcmp(path, "/ha/v1/snapshot") == 0 ? LINK_SOURCE_SNAPSHOT_SILENCE_MS
                                                          : source->options.silence_ms(source->options.arg);
    int result;

    if (link == NULL)
        return -1;
    result = link_stream(link, path, silence_ms, take, take_arg, err);
    link_close(link);
    return result;
}

static int source_acknowledge(void *arg, const struct ha_position *position, struct error *err)
{
    struct link_source *source = arg;
    char query[HA_POSITION_SIZE];
    char path[HA_POSITION_SIZE + 16];
    int result;

    ha_position_format(position, query);
    snprintf(path, sizeof(path), "/ha/v1/ack?%s", query);
    if (source->acknowledging == NULL && (source->acknowledging = open_link(source, err)) == NULL)
        return -1;
    result = link_request(source->acknowledging, "POST", path, NULL, LINK_SOURCE_ACK_MS, NULL, err);
    if (result != 0) {
        link_close(source->acknowledging);
        source->acknowledging = NULL;
    }
    return result;
}

static void source_cancel(void *arg)
{
    struct link_source *source = arg;

    tls_cancel(source->cancel);
}

struct link_source *link_source_new(const struct link_source_options *options, struct error *err)
{
    struct link_source *source = calloc(1, sizeof(*source));

    if (source == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    source->options = *options;
    source->cancel = tls_cancel_new(err);
    if (source->cancel != NULL)
        return source;
    free(source);
    return NULL;
}

struct ha_source link_source_of(struct link_source *source)
{
    return (struct ha_source){source_stream, source_acknowledge, source_cancel, source};
}

void link_source_free(struct link_source *source)
{
    if (source == NULL)
        return;
    link_close(source->acknowledging);
    tls_cancel_free(source->cancel);
    free(source);
}
