/* What the other node answers: read in two pieces, it must be read as in one. */
#include "ha/link_json.h"
#include "net/http_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int gather(void *arg, const void *bytes, size_t length)
{
    text_add(arg, bytes, length);
    return 0;
}

/* How it ended, and what the body was. */
static int read_all(const char *bytes, size_t length, size_t cut, struct text *body, struct http_reply *reply)
{
    size_t used = 0, more = 0;
    int failed = http_reply_take(reply, bytes, cut, &used, gather, body, NULL);

    if (failed == 0 && used == cut)
        failed = http_reply_take(reply, bytes + cut, length - cut, &more, gather, body, NULL);
    return failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool upgrades = size > 0 && (data[size - 1] & 1) != 0;
    struct http_reply one = {.upgrades = upgrades}, two = {.upgrades = upgrades};
    struct text whole = {0}, parts = {0};
    size_t cut = size == 0 ? 0 : data[0] % size;
    int first = read_all((const char *)data, size, size, &whole, &one);
    int second = read_all((const char *)data, size, cut, &parts, &two);

    if (first != second || whole.length != parts.length || one.step != two.step ||
        (whole.length > 0 && memcmp(whole.data, parts.data, whole.length) != 0))
        abort();
    if (whole.length > 0) {
        struct error err = {0};
        json_t *object = link_json_read(whole.data, whole.length, NULL);

        link_json_read_error(object, &err);
        json_decref(object);
    }
    text_free(&whole);
    text_free(&parts);
    http_reply_clear(&one);
    http_reply_clear(&two);
    return 0;
}
