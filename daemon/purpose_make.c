/* New keys, certificates and requests by purpose. */
#include "base/clock.h"
#include "daemon/configuration.h"
#include "daemon/purpose_keep.h"
#include "x509/names.h"

#include <stdio.h>
#include <stdlib.h>

GENERAL_NAMES *purpose_own_names(const struct node *node, struct error *err)
{
    char names[NODE_LISTEN_MAX + 1][HOST_TEXT_MAX + 4];
    const char *list[NODE_LISTEN_MAX + 1];
    size_t count = node->conf.listen_count + 1;
    char hostname[HOST_TEXT_MAX];

    configuration_hostname(node, hostname);
    snprintf(names[0], sizeof(names[0]), "DNS:%s", hostname);
    for (size_t i = 1; i < count; i++)
        snprintf(names[i], sizeof(names[i]), "IP:%s", node->conf.listen[i - 1]);
    for (size_t i = 0; i < count; i++)
        list[i] = names[i];
    return x509_make_names(list, count, err);
}

static X509_NAME *subject_of(const struct node *node, const struct purpose *purpose, struct error *err)
{
    const struct node_conf *conf = &node->conf;
    char hostname[HOST_TEXT_MAX];

    configuration_hostname(node, hostname);
    return purpose_subject(purpose, conf->subject[0] != '\0' ? conf->subject : "/CN=node", hostname, err);
}

static bool is_stopping(void *arg)
{
    const struct node *node = arg;

    return node->stopping;
}

static EVP_PKEY *make_key(const struct node *node, const struct purpose *purpose, const struct key_kind *kind,
                          struct error *err)
{
    const struct key_kind first = purpose_key_kind(purpose);

    return key_generate(kind != NULL ? kind : &first, is_stopping, (void *)(uintptr_t)node, err);
}

struct identity *purpose_make_certificate(const struct node *node, const struct purpose *purpose,
                                          const struct key_kind *kind, struct error *err)
{
    struct purpose_usage usage;
    X509_NAME *subject = subject_of(node, purpose, err);
    GENERAL_NAMES *names = subject == NULL ? NULL : purpose_own_names(node, err);
    EVP_PKEY *key = names == NULL ? NULL : make_key(node, purpose, kind, err);
    struct identity *identity = NULL;

    purpose_usage(purpose, true, &usage);
    if (key != NULL)
        identity = identity_self_signed_for(key, subject, purpose->extended != 0 ? names : NULL, 0,
                                            &usage.usage, err);
    GENERAL_NAMES_free(names);
    X509_NAME_free(subject);
    return identity;
}

struct pending *purpose_make_request(const struct node *node, const struct purpose *purpose,
                                     const struct key_kind *kind, const GENERAL_NAMES *names,
                                     struct error *err)
{
    struct purpose_usage usage;
    struct pending *pending = calloc(1, sizeof(*pending));
    X509_NAME *subject = subject_of(node, purpose, err);

    purpose_usage(purpose, false, &usage);
    if (pending != NULL && subject != NULL) {
        pending->made_ms = clock_wall_ms();
        pending->key = make_key(node, purpose, kind, err);
        if (pending->key != NULL)
            pending->request = x509_make_request_for(pending->key, subject, names, &usage.usage, err);
    }
    X509_NAME_free(subject);
    if (pending != NULL && pending->request != NULL)
        return pending;
    pending_free(pending);
    return NULL;
}
