#include "identity/stages.h"

#include "base/file.h"
#include "identity/keep.h"
#include "x509/x509.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITING_FILE "waiting.pem"
#define PENDING_FILE "pending.pem"
#define PREVIOUS_FILE "previous.sealed"
#define PREVIOUS_RECORD "identity.previous" /* what the seal is bound to */

struct identity *stage_in_service(const char *folder, struct error *err)
{
    return identity_load(folder, err);
}

struct identity *stage_waiting(const char *folder, struct error *err)
{
    return keep_load(folder, WAITING_FILE, err);
}

int stage_wait(const struct identity *identity, const char *folder, struct error *err)
{
    return keep_save(identity, folder, WAITING_FILE, err);
}

static int sync_folder(const char *folder, struct error *err)
{
    return file_sync_folder(folder) == 0 ? 0
                                         : error_set_errno(err, errno, "cannot write the folder %s", folder);
}

static int drop(const char *folder, const char *file, const char *what, struct error *err)
{
    char path[PATH_MAX];

    if (keep_path(folder, file, path, err) != 0)
        return -1;
    if (unlink(path) == 0)
        return sync_folder(folder, err);
    if (errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "%s", what);
    return error_set_errno(err, errno, "cannot remove %s", path);
}

int stage_withdraw(const char *folder, struct error *err)
{
    return drop(folder, WAITING_FILE, "no certificate waits for the restart", err);
}

int stage_forget_pending(const char *folder, struct error *err)
{
    return drop(folder, PENDING_FILE, "no signing request is pending", err);
}

/* A sealed copy beside the certificate in service; what was sealed before is gone. */
static int seal_previous(const struct identity *identity, const char *folder, const struct seal *seal,
                         struct error *err)
{
    char path[PATH_MAX];
    char *plain = NULL;
    uint8_t *sealed = NULL;
    BIO *bio = NULL;
    long length;
    int result = -1;

    if (keep_path(folder, PREVIOUS_FILE, path, err) != 0 || (bio = keep_to_pem(identity, err)) == NULL)
        return -1;
    length = BIO_get_mem_data(bio, &plain);
    sealed = malloc((size_t)length + SEAL_OVERHEAD);
    if (sealed == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    else if (seal_wrap(seal, PREVIOUS_RECORD, plain, (size_t)length, sealed, err) == 0)
        result = file_write(path, (const char *)sealed, (size_t)length + SEAL_OVERHEAD, 0600, err);
    free(sealed);
    BIO_free(bio);
    return result;
}

struct identity *stage_previous(const char *folder, const struct seal *seal, struct error *err)
{
    char path[PATH_MAX];
    char *sealed = NULL, *plain = NULL;
    size_t length = 0, plain_length = 0;
    struct identity *identity = NULL;

