#include "store/seal.h"

#include "base/file.h"
#include "base/node_conf.h"
#include "store/openssl_error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME "keys/seal.key"
#define KEY_SIZE 32
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define SEAL_VERSION 1
#define KEY_FOLDER_MODE 0700
#define KEY_MODE 0600

struct seal {
    uint8_t key[KEY_SIZE];
};

static int path_error(struct error *err, int errnum, const char *doing, const char *path)
{
    error_set_errno(err, errnum, "cannot %s %.200s", doing, path);
    if (err != NULL && (errnum == EACCES || errnum == EPERM || errnum == EROFS || errnum == ELOOP))
        err->code = ERROR_DENIED;
    return -1;
}

static int sync_folder(const char *path, struct error *err)
{
    return file_sync_folder(path) == 0 ? 0 : path_error(err, errno, "write", path);
}

/* Linked, not renamed, into place: of two that make a key at once, both get the first one's. */
static int make_key(const char *folder, const char *path, struct error *err)
{
    char made[PATH_MAX + 32];
    uint8_t key[KEY_SIZE];
    int result = -1;

    snprintf(made, sizeof(made), "%s.%ld", path, (long)getpid());
    if (RAND_bytes(key, sizeof(key)) != 1) {
        openssl_error(err, "make a sealing key");
        goto out;
    }
    if (file_make_folder(folder, KEY_FOLDER_MODE, err) != 0 ||
        file_write(made, (const char *)key, sizeof(key), KEY_MODE, err) != 0)
        goto out;
    if ((link(made, path) != 0 && errno != EEXIST) || unlink(made) != 0)
        path_error(err, errno, "make", path);
    else
        result = sync_folder(folder, err);
out:
    OPENSSL_cleanse(key, sizeof(key));
    return result;
}

static int check_key_file(int fd, const char *path, struct error *err)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return path_error(err, errno, "read", path);
    if (!S_ISREG(info.st_mode) || info.st_size != KEY_SIZE) {
        error_set(err, ERROR_INVALID_ARGUMENT, "%.200s is not a sealing key: a file of %d bytes", path,
                  KEY_SIZE);
        return error_hint(err, "restore it from a backup; what was sealed with it cannot be read without it");
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 ||
        (info.st_uid != geteuid() && info.st_uid != 0 && geteuid() != 0)) {
        error_set(err, ERROR_DENIED, "others can read the sealing key %.200s", path);
        return error_hint(err,
                          "chmod 600 it, and change the secrets that it seals if others are not trusted");
    }
    return 0;
}

static int read_key(int fd, const char *path, uint8_t key[KEY_SIZE], struct error *err)
{
    ssize_t got;

    if (check_key_file(fd, path, err) != 0)
        return -1;
    do {
        got = read(fd, key, KEY_SIZE);
    } while (got < 0 && errno == EINTR);
    if (got == KEY_SIZE)
        return 0;
    return path_error(err, got < 0 ? errno : EIO, "read", path);
}

int seal_make(const char *home, struct error *err)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct stat info;

    if (node_path(home, "keys", folder, sizeof(folder), err) != 0 ||
        node_path(home, KEY_NAME, path, sizeof(path), err) != 0)
        return -1;
    if (lstat(path, &info) == 0)
        return 0;
    if (errno != ENOENT)
        return path_error(err, errno, "open", path);
    return make_key(folder, path, err) != 0 ? -1 : sync_folder(home, err);
}

static int open_key(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd >= 0)
        return fd;
    if (errno != ENOENT)
        return path_error(err, errno, "open", path);
    error_set(err, ERROR_NOT_FOUND,
              "the sealing key %.200s is lost: the secrets in the store cannot be read without it", path);
    return error_hint(err, "put it back; else move the folder store away and start primed, which makes an "
                           "empty one; then restore a backup");
}

struct seal *seal_open(const char *home, struct error *err)
{
    char path[PATH_MAX];
    struct seal *seal;
    int fd;

