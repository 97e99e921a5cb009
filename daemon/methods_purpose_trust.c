/* The methods that bring certificates in and take them out: own ones from a CA, and those of the trust
 * stores. */
#include "base/clock.h"
#include "daemon/purpose_bundle.h"
#include "daemon/purpose_report.h"
#include "daemon/purpose_services.h"
#include "daemon/purpose_shown.h"
#include "x509/bundle.h"
#include "x509/chain.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct trust_change {
    struct request *request;
    const struct trust_store *store;
    const char *file;
    STACK_OF(X509) * bundle;
    json_t *names; /* of what was imported */
};

static bool is_in(X509 *certificate, STACK_OF(X509) * pool)
{
    for (int i = 0; i < sk_X509_num(pool); i++) {
        if (X509_cmp(certificate, sk_X509_value(pool, i)) == 0)
            return true;
    }
    return false;
}

static int put_one(struct store_txn *txn, const struct trust_change *change, X509 *certificate,
                   struct error *err)
{
    char file[TRUST_FILE_MAX], name[TRUST_FILE_MAX + 40];
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    struct trust_certificate row = {.store = change->store->name,
                                    .file = file,
                                    .der = der,
                                    .der_length = length > 0 ? (size_t)length : 0,
                                    .node = "",
                                    .purpose = "",
                                    .when_ms = clock_wall_ms(),
                                    .who = change->request->who.user,
                                    .scope =
                                        change->store->pair_import ? STORE_SCOPE_PAIR : STORE_SCOPE_NODE};
    struct certificate_facts *facts = x509_describe(certificate, err);
    int failed = length > 0 && facts != NULL
                     ? purpose_trust_name(txn, certificate, change->store->name, file, err)
                     : -1;

    if (failed == 0) {
        row.subject_slash = facts->subject_slash;
        row.not_after_ms = facts->not_after_ms;
    }
    if (failed == 0)
        failed = trust_certificate_put(txn, &row, err);
    OPENSSL_free(der);
    x509_facts_free(facts);
    snprintf(name, sizeof(name), "%s/%s", change->store->name, file);
    if (failed == 0)
        json_array_append_new(change->names, json_string(name));
    return failed;
}

/* In the order in which they may go in. What the store holds is read before the change: whoever deletes a
 * root meanwhile could as well have done so a moment later. */
static int put_in_order(struct trust_change *change, struct error *err)
{
    struct store_txn *txn = store_read(change->request->node->store, err);
    STACK_OF(X509) *pool = txn == NULL ? NULL : purpose_trusted(txn, change->store->name, err);
    STACK_OF(X509) *ordered = NULL;
    struct error cause = {0};
    X509 *orphan = NULL;

    if (txn != NULL)
        store_end(txn);
    if (pool == NULL)
        return -1;
    if (x509_roots_first(change->bundle, pool, &ordered, &orphan, &cause) != 0)
        *err = cause;
    x509_bundle_free(pool);
    if (orphan != NULL) {
        struct certificate_facts *facts = x509_describe(orphan, NULL);

        error_set(err, ERROR_UNTRUSTED,
                  "the certificate %.300s cannot go into %s before that of its issuer, %.300s",
                  facts == NULL ? "" : facts->subject_oneline, change->store->name,
                  facts == NULL ? "" : facts->issuer_oneline);
        error_hint(err, "import the root certificate first, then those it signed");
        x509_facts_free(facts);
    }
    if (ordered == NULL)
        return -1;
    x509_bundle_free(change->bundle);
    change->bundle = ordered;
    return 0;
}

static int put_all(struct store_txn *txn, const struct trust_change *change, STACK_OF(X509) * pool,
                   struct error *err)
{
    for (int i = 0; i < sk_X509_num(change->bundle); i++) {
        X509 *certificate = sk_X509_value(change->bundle, i);

        if (is_in(certificate, pool))
            continue;
        if (put_one(txn, change, certificate, err) != 0)
            return -1;
        if (sk_X509_push(pool, certificate) <= 0)
            return error_set(err, ERROR_INTERNAL, "out of memory");
        X509_up_ref(certificate);
    }
    return 0;
}

static int count_one(void *arg, const struct trust_certificate *certificate)
{
    (void)certificate;
    (*(size_t *)arg)++;
    return 0;
}

static int import_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct trust_change *change = arg;
    STACK_OF(X509) *pool = purpose_trusted(txn, change->store->name, err);
    size_t all = 0;
    int failed = -1;

    json_array_clear(change->names); /* a job may run again from its beginning */
    if (pool == NULL || trust_certificate_each(txn, NULL, count_one, &all, err) != 0)
        goto out;
    if (all + (size_t)sk_X509_num(change->bundle) > TRUST_CERTIFICATES_MAX)
        error_set(err, ERROR_STORE_FULL, "the trust stores hold at most %d certificates",
                  TRUST_CERTIFICATES_MAX);
    else
        failed = put_all(txn, change, pool, err);
    if (failed == 0 && json_array_size(change->names) == 0)
        failed = error_set(err, ERROR_CONFLICT, "%s holds the certificate already", change->store->name);
out:
    x509_bundle_free(pool);
    return failed;
}

static int check_trusted(X509 *certificate, struct error *err)
{
    int64_t from, until;
    char when[CLOCK_TEXT_MAX];

    if (x509_check_form(certificate, err) != 0 || x509_validity(certificate, &from, &until, err) != 0)
        return -1;
    if (until >= clock_wall_ms())
        return 0;
    clock_format(until, when);
    return error_set(err, ERROR_UNTRUSTED, "the certificate is expired: it was valid until %s", when);
}

