#include "daemon/own_key.h"
#include "daemon/configuration.h"

#include "base/clock.h"
#include "net/tls.h"
#include "store/certificate.h"
#include "store/own_ca.h"
#include "store/setting.h"
#include "x509/bundle.h"
#include "x509/chain.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct own_key *own_key_new(struct node *node, struct error *err)
{
    struct own_key *own = calloc(1, sizeof(*own));

    if (own == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    own->node = node;
    pthread_mutex_init(&own->change, NULL);
    pthread_mutex_init(&own->lock, NULL);
    if (node_path(node->home, "keys", own->folder, sizeof(own->folder), err) == 0 &&
        (own->seal = seal_open(node->home, err)) != NULL)
        return own;
    own_key_free(own);
    return NULL;
}

void own_key_free(struct own_key *own)
{
    if (own == NULL)
        return;
    if (own->seal != NULL)
        seal_close(own->seal);
    pthread_mutex_destroy(&own->lock);
    pthread_mutex_destroy(&own->change);
    free(own);
}

struct node_names own_key_names(const struct node *node, char hostname[HOST_TEXT_MAX])
{
    configuration_hostname(node, hostname);
    return (struct node_names){hostname, node->conf.listen, node->conf.listen_count};
}

int own_key_check_servable(const struct identity *identity, struct error *err)
{
    struct error cause = {0};
    SSL_CTX *context = tls_server_context(identity, &cause);

    if (context == NULL)
        return error_set(err, ERROR_UNTRUSTED, "%s", cause.message);
    SSL_CTX_free(context);
    return key_check_halves(identity->key, err);
}

static int push_ca(struct store_txn *txn, const struct own_ca *entry, STACK_OF(X509) * certificates,
                   struct error *err)
{
    struct certificate_facts facts;
    const uint8_t *der;
    size_t length;
    X509 *certificate;

    if (certificate_get(txn, entry->sha256, &facts, &der, &length, err) != 0)
        return -1;
    certificate = d2i_X509(NULL, &der, (long)length);
    if (certificate != NULL && sk_X509_push(certificates, certificate) > 0)
        return 0;
    X509_free(certificate);
    return x509_error(err, ERROR_INTERNAL, "the CA certificate %s cannot be read", entry->alias);
}

STACK_OF(X509) * own_key_ca_certificates(const struct node *node, struct error *err)
{
    STACK_OF(X509) *certificates = sk_X509_new_null();
    struct store_txn *txn = certificates == NULL ? NULL : store_read(node->store, err);
    struct own_ca *list = NULL;
    size_t count = 0;
    int failed = txn == NULL || own_ca_list(txn, &list, &count, err) != 0;

    for (size_t i = 0; !failed && i < count; i++)
        failed = push_ca(txn, &list[i], certificates, err) != 0;
    free(list);
    if (txn != NULL)
        store_end(txn);
    if (!failed)
        return certificates;
    x509_bundle_free(certificates);
    return NULL;
}

int own_key_client_wanted(const struct node *node, bool *wanted, struct error *err)
{
    return setting_is_on(node->store, OWN_KEY_CLIENT_SETTING, wanted, err);
}

/* Issuers in order: the CA certificates first, so that a renewed one takes the place of what came with the
 * certificate once. */
static int complete_chain(const struct own_key *own, struct identity *identity, struct error *err)
{
    STACK_OF(X509) *pool = own_key_ca_certificates(own->node, err);
    STACK_OF(X509) *chain = NULL;

    if (pool == NULL)
        return -1;
    for (int i = 0; i < sk_X509_num(identity->chain); i++) {
        if (sk_X509_push(pool, sk_X509_value(identity->chain, i)) > 0)
            X509_up_ref(sk_X509_value(identity->chain, i));
    }
    chain = x509_order_chain(identity->certificate, pool);
    x509_bundle_free(pool);
    if (chain == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    x509_bundle_free(identity->chain);
    identity->chain = chain;
    return 0;
}

/* The certificate of a first start. */
static struct identity *ensure(const struct own_key *own, struct error *err)
{
    const struct node_conf *conf = &own->node->conf;
    char subject[sizeof(conf->subject) + HOST_TEXT_MAX];
    char names[NODE_LISTEN_MAX + 1][HOST_TEXT_MAX + 4];
    const char *list[NODE_LISTEN_MAX + 1];
    struct identity_spec spec = {.subject = subject, .names = list, .name_count = conf->listen_count + 1};
    char hostname[HOST_TEXT_MAX];

    configuration_hostname(own->node, hostname);
    if (conf->subject[0] != '\0')
        snprintf(subject, sizeof(subject), "%s", conf->subject);
    else
        snprintf(subject, sizeof(subject), "/CN=%s", hostname);
    snprintf(names[0], sizeof(names[0]), "DNS:%s", hostname);
    for (size_t i = 0; i < conf->listen_count; i++)
        snprintf(names[i + 1], sizeof(names[i + 1]), "IP:%s", conf->listen[i]);
    for (size_t i = 0; i < spec.name_count; i++)
        list[i] = names[i];
    return identity_ensure(own->folder, &spec, err);
}

static void say_promoted(const struct own_key *own, const struct identity *identity)
{
    char *subject = x509_subject_reversed(identity->certificate, NULL);

    log_write(own->node->application_log, LOG_LEVEL_INFO,
              "the certificate that waited for the restart is in service now - %s",
              subject != NULL ? subject : "");
    free(subject);
}

/* A node that cannot start at all could not be cured from its shell: what cannot be served is passed over. */
static int promote(const struct own_key *own, bool *promoted, struct error *err)
{
    struct error cause = {0};
    struct identity *waiting = stage_waiting(own->folder, &cause);
    bool servable = waiting != NULL && own_key_check_servable(waiting, &cause) == 0;

    identity_free(waiting);
    *promoted = false;
    if (servable || cause.code == ERROR_NOT_FOUND)
        return stage_promote(own->folder, own->seal, promoted, err);
    log_write(own->node->application_log, LOG_LEVEL_ERROR,
              "the certificate that waits for the restart is passed over, the old one stays in service: %s; "
              "withdraw it with: ncs key rollback",
              cause.message);
    return 0;
}

struct identity *own_key_start(struct own_key *own, struct error *err)
{
    struct identity *identity = NULL;
    bool promoted = false;

    pthread_mutex_lock(&own->change);
    if (promote(own, &promoted, err) == 0)
        identity = ensure(own, err);
    pthread_mutex_unlock(&own->change);
    if (identity != NULL && promoted)
        say_promoted(own, identity);
    if (identity != NULL && complete_chain(own, identity, err) != 0) {
        identity_free(identity);
        identity = NULL;
    }
    return identity;
}

int own_key_begin(struct own_key *own, const struct key_kind *kind, struct error *err)
{
    char size[KEY_SIZE_TEXT_MAX], since[CLOCK_TEXT_MAX];
    int result = 0;

    pthread_mutex_lock(&own->lock);
    if (own->generating) {
        key_size_format(&own->kind, size);
        clock_format(own->since_ms, since);
        result = error_set(err, ERROR_BUSY, "a key is being made already: %s%s%s, since %s",
                           key_algorithm_name(own->kind.algorithm), size[0] != '\0' ? " " : "", size, since);
        error_hint(err, "see it with: ncs key show");
    } else {
        own->generating = true;
        own->kind = *kind;
        own->since_ms = clock_wall_ms();
    }
    pthread_mutex_unlock(&own->lock);
    return result;
}

void own_key_end(struct own_key *own)
{
    pthread_mutex_lock(&own->lock);
    own->generating = false;
    pthread_mutex_unlock(&own->lock);
}
