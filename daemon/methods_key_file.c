/* The methods that take a certificate or a key out of a file and have it wait for the restart. */
#include "base/clock.h"
#include "daemon/own_key.h"
#include "daemon/place.h"
#include "daemon/request.h"
#include "x509/bundle.h"
#include "x509/chain.h"
#include "x509/private_key.h"
#include "x509/x509.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file of the request's repository; wiped and freed by forget(). */
struct source {
    char *data;
    size_t length;
};

static int read_source(const struct request *request, const char *parameter, size_t most, struct source *out,
                       struct error *err)
{
    const char *file = request_text(request, parameter, err);
    const char *repository = file == NULL ? NULL : request_text(request, "repository", err);

    *out = (struct source){0};
    if (repository == NULL)
        return -1;
    return place_read_file(request, repository, file, most, &out->data, &out->length, err);
}

static void forget(struct source *source)
{
    if (source->data != NULL)
        explicit_bzero(source->data, source->length);
    free(source->data);
    *source = (struct source){0};
}

/* Verifies up to a root among what came with the certificate and the node's CA certificates. */
static int find_chain(const struct request *request, struct identity *identity, STACK_OF(X509) * bundle,
                      struct error *err)
{
    STACK_OF(X509) *pool = own_key_ca_certificates(request->node, err);
    int failed = pool != NULL ? 0 : -1;

    for (int i = 0; failed == 0 && i < sk_X509_num(bundle); i++) {
        if (sk_X509_push(pool, sk_X509_value(bundle, i)) <= 0)
            failed = error_set(err, ERROR_INTERNAL, "out of memory");
        else
            X509_up_ref(sk_X509_value(bundle, i));
    }
    if (failed == 0)
        failed = x509_build_chain(identity->certificate, pool, &identity->chain, err);
    x509_bundle_free(pool);
    return failed;
}

static json_t *describe(const struct identity *identity, bool replaced)
{
    struct certificate_facts *facts = x509_describe(identity->certificate, NULL);
    char sha256[FINGERPRINT_TEXT_MAX];
    json_t *json;

    if (facts == NULL)
        return NULL;
    fingerprint_format(facts->sha256, sha256);
    json = json_pack("{s:s, s:s, s:s, s:I, s:i, s:b}", "subject", facts->subject_slash, "issuer",
                     facts->issuer_oneline, "sha256", sha256, "not_after_ms", (json_int_t)facts->not_after_ms,
                     "chain", sk_X509_num(identity->chain), "replaced_waiting", replaced);
    x509_facts_free(facts);
    return json;
}

/* Looks at certificate and chain, and has them wait for the restart. Nothing changes before all is well. */
static int have_wait(struct request *request, struct identity *identity, STACK_OF(X509) * bundle,
                     json_t **result, struct error *err)
{
    struct own_key *own = request->node->own_key;
    char hostname[HOST_TEXT_MAX];
    const struct node_names names = own_key_names(request->node, hostname);
    struct identity *waiting;
    int failed;

    if (accept_certificate(identity->certificate, &names, clock_wall_ms(), err) != 0 ||
        find_chain(request, identity, bundle, err) != 0 || own_key_check_servable(identity, err) != 0)
        return -1;
    waiting = stage_waiting(own->folder, NULL);
    failed = stage_wait(identity, own->folder, err);
    if (failed == 0)
        *result = describe(identity, waiting != NULL);
    identity_free(waiting);
    return failed;
}

static int wrong_key(const struct pending *pending, struct error *err)
{
    char made[CLOCK_TEXT_MAX];

    clock_format(pending->made_ms, made);
    error_set(err, ERROR_CONFLICT,
              "the file holds no certificate for the key of the pending signing request, which was made %s",
              made);
    return error_hint(err, "the CA has to sign the newest request; see it with: ncs key show");
}

static int import_for(struct request *request, const struct pending *pending, STACK_OF(X509) * bundle,
                      json_t **result, struct error *err)
{
    struct identity identity = {.key = pending->key, .certificate = x509_bundle_take(bundle, pending->key)};
    int failed;

    if (identity.certificate == NULL)
        return wrong_key(pending, err);
    failed = have_wait(request, &identity, bundle, result, err);
    X509_free(identity.certificate);
    x509_bundle_free(identity.chain);
    return failed;
}

static int key_import_signed(struct request *request, json_t **result, struct error *err)
{
    struct own_key *own = request->node->own_key;
    struct error cause = {0};
    struct source file;
    STACK_OF(X509) *bundle = NULL;
    struct pending *pending;
    int failed = -1;

    if (read_source(request, "file", X509_BUNDLE_FILE_MAX, &file, err) != 0)
        return -1;
    bundle = x509_read_bundle(file.data, file.length, err);
    forget(&file);
    if (bundle == NULL)
        return -1;
    pthread_mutex_lock(&own->change);
    pending = stage_pending(own->folder, &cause);
    if (pending != NULL) {
        failed = import_for(request, pending, bundle, result, err);
    } else if (cause.code == ERROR_NOT_FOUND) {
        error_set(err, ERROR_CONFLICT,
                  "no signing request is pending, so there is no key for a signed certificate");
        error_hint(err, "make one first: ncs key genkey -csr <file> repository <name>");
    } else {
        *err = cause;
    }
    pthread_mutex_unlock(&own->change);
    pending_free(pending);
    x509_bundle_free(bundle);
    return failed;
}

