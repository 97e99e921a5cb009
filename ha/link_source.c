#include "ha/link_source.h"

#include "ha/frame.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct link_source {
    struct link_source_options options;
    struct tls_cancel *cancel;
    struct link *link; /* of the stream that is up */
};

static struct link *open_link(struct link_source *source, struct error *err)
{
    struct link_options options = {
        .peer = source->options.peer, .task = source->options.task, .cancel = source->cancel};
    struct proof_key key;
    struct link *link;

    if (source->options.key(source->options.arg, &key, err) != 0)
        return NULL;
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
    source->link = link;
    result = link_stream(link, path, silence_ms, take, take_arg, err);
    source->link = NULL;
    link_close(link);
    return result;
}

static int source_acknowledge(void *arg, const struct ha_position *position, struct error *err)
{
    struct link_source *source = arg;
    struct text frame = {0};
    int result;

    frame_add_ack(&frame, position);
    result = frame.failed ? error_set(err, ERROR_INTERNAL, "out of memory")
                          : link_tell(source->link, frame.data, frame.length, LINK_SOURCE_ACK_MS, err);
    text_free(&frame);
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
    tls_cancel_free(source->cancel);
    free(source);
}
