/* What the arguments of the commands about the network may be. */
#include "commands/types.h"
#include "store/pin.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define PINGS_MOST 100
#define PING_BYTES_MOST 1400

static int check_host(const char *word, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    return host_parse(word, &kind, host, err);
}

static int check_pings(const char *word, struct error *err)
{
    return types_check_number(word, 1, PINGS_MOST, err);
}

static int check_bytes(const char *word, struct error *err)
{
    return types_check_number(word, 1, PING_BYTES_MOST, err);
}

/* The machines that were met: those with a pin, each once where its ports follow each other. */
static void add_pinned(struct store_txn *txn, const char *prefix, struct shell_words *words)
{
    struct pin_cursor *cursor = pin_cursor_open(txn, NULL);
    char last[HOST_PORT_TEXT_MAX] = "";
    struct pin_row row;
    int offered = 0;

    while (cursor != NULL && offered < COMPLETIONS_MAX && pin_cursor_next(cursor, &row, NULL) == 1) {
        char host[HOST_PORT_TEXT_MAX];
        char *port;

        snprintf(host, sizeof(host), "%.*s", (int)row.host_length, row.host);
        if ((port = strrchr(host, '_')) != NULL)
            *port = '\0';
        if (strncmp(host, prefix, strlen(prefix)) != 0 || strcmp(host, last) == 0)
            continue;
        snprintf(last, sizeof(last), "%s", host);
        shell_words_add(words, host, "has a pin");
        offered++;
    }
    if (cursor != NULL)
        pin_cursor_close(cursor);
}

static void complete_host(void *arg, const char *prefix, struct shell_words *words)
{
    struct context *context = arg;
    struct store_txn *txn;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return;
    add_pinned(txn, prefix, words);
    store_end(txn);
}

static void complete_interface(void *arg, const char *prefix, struct shell_words *words)
{
    struct if_nameindex *all = if_nameindex();

    (void)arg;
    for (const struct if_nameindex *at = all; at != NULL && at->if_index != 0; at++) {
        if (strncmp(at->if_name, prefix, strlen(prefix)) == 0)
            shell_words_add(words, at->if_name, "interface");
    }
    if_freenameindex(all);
}

const struct shell_type network_types[] = {
    {.name = "host",
     .help = "Address or host name, e.g. 10.1.1.1",
     .check = check_host,
     .complete = complete_host},
    {.name = "pings", .help = "How many probes, 1 to 100", .check = check_pings},
    {.name = "ping_bytes", .help = "Bytes in a probe, 1 to 1400", .check = check_bytes},
    {.name = "interface", .help = "A network interface, e.g. eth0", .complete = complete_interface},
};
const size_t network_type_count = sizeof(network_types) / sizeof(network_types[0]);
