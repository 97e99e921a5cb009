#include "base/fingerprint.h"

#include "base/hex.h"

#include <string.h>
#include <strings.h>

void fingerprint_format(const uint8_t sha256[FINGERPRINT_SIZE], char out[FINGERPRINT_TEXT_MAX])
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
        out[3 * i] = digits[sha256[i] >> 4];
        out[3 * i + 1] = digits[sha256[i] & 15];
        out[3 * i + 2] = i + 1 < FINGERPRINT_SIZE ? ':' : '\0';
    }
}

int fingerprint_parse(const char *text, uint8_t sha256[FINGERPRINT_SIZE], struct error *err)
{
    static const char *const prefixes[] = {"SHA256:", "sha256 Fingerprint="};
    const char *digits = text;

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncasecmp(digits, prefixes[i], strlen(prefixes[i])) == 0)
            digits += strlen(prefixes[i]);
    }
    for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
        int high = hex_value(digits[0]);
        int low = high < 0 ? -1 : hex_value(digits[1]);

        if (low < 0)
            goto bad;
        sha256[i] = (uint8_t)(high << 4 | low);
        digits += 2;
        if (*digits == ':' && i + 1 < FINGERPRINT_SIZE)
            digits++;
    }
    if (*digits == '\0')
        return 0;
bad:
    return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.100s\" is not a SHA-256 of 64 hexadecimal digits",
                     text);
}
