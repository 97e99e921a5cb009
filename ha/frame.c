#include "ha/frame.h"

#include "store/allocator.h"
#include "store/schema.pb-c.h"
#include "store/wire.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_START (64 * 1024)
#define PART_BYTES (1U << 20) /* of a change in one message */
#define PART_ROWS 4096

static void add_frame(struct text *out, const Record__Frame *frame)
{
    size_t length = protobuf_c_message_get_packed_size(&frame->base);
    uint8_t prefix[WIRE_VARINT_MOST];
    uint8_t *bytes;

    text_add(out, (const char *)prefix, (size_t)(wire_write_varint(prefix, length) - prefix));
    bytes = (uint8_t *)text_room(out, length);
    if (bytes != NULL)
        protobuf_c_message_pack(&frame->base, bytes);
}

static void fill_record(Record__ChangeRecord *record, const struct replica_row *row)
{
    record__change_record__init(record);
    record->database = (char *)(uintptr_t)row->database;
    record->scope = row->scope;
    record->key.data = (uint8_t *)(uintptr_t)row->key;
    record->key.len = row->key_length;
    record->has_value = row->value != NULL;
    record->value.data = (uint8_t *)(uintptr_t)row->value;
    record->value.len = row->value != NULL ? row->value_length : 0;
}

/* The records of rows, in one block with the list of them; the caller frees it. */
static Record__ChangeRecord **records_of(const struct replica_row *rows, size_t count)
{
    Record__ChangeRecord **list = malloc((count + 1) * (sizeof(*list) + sizeof(**list)));
    Record__ChangeRecord *records = (Record__ChangeRecord *)(list + count);

    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = &records[i];
        fill_record(list[i], &rows[i]);
    }
    return list;
}

void frame_add_start(struct text *out, const struct replica_state *state, uint64_t total)
{
    Record__StreamStart start = RECORD__STREAM_START__INIT;
    Record__Frame frame = RECORD__FRAME__INIT;
    Record__Epoch epochs[REPLICA_EPOCHS_MOST];
    Record__Epoch *list[REPLICA_EPOCHS_MOST];

    for (size_t i = 0; i < state->epoch_count; i++) {
        record__epoch__init(&epochs[i]);
        epochs[i].epoch = state->epochs[i].epoch;
        epochs[i].revision = state->epochs[i].revision;
        list[i] = &epochs[i];
    }
    start.line = (char *)(uintptr_t)state->line;
    start.epochs = list;
    start.n_epochs = state->epoch_count;
    start.revision = state->revision;
    start.total = total;
    frame.start = &start;
    add_frame(out, &frame);
}

void frame_add_rows(struct text *out, const struct replica_row *rows, size_t count)
{
    Record__StreamRows message = RECORD__STREAM_ROWS__INIT;
    Record__Frame frame = RECORD__FRAME__INIT;

    message.rows = records_of(rows, count);
    message.n_rows = count;
    frame.rows = &message;
    if (message.rows == NULL)
        out->failed = true;
    else
        add_frame(out, &frame);
    free(message.rows);
}

static void add_part(struct text *out, const struct replica_change *change, const struct replica_row *rows,
                     size_t count, bool more)
{
    Record__StreamChange message = RECORD__STREAM_CHANGE__INIT;
    Record__Frame frame = RECORD__FRAME__INIT;

    message.revision = change->revision;
    message.when_ms = change->when_ms;
    message.rows = records_of(rows, count);
    message.n_rows = count;
    message.more = more;
    frame.change = &message;
    if (message.rows == NULL)
        out->failed = true;
    else
        add_frame(out, &frame);
    free(message.rows);
}

/* How many rows go into one message: at least one. */
static size_t part_of(const struct replica_row *rows, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += rows[i].key_length + rows[i].value_length;
        if (i > 0 && (bytes > PART_BYTES || i >= PART_ROWS))
            return i;
    }
    return count;
}

void frame_add_change(struct text *out, const struct replica_change *change)
{
    size_t done = 0;

    do {
        size_t count = part_of(change->rows + done, change->row_count - done);

        add_part(out, change, change->rows + done, count, done + count < change->row_count);
        done += count;
    } while (done < change->row_count);
}

void frame_add_end(struct text *out, uint64_t rows)
{
    Record__StreamEnd message = RECORD__STREAM_END__INIT;
    Record__Frame frame = RECORD__FRAME__INIT;

    message.rows = rows;
    frame.end = &message;
    add_frame(out, &frame);
}

void frame_add_alive(struct text *out)
{
    Record__Frame frame = RECORD__FRAME__INIT;

    frame.alive = true;
    add_frame(out, &frame);
}

void frame_add_ack(struct text *out, const struct ha_position *position)
{
    Record__StreamAck message = RECORD__STREAM_ACK__INIT;
    Record__Frame frame = RECORD__FRAME__INIT;

    message.line = (char *)(uintptr_t)position->line;
    message.epoch = position->epoch;
    message.revision = position->revision;
    frame.ack = &message;
    add_frame(out, &frame);
}

/* ---- reading ---- */

