#include "ha/stream.h"

#include "base/clock.h"
#include "ha/frame.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define PIECE_BYTES (128U << 10)    /* given to the pipe at once */
#define UNSENT_MOST (1U << 20)      /* bytes that may wait in the pipe: no more is made meanwhile */
#define STALLED_MS 30000            /* a reader that takes nothing for so long is gone */
#define PAUSE_MS 2                  /* between two looks at a pipe that is full */
#define ROWS_MOST 512               /* of a snapshot in one message */
#define ROW_BYTES_MOST (256U << 10) /* the same, by size */
#define RESERVE_BYTES                                                                     \
    (1ULL << 30) /* of the map, for what is written while a snapshot holds back old pages \
                  */

void stream_free(struct stream *stream)
{
    if (stream->out.data != NULL)
        OPENSSL_cleanse(stream->out.data, stream->out.capacity);
    text_free(&stream->out);
    free(stream);
}

/* Until the pipe has room. */
static bool wait_for_room(struct stream *stream)
{
    int64_t moved_ms = clock_monotonic_ms();
    size_t before = stream->pipe.unsent(stream->pipe.arg);
    size_t now = before;

    while (now > UNSENT_MOST) {
        stream_pause(stream, PAUSE_MS);
        if (stream_is_over(stream) || clock_monotonic_ms() - moved_ms > STALLED_MS)
            return false;
        now = stream->pipe.unsent(stream->pipe.arg);
        if (now < before)
            moved_ms = clock_monotonic_ms();
        before = now;
    }
    return true;
}

static bool give(struct stream *stream)
{
    bool sent = stream->pipe.send(stream->pipe.arg, stream->out.data, stream->out.length) == 0;

    OPENSSL_cleanse(stream->out.data, stream->out.length);
    text_clear(&stream->out);
    return sent;
}

/* Gives what was made to the pipe, if it is enough of it. */
static bool flush(struct stream *stream, size_t least)
{
    if (stream->out.failed)
        return false;
    if (stream->out.length > 0 && stream->out.length >= least && !(wait_for_room(stream) && give(stream)))
        return false;
    return !stream_is_over(stream);
}

/* ---- a snapshot ---- */

struct rows {
    struct replica_row rows[ROWS_MOST];
    size_t count;
    size_t bytes;
    struct arena arena; /* of what does not last until they are sent */
};

/* An opened secret lasts until the next row only. */
static bool add_row(struct rows *rows, const struct replica_row *row)
{
    struct replica_row *copy = &rows->rows[rows->count++];

    *copy = *row;
    rows->bytes += row->key_length + row->value_length;
    copy->value = arena_copy(&rows->arena, row->value, row->value_length);
    return copy->value != NULL;
}

static bool send_rows(struct stream *stream, struct rows *rows)
{
    if (rows->count > 0)
        frame_add_rows(&stream->out, rows->rows, rows->count);
    rows->count = 0;
    rows->bytes = 0;
    arena_wipe(&rows->arena);
    rows->arena = (struct arena){.block_size = ROW_BYTES_MOST};
    return flush(stream, PIECE_BYTES);
}

static bool send_all(struct stream *stream, struct replica_export *export, struct rows *rows)
{
    uint64_t total = replica_export_total(export);
    uint64_t sent = 0;
    struct replica_row row;
    struct error err = {0};
    int more;

    frame_add_start(&stream->out, replica_export_state(export), total);
    while ((more = replica_export_next(export, &row, &err)) == 1) {
        if (!add_row(rows, &row))
            return false;
        sent++;
        if (rows->count < ROWS_MOST && rows->bytes < ROW_BYTES_MOST)
            continue;
        stream_progress(stream, total == 0 ? 99 : (unsigned)(sent * 99 / total));
        if (!send_rows(stream, rows))
            return false;
    }
    if (more != 0 || !send_rows(stream, rows))
        return false;
    frame_add_end(&stream->out, sent);
    return flush(stream, 0);
}

bool stream_snapshot(struct stream *stream)
{
    const struct ha_sender_options *options = stream_options(stream);
    struct rows *rows = calloc(1, sizeof(*rows));
    struct replica_export *export = NULL;
    struct store_stats stats = {0};
    struct error err = {0};
    bool whole = false;

    stream_progress(stream, 0);
    if (rows != NULL && store_stats(options->store, &stats, &err) == 0 &&
        store_reserve(options->store, stats.used_bytes + RESERVE_BYTES, &err) == 0)
        export = replica_export_open(options->store, options->seal, &err);
    if (export != NULL)
        whole = send_all(stream, export, rows);
    replica_export_close(export);
    if (rows != NULL)
        arena_wipe(&rows->arena);
    free(rows);
    return whole;
}

/* ---- changes ---- */

struct gather {
    struct stream *stream;
    bool failed;
};

static int gather_one(void *arg, const struct change *change)
{
    struct gather *gather = arg;
    struct stream *stream = gather->stream;
    struct replica_change out = {.revision = change->revision, .when_ms = change->when_ms};
    struct arena arena = {0};
    struct replica_row *rows;
    struct error err = {0};

    gather->failed =
        replica_rows_of(&arena, stream_options(stream)->seal, change, &rows, &out.row_count, &err) != 0;
    if (!gather->failed) {
        out.rows = rows;
        frame_add_change(&stream->out, &out);
        stream->sent = change->revision;
    }
    arena_wipe(&arena);
    return gather->failed || stream->out.failed || stream->out.length >= PIECE_BYTES;
}

/* What was committed since, as much as goes into one piece. False: the feed does not reach back that far. */
static bool gather(struct stream *stream)
{
    struct store *store = stream_options(stream)->store;
    struct gather gathering = {.stream = stream};
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    bool reaches =
        txn != NULL && change_each(txn, stream->sent, gather_one, &gathering, &err) == 0 && !gathering.failed;

    store_end(txn);
    return reaches;
}

bool stream_push(struct stream *stream)
{
    if (stream->pipe.unsent(stream->pipe.arg) > UNSENT_MOST)
        return true;
    return gather(stream) && !stream->out.failed && (stream->out.length == 0 || give(stream));
}

/* Until there is something new, or time to say that nothing is. */
static bool idle(struct stream *stream)
{
    if (!stream_wait(stream, stream_options(stream)->alive_ms) || !gather(stream))
        return false;
    if (stream->out.length == 0)
        frame_add_alive(&stream->out);
    return flush(stream, 0);
}

void stream_changes(struct stream *stream)
{
    frame_add_start(&stream->out, &stream->state, 0);
    if (stream->start_only) {
        frame_add_end(&stream->out, 0);
        flush(stream, 0);
        return;
    }
    while (gather(stream) && (stream->out.length > 0 ? flush(stream, 0) : idle(stream)))
        continue;
}
