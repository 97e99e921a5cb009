/* What replication reads: any bytes may come in any pieces; and any rows may be offered to a standby's store.
 */
#include "ha/frame.h"
#include "ha/sender.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sum; /* keeps the compiler from leaving the reading out */

static size_t touch(const void *bytes, size_t length)
{
    size_t total = 0;

    for (size_t i = 0; bytes != NULL && i < length; i++)
        total += ((const uint8_t *)bytes)[i];
    return total;
}

static void touch_rows(const struct replica_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum = sum + strlen(rows[i].database) + touch(rows[i].key, rows[i].key_length) +
              touch(rows[i].value, rows[i].value_length);
}

static void use(const struct frame *frame)
{
    uint64_t common;

    switch (frame->kind) {
    case FRAME_START:
        if (frame->state.epoch_count == 0 || frame->state.epoch_count > REPLICA_EPOCHS_MOST)
            abort();
        replica_common(&frame->state, frame->state.line, frame->state.epoch, UINT64_MAX, &common, NULL);
        break;
    case FRAME_ROWS:
        touch_rows(frame->rows, frame->row_count);
        break;
    case FRAME_CHANGE:
        touch_rows(frame->change.rows, frame->change.row_count);
        break;
    case FRAME_ACK:
        if (strlen(frame->position.line) != REPLICA_LINE_SIZE - 1)
            abort();
        break;
    default:
        break;
    }
}

/* The first byte says how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_input input = {0};
    struct arena arena = {0};
    struct ha_position position;
    struct error err = {0};
    struct frame frame;
    size_t piece;
    char *text;
    int more = 1;

    if (size == 0)
        return 0;
    piece = (size_t)data[0] + 1;
    data++, size--;
    text = strndup((const char *)data, size);
    ha_position_parse(text, &position, &err);
    free(text);
    while (size > 0 && more >= 0) {
        size_t length = size < piece ? size : piece;

        if (frame_put(&input, data, length, &err) != 0)
            break;
        data += length, size -= length;
        while ((more = frame_next(&input, &arena, &frame, &err)) == 1) {
            use(&frame);
            arena_reset(&arena);
        }
    }
    frame_clear(&input);
    arena_free(&arena);
    return 0;
}
