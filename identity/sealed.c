#include "identity/sealed.h"

#include "identity/keep.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *seal_bio(BIO *bio, const struct seal *seal, const char *record, size_t *length,
                         struct error *err)
{
    char *plain = NULL;
    long size = BIO_get_mem_data(bio, &plain);
    uint8_t *sealed = malloc((size_t)size + SEAL_OVERHEAD);

    if (sealed == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    *length = (size_t)size + SEAL_OVERHEAD;
    if (seal_wrap(seal, record, plain, (size_t)size, sealed, err) == 0)
        return sealed;
    free(sealed);
    return NULL;
}

uint8_t *identity_seal(const struct identity *identity, const struct seal *seal, const char *record,
                       size_t *length, struct error *err)
{
    BIO *bio = keep_to_pem(identity, err);
    uint8_t *sealed = bio == NULL ? NULL : seal_bio(bio, seal, record, length, err);

    BIO_free(bio);
    return sealed;
}

/* The time, then key and request as PEM, in front of which PEM readers skip what is none. */
uint8_t *pending_seal(const struct pending *pending, const struct seal *seal, const char *record,
                      size_t *length, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    uint8_t *sealed = NULL;

    if (bio == NULL || BIO_printf(bio, "%020lld\n", (long long)pending->made_ms) <= 0 ||
        PEM_write_bio_PKCS8PrivateKey(bio, pending->key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509_REQ(bio, pending->request) != 1)
        x509_error(err, ERROR_INTERNAL, "cannot write the key and its signing request as PEM");
    else
        sealed = seal_bio(bio, seal, record, length, err);
    BIO_free(bio);
    return sealed;
}

/* With a NUL behind it; wiped and freed by forget(). */
static char *unseal(const uint8_t *sealed, size_t length, const struct seal *seal, const char *record,
                    struct error *err)
{
    char *plain;

    if (length < SEAL_OVERHEAD || length > KEEP_SIZE_MAX) {
        error_set(err, ERROR_UNTRUSTED, "the sealed key %s is cut short", record);
        return NULL;
    }
    plain = calloc(1, length - SEAL_OVERHEAD + 1);
    if (plain == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    else if (seal_unwrap(seal, record, sealed, length, plain, err) == 0)
        return plain;
    free(plain);
    return NULL;
}

static void forget(char *plain, size_t length)
{
    if (plain != NULL)
        OPENSSL_cleanse(plain, length - SEAL_OVERHEAD);
    free(plain);
}

struct identity *identity_unseal(const uint8_t *sealed, size_t length, const struct seal *seal,
                                 const char *record, struct error *err)
{
    char *plain = unseal(sealed, length, seal, record, err);
    struct identity *identity =
        plain == NULL ? NULL : keep_from_pem(plain, length - SEAL_OVERHEAD, record, err);

    forget(plain, length);
    return identity;
}

struct pending *pending_unseal(const uint8_t *sealed, size_t length, const struct seal *seal,
                               const char *record, struct error *err)
{
    char *plain = unseal(sealed, length, seal, record, err);
    struct pending *pending = plain == NULL ? NULL : calloc(1, sizeof(*pending));
    BIO *keys = NULL, *requests = NULL;

    if (pending == NULL)
        goto out;
    keys = BIO_new_mem_buf(plain, (int)(length - SEAL_OVERHEAD));
    requests = BIO_new_mem_buf(plain, (int)(length - SEAL_OVERHEAD));
    if (keys != NULL && requests != NULL) {
        pending->key = PEM_read_bio_PrivateKey(keys, NULL, keep_no_passphrase, NULL);
        pending->request = PEM_read_bio_X509_REQ(requests, NULL, keep_no_passphrase, NULL);
        pending->made_ms = strtoll(plain, NULL, 10);
    }
    if (pending->key == NULL || pending->request == NULL) {
        x509_error(err, ERROR_INTERNAL, "the sealed signing request %s cannot be read", record);
        pending_free(pending);
        pending = NULL;
    }
out:
    BIO_free(keys);
    BIO_free(requests);
    forget(plain, length);
    return pending;
}
