/* What the arguments of `ncs key` may be. */
#include "base/text.h"
#include "commands/types.h"
#include "store/own_ca.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MOST 4000 /* bytes of one part of a subject, or of all alternative names */

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

const struct shell_type key_types[] = {
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
};
const size_t key_type_count = sizeof(key_types) / sizeof(key_types[0]);
