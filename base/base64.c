#include "base/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t length, char *out)
{
    const uint8_t *in = bytes;

    for (size_t i = 0; i < length; i += 3) {
        uint32_t group = (uint32_t)in[i] << 16;

        if (i + 1 < length)
            group |= (uint32_t)in[i + 1] << 8;
        if (i + 2 < length)
            group |= in[i + 2];
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = i + 1 < length ? alphabet[group >> 6 & 63] : '=';
        *out++ = i + 2 < length ? alphabet[group & 63] : '=';
    }
    *out = '\0';
}

/* The value of a digit; -1 for what is none. */
static int value_of(char digit)
{
    const char *at = digit == '\0' ? NULL : strchr(alphabet, digit);

    return at == NULL ? -1 : (int)(at - alphabet);
}

bool base64_decode(const char *text, uint8_t *out, size_t *length)
{
    size_t digits = strlen(text);
    size_t padding = 0;

    *length = 0;
    if (digits == 0 || digits % 4 != 0)
        return false;
    while (padding < 2 && text[digits - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < digits; i += 4) {
        size_t missing = i + 4 == digits ? padding : 0;
        uint32_t group = 0;

        for (size_t j = 0; j < 4; j++) {
            int value = j < 4 - missing ? value_of(text[i + j]) : 0;

            if (value < 0)
                return false;
            group = group << 6 | (uint32_t)value;
        }
        /* Bits behind the last byte would make two texts of the same bytes. */
        if ((group & ((1U << 8 * missing) - 1)) != 0)
            return false;
        for (size_t j = 0; j < 3 - missing; j++)
            out[(*length)++] = (uint8_t)(group >> (16 - 8 * j));
    }
    return true;
}
