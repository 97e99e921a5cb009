/* What the arguments of the high-availability pair may be. */
#include "commands/types.h"
#include "store/config.h"

#include <string.h>

#define CHECK_SETTING(function, name)                        \
    static int function(const char *word, struct error *err) \
    {                                                        \
        char kept[STATEMENT_VALUE_MAX];                      \
                                                             \
        return statement_check(name, word, kept, err);       \
    }
CHECK_SETTING(check_server, "ha/secondary-server")
CHECK_SETTING(check_mail_list, "ha/email-address")
CHECK_SETTING(check_ipv4, "ha/virtual-ipv4")
CHECK_SETTING(check_ipv6, "ha/virtual-ipv6")
CHECK_SETTING(check_interval, "ha/heartbeat-interval")
CHECK_SETTING(check_misses, "ha/heartbeat-misses")
CHECK_SETTING(check_witness, "ha/witness")

/* What is configured now: the word to type to keep it, or to take it back. */
static void complete_setting(struct context *context, const char *name, const char *prefix,
                             struct shell_words *words)
{
    struct store_txn *txn;
    const char *value;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return;
    value = config_get(txn, CONFIG_RUNNING, name, NULL);
    if (value != NULL && strncmp(value, prefix, strlen(prefix)) == 0)
        shell_words_add(words, value, "configured");
    store_end(txn);
}

#define COMPLETE_SETTING(function, name)                                               \
    static void function(void *context, const char *prefix, struct shell_words *words) \
    {                                                                                  \
        complete_setting(context, name, prefix, words);                                \
    }
COMPLETE_SETTING(complete_server, "ha/secondary-server")
COMPLETE_SETTING(complete_mail_list, "ha/email-address")
COMPLETE_SETTING(complete_ipv4, "ha/virtual-ipv4")
COMPLETE_SETTING(complete_ipv6, "ha/virtual-ipv6")
COMPLETE_SETTING(complete_interval, "ha/heartbeat-interval")
COMPLETE_SETTING(complete_misses, "ha/heartbeat-misses")
COMPLETE_SETTING(complete_witness, "ha/witness")

const struct shell_type ha_types[] = {
    {.name = "authkey", .help = "The key, up to 131 characters", .secret = true},
    {.name = "ha_server",
     .help = "Address or name of the secondary server",
     .check = check_server,
     .complete = complete_server},
    {.name = "mail_list",
     .help = "Mail addresses, parted by commas",
     .check = check_mail_list,
     .complete = complete_mail_list},
    {.name = "virtual_ipv4", .help = "An IPv4 address", .check = check_ipv4, .complete = complete_ipv4},
    {.name = "virtual_ipv6", .help = "An IPv6 address", .check = check_ipv6, .complete = complete_ipv6},
    {.name = "heartbeat_interval",
     .help = "Milliseconds, 50 to 60000",
     .check = check_interval,
     .complete = complete_interval},
    {.name = "heartbeat_misses",
     .help = "How many, 1 to 100",
     .check = check_misses,
     .complete = complete_misses},
    {.name = "witness",
     .help = "An address that answers ping",
     .check = check_witness,
     .complete = complete_witness},
};
const size_t ha_type_count = sizeof(ha_types) / sizeof(ha_types[0]);
