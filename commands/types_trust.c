/* What the arguments of the trust stores, of OCSP and of TLS versions may be. */
#include "base/tls_versions.h"
#include "commands/types.h"
#include "store/ca.h"

#include <string.h>
#include <strings.h>

static int check_url(const char *word, struct error *err)
{
    if (strncasecmp(word, "http://", 7) == 0 && word[7] != '\0')
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.100s is not http://<host>[:<port>][/<path>]", word);
}

static int check_versions(const char *word, struct error *err)
{
    struct tls_versions versions;

    return tls_versions_parse(word, &versions, err);
}

static void complete_versions(void *arg, const char *prefix, struct shell_words *words)
{
    (void)arg;
    for (const char *const *name = (const char *const[]){"TLSv1.2", "TLSv1.3", NULL}; *name != NULL; name++) {
        if (strncmp(*name, prefix, strlen(prefix)) == 0)
            shell_words_add(words, *name, "version of TLS");
    }
}

struct alias_completion {
    const char *prefix;
    struct shell_words *words;
    const char *zone;
    int offered;
};

static int offer_alias(void *arg, const struct ca_certificate *ca)
{
    struct alias_completion *completion = arg;

    if (strncmp(ca->alias, completion->prefix, strlen(completion->prefix)) == 0) {
        shell_words_add(completion->words, ca->alias, completion->zone);
        completion->offered++;
    }
    return completion->offered >= COMPLETIONS_MAX;
}

/* The zone is named behind the alias, so those of all zones are offered, each with its zone. */
static void complete_alias(void *arg, const char *prefix, struct shell_words *words)
{
    struct alias_completion completion = {.prefix = prefix, .words = words};
    struct context *context = arg;
    struct store_txn *txn;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return;
    for (int zone = 0; zone < TRUST_ZONES && completion.offered < COMPLETIONS_MAX; zone++) {
        completion.zone = trust_zone_name((enum trust_zone)zone);
        ca_each(txn, (enum trust_zone)zone, offer_alias, &completion, NULL);
    }
    store_end(txn);
}

const struct shell_type trust_types[] = {
    {.name = "ca_alias",
     .help = "Alias of a CA certificate",
     .check = ca_check_alias,
     .complete = complete_alias},
    {.name = "new_ca_alias",
     .help = "Alias to give the CA certificate, e.g. corporate-root",
     .check = ca_check_alias},
    {.name = "ocsp_url",
     .help = "Address of an OCSP responder, e.g. http://ocsp.example.com",
     .check = check_url},
    {.name = "versions",
     .help = "TLSv1.2, TLSv1.3 or both, parted by blanks",
     .check = check_versions,
     .complete = complete_versions,
     .rest = true},
};
const size_t trust_type_count = sizeof(trust_types) / sizeof(trust_types[0]);
