/* What the arguments of the commands about registered servers may be. */
#include "commands/types.h"
#include "store/server.h"

#include <stdio.h>
#include <string.h>

static int check_host(const char *word, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    return host_parse(word, &kind, host, err);
}

static int check_port(const char *word, struct error *err)
{
    return types_check_number(word, 1, UINT16_MAX, err);
}

static int check_timeout(const char *word, struct error *err)
{
    return types_check_number(word, 1, SERVER_TIMEOUT_MAX_S, err);
}

static int check_proxy(const char *word, struct error *err)
{
    struct host_port proxy;

    return server_proxy_parse(word, &proxy, err);
}

struct completion {
    const char *prefix;
    struct shell_words *words;
    int offered;
};

static int offer(void *arg, const struct server *server, const struct server_status *status)
{
    struct completion *completion = arg;

    if (strncmp(server->address.host, completion->prefix, strlen(completion->prefix)) == 0) {
        shell_words_add(completion->words, server->address.host, server_state_name(status->state));
        completion->offered++;
    }
    return completion->offered >= COMPLETIONS_MAX;
}

static void complete(void *arg, const char *prefix, struct shell_words *words, enum server_kind kind)
{
    struct completion completion = {.prefix = prefix, .words = words};
    struct context *context = arg;
    struct store_txn *txn;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return;
    server_each(txn, kind, offer, &completion, NULL);
    store_end(txn);
}

static void complete_ise(void *arg, const char *prefix, struct shell_words *words)
{
    complete(arg, prefix, words, SERVER_ISE);
}

static void complete_dnac(void *arg, const char *prefix, struct shell_words *words)
{
    complete(arg, prefix, words, SERVER_DNAC);
}

const struct shell_type server_types[] = {
    {.name = "server_host", .help = "Address or host name of the server", .check = check_host},
    {.name = "server_user", .help = "User name to log in with", .check = server_check_user},
    {.name = "server_port", .help = "Port of its HTTPS service, 443 unless given", .check = check_port},
    {.name = "server_timeout",
     .help = "Seconds within which it has to answer, 1 to 300; 30 unless given",
     .check = check_timeout},
    {.name = "server_proxy",
     .help = "HTTP proxy to reach it through: http://<host>:<port>, or none",
     .check = check_proxy},
    {.name = "ise_server",
     .help = "A registered ISE server: its address or host name",
     .check = check_host,
     .complete = complete_ise},
    {.name = "dnac_server",
     .help = "A registered DNA Center server: its address or host name",
     .check = check_host,
     .complete = complete_dnac},
};
const size_t server_type_count = sizeof(server_types) / sizeof(server_types[0]);