static int key_needs_passphrase(struct request *request, json_t **result, struct error *err)
{
    struct source file;

    if (read_source(request, "keyfile", X509_KEY_FILE_MAX, &file, err) != 0)
        return -1;
    *result = json_pack("{s:b}", "needed", x509_needs_passphrase(file.data, file.length));
    forget(&file);
    return 0;
}

/* From the parameter, or the first line of a file in the repository. "" where none was given. */
static int read_passphrase(const struct request *request, char out[X509_PASSPHRASE_MAX], struct error *err)
{
    const char *given = json_string_value(json_object_get(request->params, "passphrase"));
    struct source file = {0};
    size_t length;
    int result = 0;

    out[0] = '\0';
    if (given == NULL && json_object_get(request->params, "password_file") == NULL)
        return 0;
    if (given == NULL) {
        if (read_source(request, "password_file", X509_KEY_FILE_MAX, &file, err) != 0)
            return -1;
        file.data[strcspn(file.data, "\r\n")] = '\0';
        given = file.data;
    }
    length = strlen(given);
    if (length >= X509_PASSPHRASE_MAX)
        result = error_set(err, ERROR_INVALID_ARGUMENT, "a passphrase has at most %d bytes",
                           X509_PASSPHRASE_MAX - 1);
    else
        memcpy(out, given, length + 1);
    forget(&file);
    return result;
}

/* The key and the certificates, whichever way they come. */
static int read_parts(const struct request *request, const struct source *keys, const char *passphrase,
                      EVP_PKEY **key, STACK_OF(X509) * *bundle, struct error *err)
{
    const char *given = passphrase[0] != '\0' ? passphrase : NULL;
    bool has_file = json_object_get(request->params, "certfile") != NULL;
    struct source certificates;

    if (x509_is_pkcs12(keys->data, keys->length)) {
        if (has_file)
            return error_set(err, ERROR_INVALID_ARGUMENT,
                             "a PKCS#12 holds its certificate itself: leave the second file out");
        return x509_read_pkcs12(keys->data, keys->length, given, key, bundle, err);
    }
    if (!has_file)
        return error_set(
            err, ERROR_INVALID_ARGUMENT,
            "the file is no PKCS#12: name the file with the certificate behind that with the key");
    *key = x509_read_private_key(keys->data, keys->length, given, err);
    if (*key == NULL || read_source(request, "certfile", X509_BUNDLE_FILE_MAX, &certificates, err) != 0)
        return -1;
    *bundle = x509_read_bundle(certificates.data, certificates.length, err);
    forget(&certificates);
    return *bundle != NULL ? 0 : -1;
}

static int import_pair(struct request *request, EVP_PKEY *key, STACK_OF(X509) * bundle, json_t **result,
                       struct error *err)
{
    struct own_key *own = request->node->own_key;
    struct identity identity = {.key = key, .certificate = x509_bundle_take(bundle, key)};
    struct key_kind kind;
    int failed;

    if (identity.certificate == NULL)
        return error_set(err, ERROR_CONFLICT, "the certificate does not belong to the private key");
    if (!key_kind_of(key, &kind) && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        failed = error_set(err, ERROR_INVALID_ARGUMENT,
                           "the private key is of a kind that is not served here: RSA, EC on P-256, P-384 or "
                           "P-521, and Ed25519 are");
    } else {
        pthread_mutex_lock(&own->change);
        failed = have_wait(request, &identity, bundle, result, err);
        pthread_mutex_unlock(&own->change);
    }
    X509_free(identity.certificate);
    x509_bundle_free(identity.chain);
    return failed;
}

static int key_import(struct request *request, json_t **result, struct error *err)
{
    char passphrase[X509_PASSPHRASE_MAX];
    struct source keys = {0};
    EVP_PKEY *key = NULL;
    STACK_OF(X509) *bundle = NULL;
    int failed = -1;

    if (read_passphrase(request, passphrase, err) == 0 &&
        read_source(request, "keyfile", X509_KEY_FILE_MAX, &keys, err) == 0 &&
        read_parts(request, &keys, passphrase, &key, &bundle, err) == 0)
        failed = import_pair(request, key, bundle, result, err);
    explicit_bzero(passphrase, sizeof(passphrase));
    forget(&keys);
    EVP_PKEY_free(key);
    x509_bundle_free(bundle);
    return failed;
}

const struct method key_file_methods[] = {
    {"key.import-signed", ACCOUNT_ADMIN, METHOD_CHANGES, key_import_signed},
    {"key.needs-passphrase", ACCOUNT_ADMIN, 0, key_needs_passphrase},
    {"key.import", ACCOUNT_ADMIN, METHOD_CHANGES, key_import},
};
const size_t key_file_method_count = sizeof(key_file_methods) / sizeof(key_file_methods[0]);
