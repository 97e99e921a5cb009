/* What the arguments of the commands may be, and which of them exist. */
#include "base/fingerprint.h"
#include "base/host_port.h"
#include "base/text.h"
#include "commands/context.h"
#include "commands/purpose.h"
#include "store/own_ca.h"
#include "store/pin.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COMPLETIONS_MAX 200 /* words offered at most */
#define TEXT_MOST 4000      /* bytes of one part of a subject, or of all alternative names */
#define COUNT_MOST 1000000
#define LENGTH_MOST 511 /* of `terminal length` */
#define WIDTH_MOST 512
#define TIMEOUT_MOST_MIN 525600 /* a year */

static int check_host_port(const char *word, struct error *err)
{
    struct host_port parsed;

    return host_port_parse(word, &parsed, err);
}

static int check_sha256(const char *word, struct error *err)
{
    uint8_t sha256[FINGERPRINT_SIZE];

    return fingerprint_parse(word, sha256, err);
}

static int check_number(const char *word, long least, long most, struct error *err)
{
    char *end;
    long number = strtol(word, &end, 10);

    if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && strlen(word) < 10 && number >= least &&
        number <= most)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.40s is not a number from %ld to %ld", word, least, most);
}

static int check_count(const char *word, struct error *err)
{
    return check_number(word, 1, COUNT_MOST, err);
}

static int check_length(const char *word, struct error *err)
{
    return check_number(word, 0, LENGTH_MOST, err);
}

static int check_width(const char *word, struct error *err)
{
    return check_number(word, 0, WIDTH_MOST, err);
}

static int check_minutes(const char *word, struct error *err)
{
    return check_number(word, 0, TIMEOUT_MOST_MIN, err);
}

static int check_file_name(const char *word, struct error *err)
{
    if (word[0] != '.' && word[0] != '\0' && strchr(word, '/') == NULL && strlen(word) <= NAME_MAX)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.60s is not the name of a file inside a repository",
                     word);
}

/* Pinned hosts, from the store. */
static void complete_pinned(void *arg, const char *prefix, struct shell_words *words)
{
    struct context *context = arg;
    size_t length = strlen(prefix);
    struct pin_cursor *cursor;
    struct store_txn *txn;
    struct pin_row row;
    int offered = 0;

    if (context_require(context, NEED_STORE, NULL) != 0)
        return;
    txn = store_read(context->store, NULL);
    if (txn == NULL)
        return;
    cursor = pin_cursor_open(txn, NULL);
    while (cursor != NULL && offered < COMPLETIONS_MAX && pin_cursor_next(cursor, &row, NULL) == 1) {
        char host[HOST_PORT_TEXT_MAX];

        if (row.host_length < length || memcmp(row.host, prefix, length) != 0)
            continue;
        snprintf(host, sizeof(host), "%.*s", (int)row.host_length, row.host);
        shell_words_add(words, host, "pinned");
        offered++;
    }
    if (cursor != NULL)
        pin_cursor_close(cursor);
    store_end(txn);
}

static void complete_entries(const char *folder, const char *prefix, const char *help,
                             struct shell_words *words)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    int offered = 0;

    if (entries == NULL)
        return;
    while (offered < COMPLETIONS_MAX && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        shell_words_add(words, entry->d_name, help);
        offered++;
    }
    closedir(entries);
}

static void complete_repository(void *arg, const char *prefix, struct shell_words *words)
{
    const struct context *context = arg;
    char folder[PATH_MAX];

    if (node_path(context->home, "repository", folder, sizeof(folder), NULL) == 0)
        complete_entries(folder, prefix, "repository", words);
}

/* The repository is named behind the file, so the default one's files are offered. */
static void complete_file(void *arg, const char *prefix, struct shell_words *words)
{
    const struct context *context = arg;
    char folder[PATH_MAX];

    if (node_path(context->home, "repository/defaultRepo", folder, sizeof(folder), NULL) == 0)
        complete_entries(folder, prefix, "file in defaultRepo", words);
}

static int check_alias(const char *word, struct error *err)
{
    return own_ca_check_alias(word, err);
}

/* What may stand in a subject; how long each part may be, primed knows. */
static int check_text(const char *word, struct error *err)
{
    size_t length = strlen(word);

    if (length <= TEXT_MOST && text_is_printable(word, length))
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "it is longer than %d bytes, or no printable text in UTF-8",
                     TEXT_MOST);
}

/* Aliases of the CA certificates, from the store. */
static void complete_alias(void *arg, const char *prefix, struct shell_words *words)
{
    struct context *context = arg;
    struct own_ca *list = NULL;
    struct store_txn *txn;
    size_t count = 0;
    int offered = 0;

    if (context_require(context, NEED_STORE, NULL) != 0)
        return;
    txn = store_read(context->store, NULL);
    if (txn == NULL)
        return;
    if (own_ca_list(txn, &list, &count, NULL) != 0)
        count = 0;
    for (size_t i = 0; i < count && offered < COMPLETIONS_MAX; i++) {
        if (strncmp(list[i].alias, prefix, strlen(prefix)) != 0)
            continue;
        shell_words_add(words, list[i].alias, "CA certificate");
        offered++;
    }
    free(list);
    store_end(txn);
}

struct choice {
    const char *word;
    const char *help;
};

static const struct choice algorithms[] = {
    {"rsa", "RSA"}, {"ec", "Elliptic curve (ECDSA)"}, {"ed25519", "Ed25519"}, {NULL, NULL}};
