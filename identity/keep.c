#include "identity/identity.h"

#include "base/file.h"
#include "identity/keep.h"
#include "x509/x509.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int keep_path(const char *folder, const char *file, char path[PATH_MAX], struct error *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", folder, file) >= PATH_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the folder name %.200s... is too long", folder);
    return 0;
}

static int write_pem(BIO *bio, const struct identity *identity)
{
    if (PEM_write_bio_PKCS8PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(bio, identity->certificate) != 1)
        return -1;
    for (int i = 0; i < sk_X509_num(identity->chain); i++) {
        if (PEM_write_bio_X509(bio, sk_X509_value(identity->chain, i)) != 1)
            return -1;
    }
    return 0;
}

BIO *keep_to_pem(const struct identity *identity, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem()); /* which wipes what it held when it is freed */

    if (bio != NULL && write_pem(bio, identity) == 0)
        return bio;
    x509_error(err, ERROR_INTERNAL, "cannot write the key and certificate as PEM");
    BIO_free(bio);
    return NULL;
}

int keep_save(const struct identity *identity, const char *folder, const char *file, struct error *err)
{
    char path[PATH_MAX];
    char *data = NULL;
    BIO *bio = NULL;
    long length;
    int result = -1;

    if (keep_path(folder, file, path, err) != 0 || file_make_folder(folder, 0700, err) != 0)
        return -1;
    bio = keep_to_pem(identity, err);
    if (bio == NULL)
        return -1;
    length = BIO_get_mem_data(bio, &data);
    result = file_write(path, data, (size_t)length, 0600, err);
    BIO_free(bio);
    return result;
}

int identity_save(const struct identity *identity, const char *folder, struct error *err)
{
    return keep_save(identity, folder, IDENTITY_FILE, err);
}

/* A key that others can read is no secret any more: better to stop than to go on as if it were. */
int keep_check_private(const char *path, struct error *err)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        int errnum = errno;
        error_set_errno(err, errnum, "cannot read %s", path);
        if (err != NULL && errnum == ENOENT)
            err->code = ERROR_NOT_FOUND;
        if (err != NULL && errnum == EACCES)
            err->code = ERROR_DENIED;
        return -1;
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return 0;
    error_set(err, ERROR_DENIED, "others than its owner can use the private key in %s (mode %04o)", path,
              (unsigned)(info.st_mode & 07777));
    return error_hint(err, "chmod 600 %s", path);
}

/* Without this, OpenSSL would ask for a passphrase on the terminal. */
int keep_no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1;
}

static int unreadable(struct error *err, const char *path, const char *what)
{
    x509_error(err, ERROR_INVALID_ARGUMENT, "%s holds no %s that can be read", path, what);
    return error_hint(err,
                      "bring back %s from a backup, or move it away: the next start makes a new key and "
                      "certificate, which every peer has to accept",
                      path);
}

static int read_chain(struct identity *identity, BIO *bio, const char *path, struct error *err)
{
    X509 *issuer;

    while ((issuer = PEM_read_bio_X509(bio, NULL, keep_no_passphrase, NULL)) != NULL) {
        if (identity->chain == NULL)
            identity->chain = sk_X509_new_null();
        if (identity->chain == NULL || sk_X509_push(identity->chain, issuer) <= 0) {
            X509_free(issuer);
            return error_set(err, ERROR_INTERNAL, "out of memory");
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return unreadable(err, path, "chain of certificates");
    ERR_clear_error();
    return 0;
}

static int read_pem(struct identity *identity, const char *data, size_t length, const char *path,
                    struct error *err)
{
    BIO *keys = BIO_new_mem_buf(data, (int)length);
    BIO *certificates = BIO_new_mem_buf(data, (int)length);
    int result = -1;

    if (keys == NULL || certificates == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        goto out;
    }
    identity->key = PEM_read_bio_PrivateKey(keys, NULL, keep_no_passphrase, NULL);
    if (identity->key == NULL) {
        unreadable(err, path, "private key");
        goto out;
    }
    identity->certificate = PEM_read_bio_X509(certificates, NULL, keep_no_passphrase, NULL);
    if (identity->certificate == NULL) {
        unreadable(err, path, "certificate");
        goto out;
    }
    if (X509_check_private_key(identity->certificate, identity->key) != 1) {
        ERR_clear_error();
        error_set(err, ERROR_CONFLICT, "the certificate in %s is not the one of the private key in it", path);
        error_hint(err,
                   "put key and certificate that belong together into %s, or move it away: the next "
                   "start makes new ones, which every peer has to accept",
                   path);
        goto out;
    }
    result = read_chain(identity, certificates, path, err);
out:
    BIO_free(keys);
    BIO_free(certificates);
    return result;
}

struct identity *keep_from_pem(const char *data, size_t length, const char *path, struct error *err)
{
    struct identity *identity = calloc(1, sizeof(*identity));

    if (identity == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    if (read_pem(identity, data, length, path, err) == 0)
        return identity;
    identity_free(identity);
    return NULL;
}

struct identity *keep_load(const char *folder, const char *file, struct error *err)
{
    char path[PATH_MAX];
    char *data = NULL;
    size_t length = 0;
    struct identity *identity;

    if (keep_path(folder, file, path, err) != 0 || keep_check_private(path, err) != 0 ||
        file_read(path, KEEP_SIZE_MAX, &data, &length, err) != 0)
        return NULL;
    identity = keep_from_pem(data, length, path, err);
    OPENSSL_cleanse(data, length);
    free(data);
    return identity;
}

struct identity *identity_load(const char *folder, struct error *err)
{
    return keep_load(folder, IDENTITY_FILE, err);
}

struct identity *identity_ensure(const char *folder, const struct identity_spec *spec, struct error *err)
{
    struct error why = {0};
    struct identity *identity = identity_load(folder, &why);

    if (identity != NULL)
        return identity;
    if (why.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = why;
        return NULL;
    }
    identity = identity_generate(spec, err);
    if (identity != NULL && identity_save(identity, folder, err) != 0) {
        identity_free(identity);
        identity = NULL;
    }
    return identity;
}
