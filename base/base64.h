/* Base64 (RFC 4648 section 4), strict: padding required, nothing but the alphabet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that the text of `length` bytes takes, its NUL included. */
#define BASE64_TEXT_SIZE(length) (((length) + 2) / 3 * 4 + 1)

/* out: BASE64_TEXT_SIZE(length) bytes. */
void base64_encode(const void *bytes, size_t length, char *out);

/* out: at least strlen(text) / 4 * 3 bytes. False: it is no base64, or says nothing. */
bool base64_decode(const char *text, uint8_t *out, size_t *length);
