/* show cert expiry: every certificate whose end matters, soonest first. */
#include "store/expiry.h"

#include "base/arena.h"
#include "base/clock.h"
#include "commands/context.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS (24 * 3600 * 1000LL)

enum { EXPIRY_EXPIRES, EXPIRY_DAYS, EXPIRY_KIND, EXPIRY_NAME, EXPIRY_SUBJECT };
static const struct shell_column expiry_columns[] = {
    [EXPIRY_EXPIRES] = {.name = "expires", .heading = "Expires", .kind = SHELL_TIME},
    [EXPIRY_DAYS] = {.name = "days", .heading = "Days", .kind = SHELL_NUMBER},
    [EXPIRY_KIND] = {.name = "kind", .heading = "Kind"},
    [EXPIRY_NAME] = {.name = "name", .heading = "Certificate"},
    [EXPIRY_SUBJECT] = {.name = "subject", .heading = "Subject"},
};
static const struct shell_listing expiry_listing = {.name = "expiries",
                                                    .form = SHELL_TABLE,
                                                    SHELL_COLUMNS(expiry_columns),
                                                    .none = "No certificate is kept here.\n"};

struct collection {
    struct arena arena; /* the texts */
    struct expiry *items;
    size_t count;
    bool failed;
};

static int collect(void *arg, const struct expiry *expiry)
{
    struct collection *collection = arg;
    struct expiry *item;

    if ((collection->count & (collection->count - 1)) == 0) {
        size_t more = collection->count == 0 ? 1 : 2 * collection->count;
        struct expiry *grown = realloc(collection->items, more * sizeof(*grown));

        collection->failed = grown == NULL;
        if (grown == NULL)
            return -1;
        collection->items = grown;
    }
    item = &collection->items[collection->count];
    *item = *expiry;
    item->name = arena_copy(&collection->arena, expiry->name, strlen(expiry->name));
    item->subject_slash =
        arena_copy(&collection->arena, expiry->subject_slash, strlen(expiry->subject_slash));
    collection->failed = item->name == NULL || item->subject_slash == NULL;
    collection->count += !collection->failed;
    return collection->failed;
}

static int compare(const void *left, const void *right)
{
    const struct expiry *a = left;
    const struct expiry *b = right;

    if (a->not_after_ms != b->not_after_ms)
        return a->not_after_ms < b->not_after_ms ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void print(struct shell_output *output, const struct collection *collection, int64_t now_ms)
{
    output_begin(output, &expiry_listing);
    for (size_t i = 0; i < collection->count && !output_stopped(output); i++) {
        const struct expiry *item = &collection->items[i];
        int64_t left_ms = item->not_after_ms - now_ms;

        output_time(output, EXPIRY_EXPIRES, item->not_after_ms);
        /* a part of a day that is over counts as one, a part of one that is left does not */
        output_number(output, EXPIRY_DAYS,
                      left_ms >= 0 ? left_ms / DAY_MS : -((-left_ms + DAY_MS - 1) / DAY_MS));
        output_string(output, EXPIRY_KIND, expiry_kind_name(item->kind));
        output_string(output, EXPIRY_NAME, item->name);
        output_string(output, EXPIRY_SUBJECT, item->subject_slash);
        output_row_end(output);
    }
    output_end(output);
}

static int run_expiry(struct shell_call *call, struct error *err)
{
    struct collection collection = {.arena.block_size = 64 * 1024};
    struct store_txn *txn = context_read(call, err);
    int64_t now_ms = clock_wall_ms();
    int failed;

    if (txn == NULL)
        return -1;
    failed = expiry_each(txn, collect, &collection, err);
    store_end(txn);
    if (failed == 0 && collection.failed)
        failed = error_set(err, ERROR_INTERNAL, "out of memory");
    if (failed == 0) {
        qsort(collection.items, collection.count, sizeof(*collection.items), compare);
        print(shell_output(call), &collection, now_ms);
        if (collection.count > 0 && collection.items[0].not_after_ms < now_ms)
            failed = SHELL_TROUBLE;
    }
    free(collection.items);
    arena_free(&collection.arena);
    return failed;
}

static const struct shell_command commands[] = {
    {.grammar = "show cert expiry",
     .help = "When the certificates end, soonest first",
     .run = run_expiry,
     .needs = NEED_STORE,
     .manual = "This node's own certificates (the HTTPS service's and those of the purposes), the CA "
               "certificates that its own is served with (issuer) and those of all trust zones, those in the "
               "trust stores of the purposes and the pinned ones. 90, "
               "30, 7 and "
               "1 days before the end, and once it is over, a notice goes to the log and out by mail. The "
               "exit status is 1 "
               "where one has ended."},
};
const struct shell_branch expiry_branch = SHELL_BRANCH(commands);
