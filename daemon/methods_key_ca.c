/* The methods about the CA certificates of the node, and about the certificates of its callers. */
#include "base/clock.h"
#include "daemon/own_key.h"
#include "daemon/place.h"
#include "daemon/request.h"
#include "store/own_ca.h"
#include "store/setting.h"
#include "trust/trust.h"
#include "x509/bundle.h"
#include "x509/chain.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CA_V3 1      /* X509_check_ca(): basicConstraints says CA */
#define CA_V1_ROOT 3 /* a self-signed one of the time before extensions */

struct ca_import {
    const char *alias;
    STACK_OF(X509) * bundle;
    json_t *added; /* aliases */
    int known;     /* certificates that were there already */
};

static int check_ca(X509 *certificate, int number, struct error *err)
{
    int64_t not_before_ms, not_after_ms;
    struct error why = {0};
    char until[CLOCK_TEXT_MAX];
    int kind;

    if (x509_check_form(certificate, &why) != 0 ||
        x509_validity(certificate, &not_before_ms, &not_after_ms, &why) != 0)
        return error_set(err, ERROR_UNTRUSTED, "certificate %d of the file: %s", number, why.message);
    kind = X509_check_ca(certificate);
    if (kind != CA_V3 && !(kind == CA_V1_ROOT && x509_is_self_signed(certificate)))
        return error_set(err, ERROR_UNTRUSTED, "certificate %d of the file is not the certificate of a CA",
                         number);
    if (not_after_ms < clock_wall_ms()) {
        clock_format(not_after_ms, until);
        return error_set(err, ERROR_UNTRUSTED, "certificate %d of the file is expired: it was valid until %s",
                         number, until);
    }
    return 0;
}

static const struct own_ca *find_alias(const struct own_ca *list, size_t count, const char *alias)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].alias, alias) == 0)
            return &list[i];
    }
    return NULL;
}

static const struct own_ca *find_certificate(const struct own_ca *list, size_t count, const uint8_t *sha256)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(list[i].sha256, sha256, FINGERPRINT_SIZE) == 0)
            return &list[i];
    }
    return NULL;
}

/* A single certificate gets the alias itself, those of a bundle alias-1, alias-2, ... */
static int name_entry(const struct ca_import *import, int number, char out[OWN_CA_ALIAS_MAX],
                      struct error *err)
{
    int length = sk_X509_num(import->bundle) == 1
                     ? snprintf(out, OWN_CA_ALIAS_MAX, "%s", import->alias)
                     : snprintf(out, OWN_CA_ALIAS_MAX, "%s-%d", import->alias, number);

    if (length < OWN_CA_ALIAS_MAX)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "the alias %s is too long for certificate %d of the file",
                     import->alias, number);
}

static int add_entry(struct store_txn *txn, struct ca_import *import, int index, struct own_ca *list,
                     size_t *count, struct error *err)
{
    struct own_ca entry = {0};
    struct certificate_facts *facts = NULL;
    int failed = trust_put_certificate(txn, sk_X509_value(import->bundle, index), &facts, err);

    if (failed == 0)
        memcpy(entry.sha256, facts->sha256, FINGERPRINT_SIZE);
    x509_facts_free(facts);
    if (failed != 0)
        return -1;
    if (find_certificate(list, *count, entry.sha256) != NULL) {
        import->known++;
        return 0;
    }
    if (name_entry(import, index + 1, entry.alias, err) != 0)
        return -1;
    if (find_alias(list, *count, entry.alias) != NULL)
        return error_set(err, ERROR_CONFLICT, "there is a CA certificate with the alias %s already",
                         entry.alias);
    if (*count == OWN_CA_MAX)
        return error_set(err, ERROR_CONFLICT, "there are %d CA certificates already, which is the most",
                         OWN_CA_MAX);
    list[(*count)++] = entry;
    json_array_append_new(import->added, json_string(entry.alias));
    return 0;
}

