#include "daemon/archive.h"

#include <string.h>

enum mark { MARK_FILE = 'F', MARK_END = 'E' };

int archive_begin_file(struct sealed_writer *writer, const char *name, struct error *err)
{
    size_t length = strlen(name);
    const uint8_t head[] = {MARK_FILE, (uint8_t)(length >> 8), (uint8_t)length};

    if (length == 0 || length >= ARCHIVE_NAME_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a file's name is too long for a backup");
    return sealed_writer_add(writer, head, sizeof(head), err) != 0
               ? -1
               : sealed_writer_add(writer, name, length, err);
}

static int add_length(struct sealed_writer *writer, size_t length, struct error *err)
{
    const uint8_t bytes[] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                             (uint8_t)length};

    return sealed_writer_add(writer, bytes, sizeof(bytes), err);
}

int archive_add(struct sealed_writer *writer, const void *bytes, size_t length, struct error *err)
{
    const uint8_t *from = bytes;

    while (length > 0) {
        size_t part = length < ARCHIVE_BLOCK ? length : ARCHIVE_BLOCK;

        if (add_length(writer, part, err) != 0 || sealed_writer_add(writer, from, part, err) != 0)
            return -1;
        from += part;
        length -= part;
    }
    return 0;
}

int archive_end_file(struct sealed_writer *writer, struct error *err)
{
    return add_length(writer, 0, err);
}

int archive_end(struct sealed_writer *writer, struct error *err)
{
    const uint8_t mark = MARK_END;

    return sealed_writer_add(writer, &mark, 1, err) != 0 ? -1 : sealed_writer_finish(writer, err);
}

/* It was sealed under the right passphrase, and yet it is none: not our program's, or a defect. */
static int strange(struct error *err)
{
    return error_set(err, ERROR_UNTRUSTED, "the backup does not hold what a backup holds");
}

static int get_exactly(struct sealed_reader *reader, void *bytes, size_t length, struct error *err)
{
    size_t got;

    if (sealed_reader_get(reader, bytes, length, &got, err) != 0)
        return -1;
    return got == length ? 0 : strange(err);
}

int archive_next(struct sealed_reader *reader, char name[ARCHIVE_NAME_MAX], struct error *err)
{
    uint8_t head[2];
    uint8_t mark;
    uint8_t more;
    size_t got;
    size_t length;

    if (get_exactly(reader, &mark, 1, err) != 0)
        return -1;
    if (mark == MARK_END) {
        if (sealed_reader_get(reader, &more, 1, &got, err) != 0)
            return -1;
        return got == 0 ? 0 : strange(err);
    }
    if (mark != MARK_FILE)
        return strange(err);
    if (get_exactly(reader, head, sizeof(head), err) != 0)
        return -1;
    length = (size_t)head[0] << 8 | head[1];
    if (length == 0 || length >= ARCHIVE_NAME_MAX)
        return strange(err);
    if (get_exactly(reader, name, length, err) != 0)
        return -1;
    name[length] = '\0';
    return strlen(name) == length ? 1 : strange(err);
}

int archive_get(struct sealed_reader *reader, void *block, size_t *length, struct error *err)
{
    uint8_t bytes[4];

    if (get_exactly(reader, bytes, sizeof(bytes), err) != 0)
        return -1;
    *length = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
    if (*length > ARCHIVE_BLOCK)
        return strange(err);
    return *length == 0 ? 0 : get_exactly(reader, block, *length, err);
}
