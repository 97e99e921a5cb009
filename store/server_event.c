#include "store/server.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/record.h"
#include "store/small_record.h"

#include <errno.h>
#include <string.h>

#define TRIM_MOST 2 /* of the oldest, deleted with each new one */

bool server_event_read(struct arena *arena, const void *bytes, size_t length, struct server_event *out)
{
    const Record__ServerEvent *record =
        record_unpack(arena, &record__server_event__descriptor, bytes, length);

    if (record == NULL || record->kind >= SERVER_KINDS || record->port > UINT16_MAX)
        return false;
    out->when_ms = record->when_ms;
    out->kind = (enum server_kind)record->kind;
    out->host = record->host;
    out->port = (uint16_t)record->port;
    out->who = record->who;
    out->what = record->what;
    out->text = record->text;
    return true;
}

/* Parts of the text were escaped before, so a backslash stays. */
static char *one_line(struct store_txn *txn, const char *string)
{
    struct text text = {0};
    char *copy;

    text_add_line(&text, string, strlen(string));
    copy = text.failed ? NULL : arena_copy(&txn->arena, text.data, text.length);
    if (copy == NULL)
        record_fail(txn, ENOMEM, "write");
    text_free(&text);
    return copy != NULL ? copy : (char *)(uintptr_t) "";
}

static void trim(struct store_txn *txn)
{
    uint64_t count = record_count(txn, DATABASE_SERVER_EVENTS);

    for (int i = 0; i < TRIM_MOST && count > SERVER_EVENTS_KEPT; i++, count--) {
        uint64_t oldest = record_first_number(txn, DATABASE_SERVER_EVENTS);

        record_remove(txn, DATABASE_SERVER_EVENTS, record_key_number(&oldest));
    }
}

int server_event_append(struct store_txn *txn, const struct server_event *event, struct error *err)
{
    Record__ServerEvent record = RECORD__SERVER_EVENT__INIT;
    uint64_t number = record_last_number(txn, DATABASE_SERVER_EVENTS) + 1;

    record.when_ms = event->when_ms;
    record.kind = event->kind;
    record.host = one_line(txn, event->host);
    record.port = event->port;
    record.who = one_line(txn, event->who);
    record.what = one_line(txn, event->what);
    record.text = one_line(txn, event->text != NULL ? event->text : "");
    record_put(txn, DATABASE_SERVER_EVENTS, STORE_SCOPE_NODE, record_key_number(&number), &record.base);
    trim(txn);
    return record_status(txn, err);
}

struct event_walk {
    int (*each)(void *arg, const struct server_event *event);
    void *arg;
};

static enum record_step event_row(void *arg, struct arena *scratch, const MDB_val *key, const MDB_val *value)
{
    const struct event_walk *walk = arg;
    struct server_event event = {.number = record_number(key)};

    if (!server_event_read(scratch, value->mv_data, value->mv_size, &event))
        return RECORD_DAMAGED;
    return walk->each(walk->arg, &event) != 0 ? RECORD_ENOUGH : RECORD_NEXT;
}

int server_event_each(struct store_txn *txn, uint64_t count,
                      int (*each)(void *arg, const struct server_event *event), void *arg, struct error *err)
{
    uint64_t last = record_last_number(txn, DATABASE_SERVER_EVENTS);
    uint64_t start = count == 0 || count >= last ? 1 : last - count + 1;
    struct event_walk walk = {each, arg};

    return record_walk(txn, DATABASE_SERVER_EVENTS, record_key_number(&start), event_row, &walk, err);
}

int server_event_note(struct store_txn *txn, const struct server *server, const char *who, const char *what,
                      const char *text, struct error *err)
{
    const struct server_event event = {.when_ms = clock_wall_ms(),
                                       .kind = server->kind,
                                       .host = server->address.host,
                                       .port = server->address.port,
                                       .who = who,
                                       .what = what,
                                       .text = text};

    return server_event_append(txn, &event, err);
}
