#include "store/own_ca.h"

#include "base/text.h"
#include "store/setting.h"

#include <stdlib.h>
#include <string.h>

#define SETTING "own-ca-certificates"
#define DIGITS (2 * FINGERPRINT_SIZE)

int own_ca_check_alias(const char *alias, struct error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(alias);

    if (length > 0 && length < OWN_CA_ALIAS_MAX && strspn(alias, allowed) == length && alias[0] != '-' &&
        alias[0] != '.')
        return 0;
    return error_set(
        err, ERROR_INVALID_ARGUMENT,
        "an alias has letters, digits, \".\", \"_\" and \"-\", at most %d of them, and starts with "
        "none of \"-.\"",
        OWN_CA_ALIAS_MAX - 1);
}

/* A line of the setting: fingerprint, blank, alias. False where it is none. */
static bool read_line(const char *line, size_t length, struct own_ca *out)
{
    char digits[DIGITS + 1];

    if (length < DIGITS + 2 || length - DIGITS - 1 >= OWN_CA_ALIAS_MAX || line[DIGITS] != ' ')
        return false;
    memcpy(digits, line, DIGITS);
    digits[DIGITS] = '\0';
    memcpy(out->alias, line + DIGITS + 1, length - DIGITS - 1);
    out->alias[length - DIGITS - 1] = '\0';
    return fingerprint_parse(digits, out->sha256, NULL) == 0;
}

int own_ca_list(struct store_txn *txn, struct own_ca **list, size_t *count, struct error *err)
{
    const uint8_t *value = NULL;
    struct error cause = {0};
    size_t length = 0;

    *count = 0;
    *list = NULL;
    if (setting_get(txn, SETTING, &value, &length, &cause) != 0 && cause.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = cause;
        return -1;
    }
    *list = calloc(OWN_CA_MAX, sizeof(**list));
    if (*list == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    for (size_t at = 0; at < length && *count < OWN_CA_MAX;) {
        const uint8_t *end = memchr(value + at, '\n', length - at);
        size_t line = end == NULL ? length - at : (size_t)(end - value) - at;

        if (!read_line((const char *)value + at, line, &(*list)[*count])) {
            free(*list);
            *list = NULL;
            return error_set(err, ERROR_INTERNAL, "the list of the CA certificates in the store is damaged");
        }
        (*count)++;
        at += line + 1;
    }
    return 0;
}

int own_ca_set(struct store_txn *txn, const struct own_ca *list, size_t count, struct error *err)
{
    struct text value = {0};
    int result;

    for (size_t i = 0; i < count; i++) {
        for (size_t b = 0; b < FINGERPRINT_SIZE; b++)
            text_format(&value, "%02x", list[i].sha256[b]);
        text_format(&value, " %s\n", list[i].alias);
    }
    if (value.failed)
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    else
        result = setting_set(txn, SETTING, STORE_SCOPE_NODE, value.data != NULL ? value.data : "",
                             value.length, err);
    text_free(&value);
    return result;
}