int frame_put(struct frame_input *input, const uint8_t *bytes, size_t length, struct error *err)
{
    size_t left = input->length - input->used;
    size_t capacity = input->capacity == 0 ? INPUT_START : input->capacity;
    uint8_t *grown;

    if (input->used > 0) {
        memmove(input->bytes, input->bytes + input->used, left);
        input->length = left;
        input->used = 0;
    }
    while (capacity - left < length)
        capacity *= 2;
    if (capacity != input->capacity) {
        grown = malloc(capacity);
        if (grown == NULL)
            return error_set(err, ERROR_INTERNAL, "out of memory");
        if (left > 0)
            memcpy(grown, input->bytes, left);
        if (input->bytes != NULL)
            OPENSSL_cleanse(input->bytes, input->capacity);
        free(input->bytes);
        input->bytes = grown;
        input->capacity = capacity;
    }
    memcpy(input->bytes + left, bytes, length);
    input->length += length;
    return 0;
}

void frame_clear(struct frame_input *input)
{
    if (input->bytes != NULL)
        OPENSSL_cleanse(input->bytes, input->capacity);
    free(input->bytes);
    *input = (struct frame_input){0};
}

static const struct replica_row *read_rows(struct arena *arena, Record__ChangeRecord **records, size_t count)
{
    struct replica_row *rows = arena_alloc(arena, (count + 1) * sizeof(*rows));

    for (size_t i = 0; rows != NULL && i < count; i++) {
        const Record__ChangeRecord *record = records[i];

        rows[i] = (struct replica_row){.database = record->database,
                                       .scope = record->scope == STORE_SCOPE_PAIR ? STORE_SCOPE_PAIR
                                                                                  : STORE_SCOPE_NODE,
                                       .key = record->key.data,
                                       .key_length = record->key.len,
                                       .value_length = record->has_value ? record->value.len : 0};
        if (record->has_value) /* a record of nothing but defaults has no bytes, and is there all the same */
            rows[i].value = record->value.len > 0 ? record->value.data : (const uint8_t *)"";
    }
    return rows;
}

static bool read_start(const Record__StreamStart *start, struct replica_state *out)
{
    if (strlen(start->line) != REPLICA_LINE_SIZE - 1 || start->n_epochs == 0 ||
        start->n_epochs > REPLICA_EPOCHS_MOST)
        return false;
    memcpy(out->line, start->line, REPLICA_LINE_SIZE);
    out->revision = start->revision;
    for (size_t i = 0; i < start->n_epochs; i++) {
        const Record__Epoch *epoch = start->epochs[i];
        uint64_t before = i == 0 ? 0 : out->epochs[i - 1].revision;

        if (epoch->epoch <= out->epoch || epoch->revision < before || epoch->revision > start->revision)
            return false;
        out->epoch = epoch->epoch;
        out->epochs[out->epoch_count++] = (struct replica_epoch){epoch->epoch, epoch->revision};
    }
    return true;
}

static bool read_ack(const Record__StreamAck *ack, struct ha_position *out)
{
    if (strlen(ack->line) != REPLICA_LINE_SIZE - 1)
        return false;
    memcpy(out->line, ack->line, REPLICA_LINE_SIZE);
    out->epoch = ack->epoch;
    out->revision = ack->revision;
    return true;
}

static bool read_frame(struct arena *arena, const Record__Frame *frame, struct frame *out)
{
    *out = (struct frame){.kind = FRAME_ALIVE};
    if (frame->start != NULL) {
        out->kind = FRAME_START;
        out->total = frame->start->total;
        return read_start(frame->start, &out->state);
    }
    if (frame->rows != NULL) {
        out->kind = FRAME_ROWS;
        out->row_count = frame->rows->n_rows;
        out->rows = read_rows(arena, frame->rows->rows, out->row_count);
        return out->rows != NULL;
    }
    if (frame->change != NULL) {
        out->kind = FRAME_CHANGE;
        out->change = (struct replica_change){.revision = frame->change->revision,
                                              .when_ms = frame->change->when_ms,
                                              .row_count = frame->change->n_rows,
                                              .more = frame->change->more};
        out->change.rows = read_rows(arena, frame->change->rows, frame->change->n_rows);
        return out->change.rows != NULL;
    }
    if (frame->end != NULL) {
        out->kind = FRAME_END;
        out->total = frame->end->rows;
        return true;
    }
    if (frame->ack != NULL) {
        out->kind = FRAME_ACK;
        return read_ack(frame->ack, &out->position);
    }
    return frame->alive;
}

int frame_next(struct frame_input *input, struct arena *arena, struct frame *out, struct error *err)
{
    ProtobufCAllocator allocator = allocator_of(arena);
    const uint8_t *start = input->bytes + input->used;
    const uint8_t *end = input->bytes + input->length;
    const uint8_t *body;
    Record__Frame *frame;
    uint64_t length;

    if (input->used == input->length)
        return 0;
    body = wire_read_varint(start, end, &length);
    if (body == NULL && end - start < WIRE_VARINT_MOST)
        return 0;
    if (body == NULL || length > FRAME_MOST)
        return error_set(err, ERROR_UNTRUSTED, "the other node sent a message of more than %u bytes",
                         FRAME_MOST);
    if (length > (uint64_t)(end - body))
        return 0;
    frame = record__frame__unpack(&allocator, (size_t)length, body);
    if (frame == NULL || !read_frame(arena, frame, out))
        return error_set(err, ERROR_UNTRUSTED, "the other node sent what is no message of replication");
    input->used = (size_t)(body - input->bytes) + (size_t)length;
    return 1;
}