static int import_trust(struct request *request, json_t **result, struct error *err)
{
    const char *name = request_text(request, "store", err);
    struct trust_change change = {.request = request,
                                  .store = name == NULL ? NULL : trust_store_find(name, err)};
    int failed = 0;

    change.bundle = change.store == NULL ? NULL : purpose_read_bundle(request, err);
    if (change.bundle == NULL)
        return -1;
    change.names = json_array();
    for (int i = 0; failed == 0 && i < sk_X509_num(change.bundle); i++)
        failed = check_trusted(sk_X509_value(change.bundle, i), err);
    if (failed == 0)
        failed = put_in_order(&change, err);
    if (failed == 0)
        failed = request_change(request, import_job, &change, err);
    if (failed == 0)
        *result = json_pack("{s:s, s:O, s:b}", "store", change.store->name, "names", change.names, "pair",
                            change.store->pair_import);
    json_decref(change.names);
    x509_bundle_free(change.bundle);
    return failed;
}

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct trust_change *change = arg;
    struct trust_certificate there;

    if (trust_certificate_get(txn, change->store->name, change->file, &there, err) != 0)
        return error_hint(err, "see them with: show cert list trust");
    if (strcmp(there.node, store_node_id(change->request->node->store)) == 0) {
        error_set(err, ERROR_DENIED, "%s/%s is the system's own certificate and cannot be deleted",
                  change->store->name, change->file);
        return error_hint(err, "it follows its own certificate: set cert regen %s", there.purpose);
    }
    return trust_certificate_delete(txn, change->store->name, change->file,
                                    change->store->pair_delete ? STORE_SCOPE_PAIR : STORE_SCOPE_NODE, err);
}

/* "tomcat-trust/x.pem": the store, and the name behind it. */
static const struct trust_store *split_name(const char *typed, const char **file, struct error *err)
{
    const char *slash = strchr(typed, '/');
    char store[40];

    if (slash == NULL ||
        snprintf(store, sizeof(store), "%.*s", (int)(slash - typed), typed) >= (int)sizeof(store)) {
        error_set(err, ERROR_INVALID_ARGUMENT, "%.100s is not <trust store>/<file>", typed);
        return NULL;
    }
    *file = slash + 1;
    return trust_store_find(store, err);
}

static int delete_trust(struct request *request, json_t **result, struct error *err)
{
    const char *name = request_text(request, "name", err);
    struct trust_change change = {.request = request};

    if (name == NULL || (change.store = split_name(name, &change.file, err)) == NULL ||
        request_change(request, delete_job, &change, err) != 0)
        return -1;
    *result = json_pack("{s:b}", "pair", change.store->pair_delete);
    return 0;
}

/* --- looking */

struct listing {
    json_t *rows;
    const char *node;
    const char *file; /* NULL: all */
};

static int list_one(void *arg, const struct trust_certificate *certificate)
{
    struct listing *listing = arg;
    const uint8_t *der = certificate->der;
    char name[TRUST_FILE_MAX + 40];
    X509 *read;
    json_t *row;

    if (listing->file != NULL && strcmp(listing->file, certificate->file) != 0)
        return 0;
    read = d2i_X509(NULL, &der, (long)certificate->der_length);
    snprintf(name, sizeof(name), "%s/%s", certificate->store, certificate->file);
    row = read == NULL ? NULL : purpose_report(name, read, certificate->node[0] == '\0');
    if (row != NULL) {
        json_object_set_new(row, "system", json_boolean(strcmp(certificate->node, listing->node) == 0));
        json_object_set_new(row, "imported_ms", json_integer((json_int_t)certificate->when_ms));
        json_object_set_new(row, "imported_by", json_string(certificate->who));
        json_array_append_new(listing->rows, row);
    }
    X509_free(read);
    return 0;
}

/* The node's own certificates show in the trust stores once they exist. */
static int make_shown(struct node *node, struct error *err)
{
    int failed = 0;

    for (size_t i = 0; failed == 0 && i < purpose_count; i++) {
        const char *stores[3];

        purpose_shown_in(&purposes[i], stores);
        if (stores[0] == NULL)
            continue;
        pthread_mutex_lock(&node->own_key->change);
        failed = purpose_ensure(node, &purposes[i], err);
        pthread_mutex_unlock(&node->own_key->change);
    }
    return failed;
}

static int list_trust(struct request *request, json_t **result, struct error *err)
{
    const char *name = json_string_value(json_object_get(request->params, "name"));
    struct listing listing = {.node = store_node_id(request->node->store)};
    const struct trust_store *store = NULL;
    struct store_txn *txn;
    int failed;

    if ((name != NULL && (store = split_name(name, &listing.file, err)) == NULL) ||
        make_shown(request->node, err) != 0 || (txn = store_read(request->node->store, err)) == NULL)
        return -1;
    listing.rows = json_array();
    failed = trust_certificate_each(txn, store != NULL ? store->name : NULL, list_one, &listing, err);
    store_end(txn);
    if (failed == 0 && name != NULL && json_array_size(listing.rows) == 0) {
        failed = error_set(err, ERROR_NOT_FOUND, "there is no certificate %.100s in %s", listing.file,
                           store->name);
        error_hint(err, "see them with: show cert list trust");
    }
    if (failed == 0)
        *result = json_pack("{s:O}", "certificates", listing.rows);
    json_decref(listing.rows);
    return failed;
}

const struct method purpose_trust_methods[] = {
    {"truststore.list", ACCOUNT_USER, 0, list_trust},
    {"truststore.import", ACCOUNT_ADMIN, METHOD_CHANGES, import_trust},
    {"truststore.delete", ACCOUNT_ADMIN, METHOD_CHANGES, delete_trust},
};
const size_t purpose_trust_method_count = sizeof(purpose_trust_methods) / sizeof(purpose_trust_methods[0]);