static int import_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct ca_import *import = arg;
    struct own_ca *list = NULL;
    size_t count = 0;
    int failed = own_ca_list(txn, &list, &count, err);

    json_array_clear(import->added); /* a job that met a full map runs once more */
    import->known = 0;
    for (int i = 0; failed == 0 && i < sk_X509_num(import->bundle); i++)
        failed = add_entry(txn, import, i, list, &count, err);
    if (failed == 0 && json_array_size(import->added) == 0)
        failed = error_set(err, ERROR_CONFLICT, "all CA certificates of the file are there already");
    if (failed == 0)
        failed = own_ca_set(txn, list, count, err);
    free(list);
    return failed;
}

static int key_ca_import(struct request *request, json_t **result, struct error *err)
{
    const char *file = request_text(request, "file", err);
    const char *repository = file == NULL ? NULL : request_text(request, "repository", err);
    struct ca_import import = {.alias = repository == NULL ? NULL : request_text(request, "alias", err)};
    char *data = NULL;
    size_t length;
    int failed;

    if (import.alias == NULL || own_ca_check_alias(import.alias, err) != 0 ||
        place_read_file(request, repository, file, X509_BUNDLE_FILE_MAX, &data, &length, err) != 0)
        return -1;
    import.bundle = x509_read_bundle(data, length, err);
    explicit_bzero(data, length); /* a private key may have been named by mistake */
    free(data);
    if (import.bundle == NULL)
        return -1;
    failed = 0;
    for (int i = 0; failed == 0 && i < sk_X509_num(import.bundle); i++)
        failed = check_ca(sk_X509_value(import.bundle, i), i + 1, err);
    import.added = json_array();
    if (failed == 0)
        failed = request_change(request, import_job, &import, err);
    x509_bundle_free(import.bundle);
    if (failed == 0)
        *result = json_pack("{s:O, s:i}", "added", import.added, "known", import.known);
    json_decref(import.added);
    return failed;
}

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    const char *alias = arg;
    struct own_ca *list = NULL;
    const struct own_ca *entry;
    size_t count = 0, index;
    int failed = own_ca_list(txn, &list, &count, err);

    if (failed != 0)
        return -1;
    entry = find_alias(list, count, alias);
    if (entry == NULL) {
        failed = error_set(err, ERROR_NOT_FOUND, "there is no CA certificate with the alias %s", alias);
        error_hint(err, "see them with: ncs key listcacerts");
    } else {
        index = (size_t)(entry - list);
        memmove(&list[index], &list[index + 1], (count - index - 1) * sizeof(*list));
        failed = own_ca_set(txn, list, count - 1, err);
    }
    free(list);
    return failed;
}

static int key_ca_delete(struct request *request, json_t **result, struct error *err)
{
    const char *alias = request_text(request, "alias", err);

    (void)result;
    if (alias == NULL || own_ca_check_alias(alias, err) != 0)
        return -1;
    return request_change(request, delete_job, (void *)(uintptr_t)alias, err);
}

static int client_job(struct store_txn *txn, void *arg, struct error *err)
{
    const bool *enable = arg;

    return setting_set(txn, OWN_KEY_CLIENT_SETTING, STORE_SCOPE_NODE, *enable ? "1" : "0", 1, err);
}

static int key_authenticate_client(struct request *request, json_t **result, struct error *err)
{
    const json_t *value = json_object_get(request->params, "enable");
    bool enable = json_is_true(value);

    (void)result;
    if (!json_is_boolean(value))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the parameter \"enable\" is missing or neither true nor false");
    return request_change(request, client_job, &enable, err);
}

const struct method key_ca_methods[] = {
    {"key.ca-import", ACCOUNT_ADMIN, METHOD_CHANGES, key_ca_import},
    {"key.ca-delete", ACCOUNT_ADMIN, METHOD_CHANGES, key_ca_delete},
    {"key.authenticate-client", ACCOUNT_ADMIN, METHOD_CHANGES, key_authenticate_client},
};
const size_t key_ca_method_count = sizeof(key_ca_methods) / sizeof(key_ca_methods[0]);
