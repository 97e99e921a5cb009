/* Arbitrary bytes as an ISE's answer, in arbitrary parts: however it is cut, the same comes of it, and what
 * is kept can be shown. */
#include "base/text.h"
#include "servers/ise_xml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    int result;
    size_t sessions;
    uint64_t count;
};

static void check_field(const char *field)
{
    size_t length = strlen(field);

    if (length >= ISE_FIELD_MAX || !text_is_printable(field, length))
        abort();
}

static bool take(void *arg, const struct ise_session *session)
{
    struct outcome *outcome = arg;

    check_field(session->user);
    check_field(session->station);
    check_field(session->address);
    check_field(session->device);
    check_field(session->session);
    check_field(session->server);
    return ++outcome->sessions < 1000;
}

static struct outcome read_all(enum ise_document document, const char *charset, const char *bytes,
                               size_t length, size_t step)
{
    struct outcome outcome = {0};
    struct error err = {0};
    struct ise_reader *reader = ise_reader_new(document, charset, take, &outcome, &err);

    if (reader == NULL)
        abort();
    for (size_t at = 0; at < length && outcome.result == 0; at += step)
        outcome.result = ise_reader_add(reader, bytes + at, length - at < step ? length - at : step, &err);
    if (outcome.result == 0)
        outcome.result = ise_reader_finish(reader, &err);
    if ((outcome.result != 0) != (err.message[0] != '\0'))
        abort();
    if (outcome.result == 0)
        outcome.count = ise_reader_count(reader);
    check_field(ise_reader_version(reader)->product);
    check_field(ise_reader_version(reader)->version);
    ise_reader_free(reader);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {"", "UTF-8", "UTF-16", "ISO-8859-1"};
    enum ise_document document;
    const char *charset;
    struct outcome whole;
    struct outcome parts;

    if (size < 1)
        return 0;
    document = (enum ise_document)(data[0] % 3);
    charset = charsets[data[0] / 3 % 4];
    whole = read_all(document, charset, (const char *)data + 1, size - 1, size);
    parts = read_all(document, charset, (const char *)data + 1, size - 1, 1 + data[0] / 12U);
    if (whole.result != parts.result || whole.sessions != parts.sessions || whole.count != parts.count)
        abort();
    return 0;
}
