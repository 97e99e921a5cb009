/* What went wrong, in one sentence for a person and one code for a program. */
#pragma once

#include <stddef.h>

/* The codes every floor, the control socket and `| json` share. */
enum error_code {
    ERROR_NONE = 0,
    ERROR_INVALID_ARGUMENT, /* the caller asked for something that makes no sense */
    ERROR_NOT_FOUND,        /* what was named is not there */
    ERROR_CONFLICT,         /* it is there already, or something stands against it */
    ERROR_DENIED,           /* the caller may not do this */
    ERROR_UNREACHABLE,      /* the other side cannot be reached */
    ERROR_PIN_MISMATCH,     /* the other side shows a certificate other than the pinned one */
    ERROR_UNTRUSTED,        /* the other side's certificate cannot be trusted */
    ERROR_NOT_ACTIVE,       /* this node is not the active one of the pair */
    ERROR_BUSY,             /* something of the kind is running already */
    ERROR_STORE_FULL,       /* no room for another record on disk */
    ERROR_TIMEOUT,          /* it took too long */
    ERROR_INTERNAL,         /* none of the above: a defect or a broken machine */
    ERROR_CODES             /* how many there are */
};

#define ERROR_TEXT_MAX \
    1024 /* bytes, the closing NUL included; holds two commands with the longest host name */

/* Filled by the function that failed; passed up unchanged. Zeroed, it means "no error". */
struct error {
    enum error_code code;
    char message[ERROR_TEXT_MAX]; /* what failed, on what, and why; no full stop, no line end */
    char hint[ERROR_TEXT_MAX];    /* what to do next; "" where there is nothing to do */
};

/* No error, without writing over all of its room. */
void error_clear(struct error *err);

/*
 * Sets code and message and clears the hint. A text too long is cut at a character's end.
 * err may be NULL. Always returns -1, so that a failing function can `return error_set(...)`.
 */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with `: <strerror(errnum)>` behind the text. Maps ENOSPC and EDQUOT to ERROR_STORE_FULL. */
int error_set_errno(struct error *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds what to do next. Returns -1. */
int error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The code's name on the wire, e.g. "not-found"; "none" for ERROR_NONE. */
const char *error_code_name(enum error_code code);

/* The code of a name; ERROR_INTERNAL for a name that is not one. */
enum error_code error_code_parse(const char *name);
