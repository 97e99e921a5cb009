/* Any bytes may stand where a record should: every reader of records must refuse them, or make sense of them.
 */
#include "store/feed.h"
#include "store/page_check.h"
#include "store/pin_record.h"
#include "store/pin_row.h"
#include "store/small_record.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sum; /* keeps the compiler from leaving the reading out */

/* Touches every byte that a text claims to have. */
static size_t touch(const char *text, size_t length)
{
    size_t total = 0;

    for (size_t i = 0; i < length; i++)
        total += (unsigned char)text[i];
    return total;
}

static void read_pin(struct arena *arena, const uint8_t *data, size_t size)
{
    struct pin_row row;
    struct pin pin, look;
    bool row_read = pin_row_read(data, size, &row);
    bool looked = pin_record_look(data, size, &look);

    if (row_read)
        sum = sum + touch(row.host, row.host_length) + touch(row.subject_slash, row.subject_slash_length) +
              touch(row.subject_oneline, row.subject_oneline_length);
    if (looked)
        sum = sum + strlen(look.host) + look.accepted_count;
    if (!pin_record_read(arena, data, size, &pin))
        return;
    sum = sum + strlen(pin.host) + strlen(pin.subject_slash) + pin.accepted_count;
    /* where both make sense of it, it is the same sense */
    if (looked && (strcmp(look.host, pin.host) != 0 || look.accepted_count != pin.accepted_count ||
                   memcmp(look.accepted, pin.accepted, sizeof(pin.accepted)) != 0 ||
                   memcmp(look.certificate, pin.certificate, sizeof(pin.certificate)) != 0 ||
                   look.last_seen_ms != pin.last_seen_ms || look.zone != pin.zone))
        abort();
}

static void read_change(struct arena *arena, const uint8_t *data, size_t size)
{
    struct change change;

    if (!feed_read(arena, data, size, &change))
        return;
    for (size_t i = 0; i < change.record_count; i++) {
        sum = sum + strlen(change.records[i].database) +
              touch((const char *)change.records[i].key, change.records[i].key_length) +
              touch((const char *)change.records[i].value, change.records[i].value_length);
    }
}

static void read_file(const uint8_t *data, size_t size)
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("data.mdb", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    if (page_check_header(fd, "fuzz", NULL) == 0)
        page_check_trees(fd, size, PAGE_CHECK_READER, "fuzz", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct pin_event event;
    struct pin_refused refused;
    struct certificate_facts facts;
    struct audit_entry audit;
    enum trust_policy policy;
    enum store_scope scope;
    const uint8_t *bytes;
    size_t length;
    struct ca_certificate ca;
    struct ca_state ca_state;
    struct ocsp_setting ocsp;
    struct server server;
    struct server_status server_status;
    struct server_event server_event;

    if (size == 0)
        return 0;
    switch (data[0] % 8) {
    case 0:
        read_pin(&arena, data + 1, size - 1);
        break;
    case 1:
        pin_event_read(&arena, data + 1, size - 1, &event);
        break;
    case 2:
        pin_refused_read(&arena, data + 1, size - 1, &refused);
        break;
    case 3:
        certificate_read(&arena, data + 1, size - 1, &facts, &bytes, &length);
        break;
    case 4:
        policy_read(data + 1, size - 1, &policy);
        setting_read(&arena, data + 1, size - 1, &scope, &bytes, &length);
        ca_read(&arena, data + 1, size - 1, &ca);
        ca_state_read(&arena, data + 1, size - 1, &ca_state);
        ocsp_setting_read(&arena, data + 1, size - 1, &ocsp);
        break;
    case 5:
        audit_read(&arena, data + 1, size - 1, &audit);
        server_read(&arena, data + 1, size - 1, &server);
        server_status_read(&arena, data + 1, size - 1, &server_status);
        server_event_read(&arena, data + 1, size - 1, &server_event);
        break;
    case 6:
        read_change(&arena, data + 1, size - 1);
        break;
    default:
        read_file(data + 1, size - 1);
    }
    arena_free(&arena);
    return 0;
}
