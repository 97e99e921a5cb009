/* What the arguments of configuration mode may be. */
#include "base/base64.h"
#include "commands/types.h"
#include "store/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values of the configuration: judged where primed has them judged too ---- */

static int check_setting(const char *name, const char *word, struct error *err)
{
    char kept[STATEMENT_VALUE_MAX];
    int failed = statement_check(name, word, kept, err);

    explicit_bzero(kept, sizeof(kept));
    return failed;
}

#define CHECK_SETTING(function, name)                        \
    static int function(const char *word, struct error *err) \
    {                                                        \
        return check_setting(name, word, err);               \
    }
CHECK_SETTING(check_hostname, "hostname")
CHECK_SETTING(check_domain, "domain-name")
CHECK_SETTING(check_timezone, "timezone")
CHECK_SETTING(check_log_level, "log-level")
CHECK_SETTING(check_release, "platform-release")
CHECK_SETTING(check_url, "repository/any/url")
CHECK_SETTING(check_word, "repository/any/user")
CHECK_SETTING(check_secret, "repository/any/password")
CHECK_SETTING(check_mail_host, "mail-server/host")
CHECK_SETTING(check_port, "mail-server/port")
CHECK_SETTING(check_mail_address, "mail-server/from")

static int check_algorithm(const char *word, struct error *err)
{
    for (size_t i = 0; statement_key_algorithm(i) != NULL; i++) {
        if (strcmp(statement_key_algorithm(i), word) == 0)
            return 0;
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.60s is not an algorithm of SSH keys", word);
}

static void complete_algorithm(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    for (size_t i = 0; statement_key_algorithm(i) != NULL; i++) {
        if (strncmp(statement_key_algorithm(i), prefix, strlen(prefix)) == 0)
            shell_words_add(words, statement_key_algorithm(i), "");
    }
}

static void complete_release(void *context, const char *prefix, struct shell_words *words)
{
    static const char *const releases[] = {"3.5", "3.9", "3.10"};

    (void)context;
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        if (strncmp(releases[i], prefix, strlen(prefix)) == 0)
            shell_words_add(words, releases[i], "");
    }
}

static int check_base64(const char *word, struct error *err)
{
    uint8_t *bytes = malloc(strlen(word) + 1);
    size_t length;
    bool good = bytes != NULL && base64_decode(word, bytes, &length);

    free(bytes);
    if (good)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.20s%s is not base64", word,
                     strlen(word) > 20 ? "..." : "");
}

#define REVERT_MINUTES_MOST 1440

static int check_revert_minutes(const char *word, struct error *err)
{
    char *end;
    double minutes = strtod(word, &end);

    if (word[strspn(word, "0123456789.")] == '\0' && *word != '\0' && *end == '\0' && minutes >= 0.01 &&
        minutes <= REVERT_MINUTES_MOST)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.40s is not a number of minutes from 0.01 to %d", word,
                     REVERT_MINUTES_MOST);
}

/* Names that stand in the running configuration below a word, e.g. "username". */
struct configured {
    const char *prefix;
    struct shell_words *words;
};

static int offer_configured(void *arg, const char *name, const char *value)
{
    const struct configured *configured = arg;
    const char *part = strchr(name, '/') + 1;
    char word[256];

    (void)value;
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(part, "/"), part);
    if (strncmp(word, configured->prefix, strlen(configured->prefix)) == 0)
        shell_words_add(configured->words, word, "configured");
    return 0;
}

static void complete_configured(struct context *context, const char *what, const char *prefix,
                                struct shell_words *words)
{
    struct configured configured = {prefix, words};
    struct store_txn *txn;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return;
    config_each(txn, CONFIG_RUNNING, what, offer_configured, &configured, NULL);
    store_end(txn);
}

static void complete_account(void *context, const char *prefix, struct shell_words *words)
{
    complete_configured(context, "username", prefix, words);
}

void types_complete_configured_repository(void *context, const char *prefix, struct shell_words *words)
{
    complete_configured(context, "repository", prefix, words);
}

#define ZONE_TABLE "/usr/share/zoneinfo/zone.tab" /* tzdata: country, place, name, parted by tabs */

static void complete_timezone(void *context, const char *prefix, struct shell_words *words)
{
    FILE *table = fopen(ZONE_TABLE, "re");
    char line[512];
    char zone[128];

    (void)context;
    if (strncmp("UTC", prefix, strlen(prefix)) == 0)
        shell_words_add(words, "UTC", "");
    while (table != NULL && fgets(line, sizeof(line), table) != NULL) {
        if (line[0] != '#' && sscanf(line, "%*s %*s %127s", zone) == 1 &&
            strncmp(zone, prefix, strlen(prefix)) == 0)
            shell_words_add(words, zone, "");
    }
    if (table != NULL)
        fclose(table);
}

const struct shell_type config_types[] = {
    {.name = "revert_minutes", .help = "Minutes, 0.01 to 1440", .check = check_revert_minutes},
    {.name = "hostname", .help = "A host name, e.g. prime-pri", .check = check_hostname},
    {.name = "domain", .help = "A domain, e.g. example.com", .check = check_domain},
    {.name = "timezone",
     .help = "A time zone, e.g. UTC or Europe/Berlin",
     .check = check_timezone,
     .complete = complete_timezone},
    {.name = "account",
     .help = "Name of an account",
     .check = statement_check_user,
     .complete = complete_account},
    {.name = "key_algorithm",
     .help = "First word of the .pub file, e.g. ssh-ed25519",
     .check = check_algorithm,
     .complete = complete_algorithm},
    {.name = "key_data", .help = "Second word of the .pub file", .check = check_base64},
    {.name = "key_comment", .help = "Third word of the .pub file", .check = check_word},
    {.name = "repository_name",
     .help = "Name of a repository",
     .check = statement_check_repository,
     .complete = types_complete_configured_repository},
    /* words would be abbreviated, and 3.1 is no 3.10 */
    {.name = "release", .help = "3.5, 3.9 or 3.10", .check = check_release, .complete = complete_release},
    {.name = "log_level", .help = "0 to 7, or error, warning, info, debug", .check = check_log_level},
    {.name = "url", .help = "disk:, or sftp://host/folder and the like", .check = check_url},
    {.name = "word", .help = "A name without blanks", .check = check_word},
    {.name = "secret", .help = "The password in clear", .check = check_secret, .secret = true},
    {.name = "sealed", .help = "The password as this node's listing shows it", .check = check_base64},
    {.name = "mail_host", .help = "Address or name of the mail server", .check = check_mail_host},
    {.name = "mail_address",
     .help = "Who mails come from, e.g. prime@example.com",
     .check = check_mail_address},
    {.name = "port", .help = "Port, 1 to 65535", .check = check_port},
};
const size_t config_type_count = sizeof(config_types) / sizeof(config_types[0]);
