#include "store/pin_subject.h"

#include <string.h>

/* In the slash form a slash inside a value is escaped, so that each slash starts a part. */
void pin_subject_oneline(const char *slash, size_t length, struct text *out)
{
    const char *at = slash;
    const char *end = slash + length;

    while (at < end && *at == '/') {
        const char *part = at + 1;
        const char *next = memchr(part, '/', (size_t)(end - part));
        const char *stop = next != NULL ? next : end;
        const char *equals = memchr(part, '=', (size_t)(stop - part));

        if (at > slash)
            text_add(out, ", ", 2);
        if (equals == NULL) {
            text_add(out, part, (size_t)(stop - part));
        } else {
            text_add(out, part, (size_t)(equals - part));
            text_add(out, " = ", 3);
            text_add(out, equals + 1, (size_t)(stop - equals - 1));
        }
        at = stop;
    }
}
