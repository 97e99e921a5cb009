#include "lab/gzip.h"

#include <string.h>

#define RUN_MAX 258 /* bytes that one repetition stands for (RFC 1951 section 3.2.5) */

/* A bit stream (RFC 1951 section 3.1.1): numbers go lowest bit first, Huffman codes highest bit first. */
struct bits {
    struct text *out;
    unsigned held;
    unsigned count;
    uint32_t check; /* CRC-32 of what it unpacks to (RFC 1952 section 8) */
    uint32_t size;
};

static void add_number(struct bits *bits, unsigned number, unsigned count)
{
    bits->held |= number << bits->count;
    bits->count += count;
    while (bits->count >= 8) {
        const char byte = (char)(bits->held & 0xff);

        text_add(bits->out, &byte, 1);
        bits->held >>= 8;
        bits->count -= 8;
    }
}

static void add_code(struct bits *bits, unsigned code, unsigned count)
{
    while (count-- > 0)
        add_number(bits, code >> count & 1, 1);
}

static const uint32_t *check_table(void)
{
    static uint32_t table[256];

    if (table[1] != 0)
        return table;
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t value = n;

        for (int bit = 0; bit < 8; bit++)
            value = (value & 1) != 0 ? 0xedb88320U ^ value >> 1 : value >> 1;
        table[n] = value;
    }
    return table;
}

static void check(struct bits *bits, unsigned char byte, size_t times)
{
    const uint32_t *table = check_table();

    bits->size += (uint32_t)times;
    while (times-- > 0)
        bits->check = table[(bits->check ^ byte) & 0xff] ^ bits->check >> 8;
}

/* One byte as it is, in the fixed code (RFC 1951 section 3.2.6). */
static void add_literal(struct bits *bits, unsigned char byte)
{
    check(bits, byte, 1);
    if (byte < 144)
        add_code(bits, 0x30 + byte, 8);
    else
        add_code(bits, 0x190 + byte - 144, 9);
}

static void add_blanks(struct bits *bits, size_t count)
{
    if (count == 0)
        return;
    add_literal(bits, ' ');
    for (count--; count >= RUN_MAX; count -= RUN_MAX) {
        add_code(bits, 0xc5, 8); /* length 258 ... */
        add_code(bits, 0, 5);    /* ... of the byte before */
        check(bits, ' ', RUN_MAX);
    }
    while (count-- > 0)
        add_literal(bits, ' ');
}

void gzip_add(struct text *out, const char *front, size_t front_length, size_t blanks, const char *back,
              size_t back_length)
{
    static const char head[] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, (char)0xff};
    struct bits bits = {.out = out, .check = 0xffffffffU};

    text_add(out, head, sizeof(head));
    add_number(&bits, 1, 1); /* the last block ... */
    add_number(&bits, 1, 2); /* ... in the fixed code */
    for (size_t i = 0; i < front_length; i++)
        add_literal(&bits, (unsigned char)front[i]);
    add_blanks(&bits, blanks);
    for (size_t i = 0; i < back_length; i++)
        add_literal(&bits, (unsigned char)back[i]);
    add_code(&bits, 0, 7); /* end of the block */
    add_number(&bits, 0, (8 - bits.count) % 8);
    bits.check = ~bits.check;
    for (int i = 0; i < 4; i++)
        add_number(&bits, bits.check >> 8 * i & 0xff, 8);
    for (int i = 0; i < 4; i++)
        add_number(&bits, bits.size >> 8 * i & 0xff, 8);
}
