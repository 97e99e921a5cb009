#include "daemon/purpose_shown.h"

#include "base/clock.h"
#include "x509/x509.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void purpose_shown_in(const struct purpose *purpose, const char *out[3])
{
    size_t count = 0;
    size_t base = strcspn(purpose->name, "-");

    /* the presence certificates borrow tomcat-trust for their CAs only */
    if (purpose->chain != NULL && strncmp(purpose->chain, purpose->name, base) == 0 &&
        strcmp(purpose->chain + base, "-trust") == 0)
        out[count++] = purpose->chain;
    if (purpose->shown != NULL)
        out[count++] = purpose->shown;
    out[count] = NULL;
}

int purpose_trust_name(struct store_txn *txn, X509 *certificate, const char *store, char file[TRUST_FILE_MAX],
                       struct error *err)
{
    char *name = x509_common_name(certificate, err);
    struct trust_certificate there;

    if (name == NULL)
        return -1;
    for (char *at = name; *at != '\0'; at++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", *at) == NULL)
            *at = '_';
    }
    if (name[0] == '.' || name[0] == '-')
        name[0] = '_';
    for (int number = 0; number <= TRUST_CERTIFICATES_MAX; number++) {
        struct error cause = {0};
        const char *shown = name[0] != '\0' ? name : "certificate";

        if (number == 0)
            snprintf(file, TRUST_FILE_MAX, "%.64s.pem", shown);
        else
            snprintf(file, TRUST_FILE_MAX, "%.64s-%d.pem", shown, number);
        if (trust_certificate_get(txn, store, file, &there, &cause) == 0)
            continue;
        free(name);
        if (cause.code == ERROR_NOT_FOUND)
            return 0;
        *err = cause;
        return -1;
    }
    free(name);
    return error_set(err, ERROR_CONFLICT, "%s holds too many certificates of this name", store);
}

/* The certificate in service from now on, and whose it is. */
struct own {
    const char *node; /* its id */
    const struct purpose *purpose;
    X509 *shown;
};

struct own_entries {
    const struct own *own;
    const uint8_t *der;
    size_t der_length;
    enum store_scope scope; /* that the node's own certificate has here */
    bool active;
    bool is_there;
    char old[TRUST_FILE_MAX]; /* another one that is this node's to take out; "": none */
    enum store_scope old_scope;
};

static int look_at_own(void *arg, const struct trust_certificate *certificate)
{
    struct own_entries *entries = arg;
    bool same = certificate->der_length == entries->der_length &&
                memcmp(certificate->der, entries->der, entries->der_length) == 0;

    if (strcmp(certificate->node, entries->own->node) != 0 ||
        strcmp(certificate->purpose, entries->own->purpose->name) != 0)
        return 0;
    if (same && certificate->scope >= entries->scope && !entries->is_there) {
        entries->is_there = true;
    } else if (entries->active || certificate->scope == STORE_SCOPE_NODE) {
        snprintf(entries->old, sizeof(entries->old), "%s", certificate->file);
        entries->old_scope = certificate->scope;
    }
    return 0;
}

/*
 * The node's own certificate stands in the store once: the new one takes the old one's place. A standby shows
 * its own only here, beside what the pair still has of it from the time when it was active; once it is active
 * again that goes.
 */
static int show_in(struct store_txn *txn, const struct own *own, const char *store, const uint8_t *der,
                   size_t length, struct error *err)
{
    const struct trust_store *rules = trust_store_find(store, err);
    bool active = store_is_active(txn);
    struct own_entries entries;
    char file[TRUST_FILE_MAX];
    struct trust_certificate row = {.store = store,
                                    .file = file,
                                    .der = der,
                                    .der_length = length,
                                    .node = own->node,
                                    .purpose = own->purpose->name,
                                    .when_ms = clock_wall_ms(),
                                    .who = "system"};

    if (rules == NULL)
        return -1;
    row.scope = rules->pair_import && active ? STORE_SCOPE_PAIR : STORE_SCOPE_NODE;
    do {
        entries = (struct own_entries){
            .own = own, .der = der, .der_length = length, .scope = row.scope, .active = active};
        if (trust_certificate_each(txn, store, look_at_own, &entries, err) != 0 ||
            (entries.old[0] != '\0' &&
             trust_certificate_delete(txn, store, entries.old, entries.old_scope, err) != 0))
            return -1;
    } while (entries.old[0] != '\0');
    if (entries.is_there)
        return 0;
    return purpose_trust_name(txn, own->shown, store, file, err) != 0 ? -1
                                                                      : trust_certificate_put(txn, &row, err);
}

int purpose_shown_put(struct store_txn *txn, const char *node, const struct purpose *purpose, X509 *shown,
                      struct error *err)
{
    const struct own own = {node, purpose, shown};
    const char *stores[3];
    unsigned char *der = NULL;
    int length = i2d_X509(shown, &der);
    int result = length > 0 ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");

    purpose_shown_in(purpose, stores);
    for (size_t i = 0; result == 0 && stores[i] != NULL; i++)
        result = show_in(txn, &own, stores[i], der, (size_t)length, err);
    OPENSSL_free(der);
    return result;
}