    if (keep_path(folder, PREVIOUS_FILE, path, err) != 0 ||
        file_read(path, KEEP_SIZE_MAX, &sealed, &length, err) != 0)
        return NULL;
    if (length > SEAL_OVERHEAD)
        plain = malloc(plain_length = length - SEAL_OVERHEAD);
    if (length <= SEAL_OVERHEAD)
        error_set(err, ERROR_UNTRUSTED, "%s is cut short", path);
    else if (plain == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    else if (seal_unwrap(seal, PREVIOUS_RECORD, (const uint8_t *)sealed, length, plain, err) == 0)
        identity = keep_from_pem(plain, plain_length, path, err);
    if (plain != NULL)
        OPENSSL_cleanse(plain, plain_length);
    free(plain);
    free(sealed);
    return identity;
}

/* file_write() makes "<file>.XXXXXX" beside the file; one that lies there was never renamed, and may hold a
 * private key. */
static bool is_leftover(const char *name)
{
    static const char *const files[] = {IDENTITY_FILE, WAITING_FILE, PENDING_FILE, PREVIOUS_FILE};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        size_t length = strlen(files[i]);

        if (strncmp(name, files[i], length) == 0 && name[length] == '.' && strlen(name) == length + 7)
            return true;
    }
    return false;
}

static void clear_leftovers(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;

    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (is_leftover(entry->d_name))
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    if (entries != NULL)
        closedir(entries);
}

/* The signed certificate is in service: its request has done its work. */
static int clear_pending(const struct identity *in_service, const char *folder, struct error *err)
{
    struct pending *pending = stage_pending(folder, NULL);
    int result = 0;

    if (pending != NULL && EVP_PKEY_eq(pending->key, in_service->key) == 1)
        result = stage_forget_pending(folder, err);
    pending_free(pending);
    return result;
}

static bool is_same(const struct identity *one, const struct identity *other)
{
    return X509_cmp(one->certificate, other->certificate) == 0;
}

int stage_promote(const char *folder, const struct seal *seal, bool *promoted, struct error *err)
{
    struct identity *waiting = NULL, *old = NULL;
    char from[PATH_MAX], to[PATH_MAX];
    struct error cause = {0};
    int result = -1;

    if (promoted != NULL)
        *promoted = false;
    clear_leftovers(folder);
    if (keep_path(folder, WAITING_FILE, from, err) != 0 || keep_path(folder, IDENTITY_FILE, to, err) != 0)
        return -1;
    waiting = stage_waiting(folder, &cause);
    if (waiting == NULL && cause.code == ERROR_NOT_FOUND)
        return 0;
    old = waiting == NULL ? NULL : stage_in_service(folder, &cause);
    if (waiting == NULL || (old == NULL && cause.code != ERROR_NOT_FOUND)) {
        if (err != NULL)
            *err = cause;
        goto out;
    }
    if (old != NULL && !is_same(old, waiting) && seal_previous(old, folder, seal, err) != 0)
        goto out;
    if (rename(from, to) != 0) {
        error_set_errno(err, errno, "cannot put %s in the place of %s", from, to);
        goto out;
    }
    if (promoted != NULL)
        *promoted = true;
    result = sync_folder(folder, err) == 0 ? clear_pending(waiting, folder, err) : -1;
out:
    identity_free(old);
    identity_free(waiting);
    return result;
}

int stage_pend(EVP_PKEY *key, X509_REQ *request, const char *folder, struct error *err)
{
    char path[PATH_MAX];
    char *data = NULL;
    long length;
    BIO *bio;
    int result = -1;

    if (keep_path(folder, PENDING_FILE, path, err) != 0)
        return -1;
    bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509_REQ(bio, request) != 1) {
        x509_error(err, ERROR_INTERNAL, "cannot write the key and its signing request as PEM");
    } else {
        length = BIO_get_mem_data(bio, &data);
        result = file_write(path, data, (size_t)length, 0600, err);
    }
    BIO_free(bio);
    return result;
}

static int read_pending(struct pending *pending, const char *data, size_t length, const char *path,
                        struct error *err)
{
    BIO *keys = BIO_new_mem_buf(data, (int)length);
    BIO *requests = BIO_new_mem_buf(data, (int)length);
    int result = -1;

    if (keys != NULL && requests != NULL) {
        pending->key = PEM_read_bio_PrivateKey(keys, NULL, keep_no_passphrase, NULL);
        pending->request = PEM_read_bio_X509_REQ(requests, NULL, keep_no_passphrase, NULL);
    }
    if (pending->key == NULL || pending->request == NULL ||
        X509_REQ_check_private_key(pending->request, pending->key) != 1) {
        x509_error(err, ERROR_INVALID_ARGUMENT, "%s does not hold a private key and its signing request",
                   path);
        error_hint(err, "make a new one: ncs key genkey -csr <file> repository <name>");
    } else {
        result = 0;
    }
    BIO_free(keys);
    BIO_free(requests);
    return result;
}

struct pending *stage_pending(const char *folder, struct error *err)
{
    char path[PATH_MAX];
    struct stat info;
    struct pending *pending;
    char *data = NULL;
    size_t length = 0;

    if (keep_path(folder, PENDING_FILE, path, err) != 0 || keep_check_private(path, err) != 0 ||
        file_read(path, KEEP_SIZE_MAX, &data, &length, err) != 0)
        return NULL;
    pending = calloc(1, sizeof(*pending));
    if (pending == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
    } else if (read_pending(pending, data, length, path, err) != 0) {
        pending_free(pending);
        pending = NULL;
    } else if (stat(path, &info) == 0) {
        pending->made_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
    }
    OPENSSL_cleanse(data, length);
    free(data);
    return pending;
}

void pending_free(struct pending *pending)
{
    if (pending == NULL)
        return;
    EVP_PKEY_free(pending->key);
    X509_REQ_free(pending->request);
    free(pending);
}