static const struct choice key_sizes[] = {{"2048", "RSA, bits"}, {"3072", "RSA, bits"}, {"4096", "RSA, bits"},
                                          {"8192", "RSA, bits"}, {"P-256", "EC curve"}, {"P-384", "EC curve"},
                                          {"P-521", "EC curve"}, {NULL, NULL}};

static int check_choice(const struct choice *choices, const char *word, const char *what, struct error *err)
{
    for (const struct choice *choice = choices; choice->word != NULL; choice++) {
        if (strcasecmp(choice->word, word) == 0)
            return 0;
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.40s is not %s", word, what);
}

static void complete_choice(const struct choice *choices, const char *prefix, struct shell_words *words)
{
    for (const struct choice *choice = choices; choice->word != NULL; choice++) {
        if (strncasecmp(choice->word, prefix, strlen(prefix)) == 0)
            shell_words_add(words, choice->word, choice->help);
    }
}

static int check_algorithm(const char *word, struct error *err)
{
    return check_choice(algorithms, word, "rsa, ec or ed25519", err);
}

static void complete_algorithm(void *arg, const char *prefix, struct shell_words *words)
{
    (void)arg;
    complete_choice(algorithms, prefix, words);
}

static int check_key_size(const char *word, struct error *err)
{
    return check_choice(key_sizes, word, "2048, 3072, 4096, 8192, P-256, P-384 or P-521", err);
}

static void complete_key_size(void *arg, const char *prefix, struct shell_words *words)
{
    (void)arg;
    complete_choice(key_sizes, prefix, words);
}

const struct shell_type argument_types[] = {
    {.name = "host_port",
     .help = "A pinned server: address or name and port, e.g. 10.1.1.1_443",
     .check = check_host_port,
     .complete = complete_pinned},
    {.name = "server",
     .help = "Any server: address or name and port, e.g. 10.1.1.1_443",
     .check = check_host_port},
    /* not completed on purpose: it is to be checked with the server's owner, not taken from the refused
       certificate */
    {.name = "sha256", .help = "SHA-256 fingerprint, 64 hexadecimal digits", .check = check_sha256},
    {.name = "file",
     .help = "File in the repository that is named behind it",
     .check = check_file_name,
     .complete = complete_file},
    {.name = "new_file", .help = "Name of the file to write in the repository", .check = check_file_name},
    {.name = "repository",
     .help = "Repository, e.g. defaultRepo",
     .check = check_file_name,
     .complete = complete_repository},
    {.name = "purpose",
     .help = "One of the node's own certificates, e.g. tomcat or tomcat/tomcat.pem",
     .check = purpose_check,
     .complete = purpose_complete},
    {.name = "trust_store",
     .help = "A trust store, e.g. tomcat-trust",
     .check = purpose_check_trust_store,
     .complete = purpose_complete_trust_store},
    {.name = "trust_certificate",
     .help = "A certificate of a trust store, e.g. tomcat-trust/ca.pem",
     .check = purpose_check_trust_name,
     .complete = purpose_complete_trust_name},
    {.name = "root_certificate",
     .help = "File name of a certificate in the trust store, e.g. ca.pem",
     .check = purpose_check_root},
    {.name = "key_length",
     .help = "Length of the key",
     .check = purpose_check_size,
     .complete = purpose_complete_size},
    {.name = "alternative_names",
     .help = "Names of other servers: DNS:<name>,IP:<address>",
     .check = purpose_check_names},
    {.name = "service",
     .help = "A service, its blanks included, e.g. Cisco Tomcat",
     .check = purpose_check_service,
     .complete = purpose_complete_service,
     .rest = true},
    {.name = "alias", .help = "Alias of a CA certificate", .check = check_alias, .complete = complete_alias},
    {.name = "new_alias",
     .help = "Alias for the CA certificate: letters, digits, \".\", \"_\", \"-\"",
     .check = check_alias},
    {.name = "cn", .help = "Fully qualified domain name of the server", .check = check_text},
    {.name = "ou", .help = "Organizational unit; \".\" for none", .check = check_text},
    {.name = "o", .help = "Organization; \".\" for none", .check = check_text},
    {.name = "l", .help = "City or locality; \".\" for none", .check = check_text},
    {.name = "st", .help = "State or province; \".\" for none", .check = check_text},
    {.name = "c", .help = "Two letter code of the country; \".\" for none", .check = check_text},
    {.name = "san",
     .help = "Alternative names, comma separated: DNS:<name>,IP:<address>",
     .check = check_text},
    {.name = "algorithm",
     .help = "Public key algorithm: rsa, ec or ed25519",
     .check = check_algorithm,
     .complete = complete_algorithm},
    {.name = "key_size",
     .help = "Size of an RSA key, or the curve of an EC key",
     .check = check_key_size,
     .complete = complete_key_size},
    {.name = "command", .help = "An EXEC command", .rest = true, .line = true},
    {.name = "count", .help = "How many, 1 to 1000000", .check = check_count},
    {.name = "lines", .help = "Lines of a page, 0 to 511; 0: no pager", .check = check_length},
    {.name = "columns", .help = "Columns, 0 to 512; 0: 511", .check = check_width},
    {.name = "minutes", .help = "Minutes without a keystroke, 0 to 525600; 0: never", .check = check_minutes},
};
const size_t argument_type_count = sizeof(argument_types) / sizeof(argument_types[0]);
