/* What replication sends: messages of store/schema.proto, each with its length as a varint in front. */
#pragma once

#include "base/text.h"
#include "ha/position.h"

#define FRAME_MOST (8U << 20) /* bytes of one message */

enum frame_kind { FRAME_START, FRAME_ROWS, FRAME_CHANGE, FRAME_END, FRAME_ALIVE, FRAME_ACK };

struct frame {
    enum frame_kind kind;
    struct replica_state state;     /* START: the sender's */
    uint64_t total;                 /* START: rows that come, about; END: rows that came */
    const struct replica_row *rows; /* ROWS */
    size_t row_count;
    struct replica_change change; /* CHANGE */
    struct ha_position position;  /* ACK */
};

/* Each appends one message, a large change several; text->failed says whether memory ran out. */
void frame_add_start(struct text *out, const struct replica_state *state, uint64_t total);
void frame_add_rows(struct text *out, const struct replica_row *rows, size_t count);
void frame_add_change(struct text *out, const struct replica_change *change);
void frame_add_end(struct text *out, uint64_t rows);
void frame_add_alive(struct text *out);
void frame_add_ack(struct text *out, const struct ha_position *position);

/* Bytes as they arrive. Start with {0}; end with frame_clear(), which wipes. */
struct frame_input {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    size_t used;
};

/* ERROR_INTERNAL: out of memory. */
int frame_put(struct frame_input *input, const uint8_t *bytes, size_t length, struct error *err);

/* 1: the next message; what it points to lives in the arena. 0: it is not all there yet. -1: ERROR_UNTRUSTED,
 * it is none. */
int frame_next(struct frame_input *input, struct arena *arena, struct frame *out, struct error *err);
void frame_clear(struct frame_input *input);
