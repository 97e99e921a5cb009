#include "ha/link_source.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACK_PATH_SIZE (HA_POSITION_SIZE + 16)

struct link_source {
    struct link_source_options options;
    struct tls_cancel *cancel;
    struct link *acknowledging; /* kept open; of whoever acknowledges: ha/receiver.h */
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

static void format_acknowledgement(const struct ha_position *position, char path[ACK_PATH_SIZE])
{
    char query[HA_POSITION_SIZE];

    ha_position_format(position, query);
    snprintf(path, ACK_PATH_SIZE, "/ha/v1/ack?%s", query);
}

static bool source_begin_acknowledge(void *arg, const struct ha_position *position)
{
    struct link_source *source = arg;
    char path[ACK_PATH_SIZE];

    format_acknowledgement(position, path);
    return source->acknowledging != NULL && link_send(source->acknowledging, "POST", path);
}

static void close_acknowledging(struct link_source *source)
{
    link_close(source->acknowledging);
    source->acknowledging = NULL;
}

static int acknowledge_anew(struct link_source *source, const struct ha_position *position, struct error *err)
{
    char path[ACK_PATH_SIZE];

    format_acknowledgement(position, path);
    if (source->acknowledging == NULL && (source->acknowledging = open_link(source, err)) == NULL)
        return -1;
    return link_request(source->acknowledging, "POST", path, NULL, LINK_SOURCE_ACK_MS, NULL, err);
}

static int source_acknowledge(void *arg, const struct ha_position *position, bool under_way,
                              struct error *err)
{
    struct link_source *source = arg;
    bool kept = source->acknowledging != NULL;
    struct error why = {0};
    int result = under_way ? link_hear(source->acknowledging, LINK_SOURCE_ACK_MS, NULL, &why)
                           : acknowledge_anew(source, position, &why);

    /* the other node closes a connection that was silent for a while: that is no reason to let a change wait
     */
    if (result != 0 && kept && why.code == ERROR_UNREACHABLE) {
        close_acknowledging(source);
        why = (struct error){0};
        result = acknowledge_anew(source, position, &why);
    }
    if (result == 0)
        return 0;
    close_acknowledging(source);
    if (err != NULL)
        *err = why;
    return -1;
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
    return (struct ha_source){source_stream, source_begin_acknowledge, source_acknowledge, source_cancel,
                              source};
}

void link_source_free(struct link_source *source)
{
    if (source == NULL)
        return;
    link_close(source->acknowledging);
    tls_cancel_free(source->cancel);
    free(source);
}
