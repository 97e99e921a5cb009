/* The arguments of the commands about certificates by purpose. */
#include "base/purpose.h"
#include "commands/purpose.h"
#include "commands/types.h"
#include "store/trust_certificate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int purpose_check(const char *word, struct error *err)
{
    return purpose_find(word, err) != NULL ? 0 : -1;
}

static int purpose_check_trust_store(const char *word, struct error *err)
{
    return trust_store_find(word, err) != NULL ? 0 : -1;
}

static int purpose_check_trust_name(const char *word, struct error *err)
{
    const char *slash = strchr(word, '/');
    char store[40];

    if (slash == NULL || slash[1] == '\0' || strchr(slash + 1, '/') != NULL ||
        strlen(slash + 1) >= TRUST_FILE_MAX ||
        snprintf(store, sizeof(store), "%.*s", (int)(slash - word), word) >= (int)sizeof(store))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "%.100s is not <trust store>/<file>, e.g. tomcat-trust/ca.pem", word);
    return trust_store_find(store, err) != NULL ? 0 : -1;
}

static int purpose_check_root(const char *word, struct error *err)
{
    size_t length = strlen(word);

    if (length > 4 && length < TRUST_FILE_MAX + 40 && strcasecmp(word + length - 4, ".pem") == 0)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.100s is not the name of a certificate of a trust store, *.pem", word);
}

static const char *const sizes[] = {"2048", "3072", "4096", "256", "384", "521"};
#define RSA_SIZES 3 /* of them, in front */

/* A curve may have its name in full, as with ncs key genkey: P-384. */
static int purpose_check_size(const char *word, struct error *err)
{
    size_t name = strncasecmp(word, "P-", 2) == 0 ? 2 : 0;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcmp(sizes[i], word + name) == 0 && (name == 0 || i >= RSA_SIZES))
            return 0;
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.20s is not a key length: 2048, 3072, 4096, and for EC keys 256, 384, 521", word);
}

static int purpose_check_names(const char *word, struct error *err)
{
    if (strncmp(word, "DNS:", 4) == 0 || strncmp(word, "IP:", 3) == 0)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.60s is not DNS:<name> or IP:<address>, comma separated",
                     word);
}

static int purpose_check_service(const char *word, struct error *err)
{
    return purpose_service_find(word, err) != NULL ? 0 : -1;
}

static void offer(struct shell_words *words, const char *prefix, const char *word, const char *help)
{
    if (strncasecmp(word, prefix, strlen(prefix)) == 0)
        shell_words_add(words, word, help);
}

static void purpose_complete(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    for (size_t i = 0; i < purpose_count; i++)
        offer(words, prefix, purposes[i].name, purposes[i].about);
}

static void purpose_complete_trust_store(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    for (size_t i = 0; i < trust_store_count; i++)
        offer(words, prefix, trust_stores[i].name, trust_stores[i].about);
}

static void purpose_complete_size(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        offer(words, prefix, sizes[i], i < RSA_SIZES ? "bits of an RSA key" : "bits of an EC key");
}

static void purpose_complete_service(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    for (size_t i = 0; i < purpose_service_count; i++)
        offer(words, prefix, purpose_services[i].name, "service");
}

struct offering {
    const char *prefix;
    struct shell_words *words;
};

static int offer_certificate(void *arg, const struct trust_certificate *certificate)
{
    const struct offering *offering = arg;
    char name[TRUST_FILE_MAX + 40];

    snprintf(name, sizeof(name), "%s/%s", certificate->store, certificate->file);
    offer(offering->words, offering->prefix, name,
          certificate->node[0] != '\0' ? "a node's own" : "imported");
    return 0;
}

static void purpose_complete_trust_name(void *arg, const char *prefix, struct shell_words *words)
{
    struct context *context = arg;
    struct offering offering = {prefix, words};
    struct store_txn *txn;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return;
    trust_certificate_each(txn, NULL, offer_certificate, &offering, NULL);
    store_end(txn);
}

const struct shell_type purpose_types[] = {
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
};
const size_t purpose_type_count = sizeof(purpose_types) / sizeof(purpose_types[0]);
