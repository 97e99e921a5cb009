/* One stream to a standby under way. Only for the sender. */
#pragma once

#include "ha/sender.h"

#include "base/text.h"

struct stream {
    struct stream *next;
    struct ha_sender *sender;
    struct ha_pipe pipe;
    bool is_snapshot;
    bool start_only;            /* no way leads from the standby's place */
    bool gone;                  /* under the sender's lock, as the next three */
    bool idle;                  /* its thread waits until there is something new */
    bool lent;                  /* what was just committed is being sent by the store's writer */
    bool wanted;                /* its thread waits for that */
    struct replica_state state; /* of changes: where this node stood when it began */
    uint64_t sent;              /* the last revision that was sent */
    struct text out;            /* on its way into the pipe */
};

/* Runs a stream to its end. True: all of a snapshot was sent. */
bool stream_snapshot(struct stream *stream);
void stream_changes(struct stream *stream);

/* Sends what was committed since, or nothing where the pipe is full. Never waits. False: it cannot go on. */
bool stream_push(struct stream *stream);

void stream_free(struct stream *stream);

/* What the sender knows. */
bool stream_is_over(struct stream *stream);

void stream_pause(struct stream *stream, int wait_ms); /* ends early where the stream is over */

/* Waits at most wait_ms for something that was not sent yet. False: the stream is over. */
bool stream_wait(struct stream *stream, int wait_ms);
void stream_progress(struct stream *stream, unsigned percent);
const struct ha_sender_options *stream_options(const struct stream *stream);
