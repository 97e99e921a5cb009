#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *text, size_t more)
{
    size_t capacity = text->capacity ? text->capacity : 64;
    char *data;

    if (text->failed)
        return false;
    if (text->data != NULL && text->length + more < text->capacity)
        return true;
    while (capacity <= text->length + more)
        capacity *= 2;
    data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_add(struct text *text, const char *data, size_t length)
{
    if (!reserve(text, length))
        return;
    if (length > 0)
        memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

char *text_room(struct text *text, size_t length)
{
    if (!reserve(text, length))
        return NULL;
    text->length += length;
    text->data[text->length] = '\0';
    return text->data + text->length - length;
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(text, (size_t)length))
        return;
    va_start(args, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, args);
    va_end(args);
    text->length += (size_t)length;
}

char *text_take(struct text *text)
{
    char *data;

    text_add(text, "", 0);
    if (text->failed) {
        text_free(text);
        return NULL;
    }
    data = text->data;
    *text = (struct text){0};
    return data;
}

void text_clear(struct text *text)
{
    text->length = 0;
    if (text->data != NULL)
        text->data[0] = '\0';
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

size_t text_utf8_next(const char *bytes, size_t length, uint32_t *codepoint)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead;
    uint32_t value;
    size_t need;

    if (length == 0)
        return 0;
    lead = (unsigned char)bytes[0];
    if (lead < 0x80)
        need = 1, value = lead;
    else if (lead >= 0xc2 && lead < 0xe0)
        need = 2, value = lead & 0x1fU;
    else if (lead >= 0xe0 && lead < 0xf0)
        need = 3, value = lead & 0x0fU;
    else if (lead >= 0xf0 && lead < 0xf5)
        need = 4, value = lead & 0x07U;
    else
        return 0;
    if (need > length)
        return 0;
    for (size_t i = 1; i < need; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (byte & 0x3fU);
    }
    if (value < smallest[need] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    if (codepoint != NULL)
        *codepoint = value;
    return need;
}

size_t text_cut_utf8(const char *string, size_t limit)
{
    size_t length = strnlen(string, limit);
    size_t start = length;

    while (start > 0 && length - start < 3 && ((unsigned char)string[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)string[start - 1] < 0xc0)
        return length;
    /* string[start - 1] leads the last character: keep it only if it is whole */
    return text_utf8_next(string + start - 1, length - start + 1, NULL) == length - start + 1 ? length
                                                                                              : start - 1;
}

bool text_is_utf8(const char *bytes, size_t length)
{
    while (length > 0) {
        size_t step = text_utf8_next(bytes, length, NULL);
        if (step == 0)
            return false;
        bytes += step;
        length -= step;
    }
    return true;
}

/* Characters that a terminal or a reader of the log could take for something else than text. */
static bool is_harmful(uint32_t codepoint)
{
    return codepoint < 0x20 || (codepoint >= 0x7f && codepoint < 0xa0) || codepoint == 0x2028 ||
           codepoint == 0x2029 || (codepoint >= 0x202a && codepoint <= 0x202e) ||
           (codepoint >= 0x2066 && codepoint <= 0x2069) || codepoint == 0x200e || codepoint == 0x200f ||
           codepoint == 0xfeff;
}

static void add_escaped(struct text *text, const char *bytes, size_t length, const char *also, bool backslash)
{
    while (length > 0) {
        uint32_t codepoint = 0;
        size_t step = text_utf8_next(bytes, length, &codepoint);
        bool escape = step == 0 || is_harmful(codepoint) || (backslash && codepoint == '\\');

        if (!escape && also != NULL && codepoint < 0x80)
            escape = strchr(also, (int)codepoint) != NULL;
        if (step == 0)
            step = 1;
        if (escape) {
            for (size_t i = 0; i < step; i++)
                text_format(text, "\\%02x", (unsigned char)bytes[i]);
        } else {
            text_add(text, bytes, step);
        }
        bytes += step;
        length -= step;
    }
}

void text_add_escaped(struct text *text, const char *bytes, size_t length, const char *also)
{
    add_escaped(text, bytes, length, also, true);
}

void text_add_line(struct text *text, const char *bytes, size_t length)
{
    add_escaped(text, bytes, length, NULL, false);
}

bool text_is_printable(const char *bytes, size_t length)
{
    while (length > 0) {
        uint32_t codepoint = 0;
        size_t step = text_utf8_next(bytes, length, &codepoint);
        if (step == 0 || is_harmful(codepoint))
            return false;
        bytes += step;
        length -= step;
    }
    return true;
}
