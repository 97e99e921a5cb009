#include "base/hex.h"
#include "base/text.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <string.h>

/* "<what>" with the part, made safe to print, cut to what a message can carry. */
static int part_error(struct error *err, const char *part, size_t length, const char *why)
{
    struct text shown = {0};

    text_add_escaped(&shown, part, length, NULL);
    error_set(err, ERROR_INVALID_ARGUMENT, "cannot read \"%.*s\" in the subject: %s",
              shown.data == NULL ? 0 : (int)text_cut_utf8(shown.data, 100), shown.data ? shown.data : "",
              why);
    text_free(&shown);
    return -1;
}

/* Undoes the escapes of a value: `\/`, `\\` and the two hexadecimal digits that listings print. */
static int unescape(struct text *value, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int high, low;

        if (text[i] != '\\') {
            text_add(value, text + i, 1);
            continue;
        }
        high = i + 1 < length ? hex_value(text[i + 1]) : -1;
        low = i + 2 < length ? hex_value(text[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            char byte = (char)(high << 4 | low);
            text_add(value, &byte, 1);
            i += 2;
        } else if (i + 1 < length && (text[i + 1] == '/' || text[i + 1] == '\\')) {
            text_add(value, text + i + 1, 1);
            i++;
        } else {
            return -1;
        }
    }
    text_add(value, "", 0);
    return value->failed ? -1 : 0;
}

static int add_part(X509_NAME *name, const char *part, size_t length, struct error *err)
{
    const char *equals = memchr(part, '=', length);
    struct text value = {0};
    ASN1_OBJECT *object;
    char type[64];
    int result = -1;

    if (equals == NULL || equals == part || (size_t)(equals - part) >= sizeof(type))
        return part_error(err, part, length, "it is not <type>=<value>");
    memcpy(type, part, (size_t)(equals - part));
    type[equals - part] = '\0';
    object = OBJ_txt2obj(type, 0); /* a short or long name, or a dotted number that may be new to OpenSSL */
    if (object == NULL) {
        part_error(err, part, length, "there is no such type");
        goto out;
    }
    if (unescape(&value, equals + 1, (size_t)(part + length - equals - 1)) != 0) {
        part_error(err, part, length, "\"\\\" stands before \"/\", \"\\\" or two hexadecimal digits only");
        goto out;
    }
    if (value.length == 0 || !text_is_utf8(value.data, value.length)) {
        part_error(err, part, length, value.length == 0 ? "the value is empty" : "it is not UTF-8");
        goto out;
    }
    if (X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8, (const unsigned char *)value.data,
                                   (int)value.length, -1, 0) != 1) {
        unsigned long queued = ERR_peek_last_error();
        const char *reason = queued == 0 ? NULL : ERR_reason_error_string(queued);
        part_error(err, part, length, reason == NULL ? "the value does not fit the type" : reason);
        goto out;
    }
    result = 0;
out:
    ERR_clear_error();
    ASN1_OBJECT_free(object);
    text_free(&value);
    return result;
}

/* The length up to the next slash that no backslash stands before. */
static size_t part_length(const char *part)
{
    size_t length = 0;

    while (part[length] != '\0' && part[length] != '/')
        length += part[length] == '\\' && part[length + 1] != '\0' ? 2 : 1;
    return length;
}

X509_NAME *x509_parse_subject(const char *slash_form, struct error *err)
{
    X509_NAME *name;
    const char *at = slash_form;

    if (at[0] != '/' || at[1] == '\0' || strlen(at) > X509_SUBJECT_MAX) {
        part_error(err, at, strlen(at), "a subject is written as /C=US/O=Example/CN=name");
        return NULL;
    }
    name = X509_NAME_new();
    if (name == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    while (*at == '/') {
        size_t length = part_length(++at);

        if (add_part(name, at, length, err) != 0) {
            X509_NAME_free(name);
            return NULL;
        }
        at += length;
    }
    return name;
}
