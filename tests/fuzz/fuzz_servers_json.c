/* Arbitrary bytes as a DNA Center's answer: a token fits into a header, a field can be shown, a time makes
 * sense. */
#include "base/text.h"
#include "servers/dnac_json.h"

#include <stdlib.h>
#include <string.h>

#define NOW 1700000000000LL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const char *field)
{
    size_t length = strlen(field);

    if (length >= DNAC_FIELD_MAX || !text_is_printable(field, length))
        abort();
}

static bool take(void *arg, const struct dnac_device *device)
{
    size_t *count = arg;

    check_field(device->name);
    check_field(device->address);
    check_field(device->platform);
    check_field(device->version);
    check_field(device->reachability);
    check_field(device->serial);
    ++*count;
    return true;
}

static void check_time(const char *token)
{
    int64_t until_ms = dnac_token_until(token, NOW);

    if (until_ms < NOW || until_ms > NOW + 24 * 3600 * 1000LL)
        abort();
}

static void read_token(const char *body, size_t length)
{
    char token[DNAC_TOKEN_MAX];
    struct error err = {0};

    if (dnac_read_token("", body, length, token, &err) != 0) {
        if (err.message[0] == '\0')
            abort();
        return;
    }
    for (const char *c = token; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            abort();
    }
    check_time(token);
}

static void read_bare_token(const char *bytes, size_t length)
{
    char token[DNAC_TOKEN_MAX];

    if (length >= sizeof(token))
        return;
    memcpy(token, bytes, length);
    token[length] = '\0';
    check_time(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data + 1;
    struct error err = {0};
    size_t taken = 0;
    size_t count = 0;
    char version[DNAC_FIELD_MAX] = "";
    uint64_t number;

    if (size < 1)
        return 0;
    switch (data[0] % 5) {
    case 0:
        read_token(body, size - 1);
        break;
    case 1:
        read_bare_token(body, size - 1);
        break;
    case 2:
        dnac_read_count("", body, size - 1, &number, &err);
        break;
    case 4:
        if (dnac_read_release("", body, size - 1, version, &err) == 0 && strlen(version) >= sizeof(version))
            abort();
        break;
    default:
        if (dnac_read_devices("", body, size - 1, take, &taken, &count, &err) == 0 && taken != count)
            abort();
    }
    return 0;
}
