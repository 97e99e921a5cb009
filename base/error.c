#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[ERROR_CODES] = {
    [ERROR_NONE] = "none",
    [ERROR_INVALID_ARGUMENT] = "invalid-argument",
    [ERROR_NOT_FOUND] = "not-found",
    [ERROR_CONFLICT] = "conflict",
    [ERROR_DENIED] = "denied",
    [ERROR_UNREACHABLE] = "unreachable",
    [ERROR_PIN_MISMATCH] = "pin-mismatch",
    [ERROR_UNTRUSTED] = "untrusted",
    [ERROR_NOT_ACTIVE] = "not-active",
    [ERROR_BUSY] = "busy",
    [ERROR_STORE_FULL] = "store-full",
    [ERROR_TIMEOUT] = "timeout",
    [ERROR_INTERNAL] = "internal",
};

__attribute__((format(printf, 2, 0))) static void print_cut(char *out, const char *format, va_list args)
{
    int length = vsnprintf(out, ERROR_TEXT_MAX, format, args);

    if (length < 0)
        out[0] = '\0';
    else if (length >= ERROR_TEXT_MAX)
        out[text_cut_utf8(out, ERROR_TEXT_MAX - 1)] = '\0';
}

void error_clear(struct error *err)
{
    err->code = ERROR_NONE;
    err->message[0] = '\0';
    err->hint[0] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return -1;
    err->code = code;
    err->hint[0] = '\0';
    va_start(args, format);
    print_cut(err->message, format, args);
    va_end(args);
    return -1;
}

int error_set_errno(struct error *err, int errnum, const char *format, ...)
{
    va_list args;
    size_t used;

    if (err == NULL)
        return -1;
    err->code = errnum == ENOSPC || errnum == EDQUOT ? ERROR_STORE_FULL : ERROR_INTERNAL;
    err->hint[0] = '\0';
    va_start(args, format);
    print_cut(err->message, format, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, ERROR_TEXT_MAX - used, ": %s", strerror(errnum));
    return -1;
}

int error_hint(struct error *err, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return -1;
    va_start(args, format);
    print_cut(err->hint, format, args);
    va_end(args);
    return -1;
}

const char *error_code_name(enum error_code code)
{
    return (unsigned)code < ERROR_CODES ? code_names[code] : code_names[ERROR_INTERNAL];
}

enum error_code error_code_parse(const char *name)
{
    for (int code = 0; code < ERROR_CODES; code++) {
        if (strcmp(code_names[code], name) == 0)
            return (enum error_code)code;
    }
    return ERROR_INTERNAL;
}