    if (node_path(home, KEY_NAME, path, sizeof(path), err) != 0 || (fd = open_key(path, err)) < 0)
        return NULL;
    seal = calloc(1, sizeof(*seal));
    if (seal == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    if (seal != NULL && read_key(fd, path, seal->key, err) != 0) {
        seal_close(seal);
        seal = NULL;
    }
    close(fd);
    return seal;
}

void seal_close(struct seal *seal)
{
    if (seal == NULL)
        return;
    OPENSSL_cleanse(seal, sizeof(*seal));
    free(seal);
}

/* Layout: version, nonce, ciphertext, tag. Version and record name are authenticated with it. */
int seal_wrap(const struct seal *seal, const char *record, const void *plain, size_t length, uint8_t *out,
              struct error *err)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t *nonce = out + 1;
    uint8_t *body = nonce + NONCE_SIZE;
    int used;
    int result = -1;

    out[0] = SEAL_VERSION;
    if (length > INT_MAX - SEAL_OVERHEAD) {
        error_set(err, ERROR_INVALID_ARGUMENT, "a secret of %zu bytes is too long", length);
        goto out;
    }
    if (context == NULL || RAND_bytes(nonce, NONCE_SIZE) != 1 ||
        EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, seal->key, nonce) != 1 ||
        EVP_EncryptUpdate(context, NULL, &used, out, 1) != 1 ||
        EVP_EncryptUpdate(context, NULL, &used, (const uint8_t *)record, (int)strlen(record)) != 1 ||
        EVP_EncryptUpdate(context, body, &used, plain, (int)length) != 1 ||
        EVP_EncryptFinal_ex(context, body + length, &used) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, body + length) != 1) {
        openssl_error(err, "seal a secret");
        goto out;
    }
    result = 0;
out:
    EVP_CIPHER_CTX_free(context);
    return result;
}

static int refuse(const char *record, struct error *err)
{
    ERR_clear_error();
    error_set(err, ERROR_UNTRUSTED,
              "the sealed secret %.200s was altered, or sealed under another key or name", record);
    return error_hint(err, "enter the secret again");
}

int seal_unwrap(const struct seal *seal, const char *record, const uint8_t *sealed, size_t length, void *out,
                struct error *err)
{
    EVP_CIPHER_CTX *context;
    size_t plain;
    int used;
    int result = -1;

    if (length < SEAL_OVERHEAD || length > INT_MAX || sealed[0] != SEAL_VERSION)
        return refuse(record, err);
    plain = length - SEAL_OVERHEAD;
    context = EVP_CIPHER_CTX_new();
    if (context == NULL || EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, seal->key, sealed + 1) != 1 ||
        EVP_DecryptUpdate(context, NULL, &used, sealed, 1) != 1 ||
        EVP_DecryptUpdate(context, NULL, &used, (const uint8_t *)record, (int)strlen(record)) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
                            (void *)(uintptr_t)(sealed + length - TAG_SIZE)) != 1 ||
        EVP_DecryptUpdate(context, out, &used, sealed + 1 + NONCE_SIZE, (int)plain) != 1) {
        openssl_error(err, "open a sealed secret");
    } else if (EVP_DecryptFinal_ex(context, (uint8_t *)out + plain, &used) != 1) {
        OPENSSL_cleanse(out, plain); /* not authentic: nobody may look at it */
        refuse(record, err);
    } else {
        result = 0;
    }
    EVP_CIPHER_CTX_free(context);
    return result;
}

static int derive(const struct seal *seal, const char *purpose, uint8_t out[KEY_SIZE])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    size_t size = KEY_SIZE;
    bool made =
        context != NULL && EVP_PKEY_derive_init(context) == 1 &&
        EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
        EVP_PKEY_CTX_set1_hkdf_key(context, seal->key, KEY_SIZE) == 1 &&
        EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)purpose, (int)strlen(purpose)) == 1 &&
        EVP_PKEY_derive(context, out, &size) == 1;

    EVP_PKEY_CTX_free(context);
    return made && size == KEY_SIZE ? 0 : -1;
}

int seal_mac(const struct seal *seal, const char *purpose, const void *bytes, size_t length,
             uint8_t out[SEAL_MAC_SIZE], struct error *err)
{
    uint8_t key[KEY_SIZE];
    unsigned size = SEAL_MAC_SIZE;
    int result = 0;

    if (derive(seal, purpose, key) != 0 ||
        HMAC(EVP_sha256(), key, KEY_SIZE, bytes, length, out, &size) == NULL)
        result = openssl_error(err, "authenticate a message");
    OPENSSL_cleanse(key, sizeof(key));
    return result;
}
