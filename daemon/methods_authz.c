/* The methods about the keys of access tokens. */
#include "daemon/authz.h"
#include "daemon/purpose_keep.h"
#include "store/setting.h"
#include "x509/x509.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define AUTHZ_KEY_SETTING "authz/encryption"
#define AUTHZ_KEY_SIZE 32

static int set_key(struct store_txn *txn, void *arg, struct error *err)
{
    return setting_set(txn, AUTHZ_KEY_SETTING, STORE_SCOPE_PAIR, arg, AUTHZ_KEY_SIZE + SEAL_OVERHEAD, err);
}

static int seal_new_key(const struct node *node, uint8_t sealed[AUTHZ_KEY_SIZE + SEAL_OVERHEAD],
                        struct error *err)
{
    uint8_t key[AUTHZ_KEY_SIZE];
    int failed = RAND_priv_bytes(key, sizeof(key)) != 1
                     ? error_set(err, ERROR_INTERNAL, "cannot make a key")
                     : seal_wrap(node->own_key->seal, AUTHZ_KEY_SETTING, key, sizeof(key), sealed, err);

    explicit_bzero(key, sizeof(key));
    return failed;
}

static int authz_regenerate(struct request *request, json_t **result, struct error *err)
{
    const char *which = request_text(request, "key", err);
    uint8_t sealed[AUTHZ_KEY_SIZE + SEAL_OVERHEAD];
    const struct purpose *purpose;
    struct identity *made;
    int failed;

    (void)result;
    if (which == NULL)
        return -1;
    if (strcmp(which, "encryption") == 0)
        return seal_new_key(request->node, sealed, err) != 0 ? -1
                                                             : request_change(request, set_key, sealed, err);
    purpose = purpose_find("authz", err);
    made = purpose == NULL ? NULL : purpose_make_certificate(request->node, purpose, NULL, err);
    if (made == NULL)
        return -1;
    pthread_mutex_lock(&request->node->own_key->change);
    failed = purpose_keep_waiting(request, purpose, made, err);
    pthread_mutex_unlock(&request->node->own_key->change);
    identity_free(made);
    return failed;
}

/* The checksum says whether two nodes have the same key, and nothing of the key. */
static int encryption_checksum(struct node *node, uint8_t out[FINGERPRINT_SIZE], struct error *err)
{
    struct store_txn *txn = store_read(node->store, err);
    struct error cause = {0};
    uint8_t key[AUTHZ_KEY_SIZE];
    const uint8_t *sealed;
    size_t length;
    int failed = -1;

    if (txn == NULL)
        return -1;
    if (setting_get(txn, AUTHZ_KEY_SETTING, &sealed, &length, &cause) != 0 ||
        length != AUTHZ_KEY_SIZE + SEAL_OVERHEAD) {
        *err = cause;
    } else if (seal_unwrap(node->own_key->seal, AUTHZ_KEY_SETTING, sealed, length, key, err) == 0) {
        failed = EVP_Digest(key, sizeof(key), out, NULL, EVP_sha256(), NULL) == 1
                     ? 0
                     : error_set(err, ERROR_INTERNAL, "cannot make the checksum");
        explicit_bzero(key, sizeof(key));
    }
    store_end(txn);
    return failed;
}

static int ensure_encryption(struct node *node, uint8_t out[FINGERPRINT_SIZE], struct error *err)
{
    uint8_t sealed[AUTHZ_KEY_SIZE + SEAL_OVERHEAD];
    struct error cause = {0};
    int failed;

    pthread_mutex_lock(&node->own_key->change);
    failed = encryption_checksum(node, out, &cause);
    if (failed != 0 && cause.code == ERROR_NOT_FOUND) {
        failed = seal_new_key(node, sealed, err) != 0 || store_run(node->store, set_key, sealed, err) != 0
                     ? -1
                     : encryption_checksum(node, out, err);
    } else if (failed != 0) {
        *err = cause;
    }
    pthread_mutex_unlock(&node->own_key->change);
    return failed;
}

static int signing_checksum(struct node *node, uint8_t out[FINGERPRINT_SIZE], struct error *err)
{
    const struct purpose *purpose = purpose_find("authz", err);
    struct purpose_state state;
    int failed;

    pthread_mutex_lock(&node->own_key->change);
    failed = purpose == NULL ? -1 : purpose_ensure(node, purpose, err);
    pthread_mutex_unlock(&node->own_key->change);
    if (failed != 0 || purpose_read(node, purpose, &state, err) != 0)
        return -1;
    failed = x509_key_fingerprint(state.in_service->certificate, out, err);
    purpose_state_clear(&state);
    return failed;
}

int authz_ensure(struct node *node, struct error *err)
{
    uint8_t digest[FINGERPRINT_SIZE];

    return ensure_encryption(node, digest, err) != 0 ? -1 : signing_checksum(node, digest, err);
}

static int authz_show(struct request *request, json_t **result, struct error *err)
{
    const char *which = request_text(request, "key", err);
    uint8_t digest[FINGERPRINT_SIZE];
    char text[2 * FINGERPRINT_SIZE + 1];
    int failed;

    if (which == NULL)
        return -1;
    failed = strcmp(which, "encryption") == 0 ? ensure_encryption(request->node, digest, err)
                                              : signing_checksum(request->node, digest, err);
    if (failed != 0)
        return -1;
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    *result = json_pack("{s:s}", "checksum", text);
    return 0;
}

const struct method authz_methods[] = {
    {"authz.regenerate", ACCOUNT_ADMIN, METHOD_CHANGES, authz_regenerate},
    {"authz.show", ACCOUNT_USER, 0, authz_show},
};
const size_t authz_method_count = sizeof(authz_methods) / sizeof(authz_methods[0]);
