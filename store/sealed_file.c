#include "store/sealed_file.h"

#include "base/file.h"
#include "store/openssl_error.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "primesh backup\n" /* its NUL belongs to it: 16 bytes */
#define MAGIC_SIZE 16
#define VERSION 1
#define SALT_SIZE 32
#define KEY_SIZE 32
#define NONCE_SIZE 12
#define CHECK_SIZE 32 /* of the header: HMAC-SHA-256 */

/* scrypt: 128 * r * N bytes, half a second (OWASP's first choice). A file may ask for at most 8 times that.
 */
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_LOG_N_MOST 20
#define SCRYPT_R_MOST 8
#define SCRYPT_P_MOST 4
#define SCRYPT_MEMORY_MOST (1200ULL << 20)

/* Where things stand in the header; numbers are big-endian. */
enum header_offset {
    AT_MAGIC = 0,
    AT_VERSION = 16,
    AT_LOG_N = 20,
    AT_R = 21,
    AT_P = 22,
    AT_ZERO = 23,
    AT_CHUNK = 24,
    AT_RESERVED = 28,
    AT_SALT = 32,
    AT_CHECK = 64
};

struct cipher {
    EVP_CIPHER_CTX *context;
    uint8_t header[SEALED_FILE_HEADER];
    uint8_t keys[2 * KEY_SIZE]; /* AES, then HMAC of the header */
    uint64_t number;            /* of the next chunk */
};

struct sealed_writer {
    int fd;
    struct cipher cipher;
    size_t used;
    uint8_t plain[SEALED_FILE_CHUNK];
    uint8_t sealed[SEALED_FILE_CHUNK + SEALED_FILE_TAG];
};

struct sealed_reader {
    int fd;
    struct cipher cipher;
    bool ended;
    size_t at; /* in plain */
    size_t used;
    size_t ahead; /* bytes of `sealed` that are read already */
    uint8_t plain[SEALED_FILE_CHUNK];
    uint8_t sealed[SEALED_FILE_CHUNK + SEALED_FILE_TAG + 1]; /* one more shows that another follows */
};

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int derive_keys(struct cipher *cipher, const char *passphrase, struct error *err)
{
    const uint8_t *header = cipher->header;

    if (EVP_PBE_scrypt(passphrase, strlen(passphrase), header + AT_SALT, SALT_SIZE, 1ULL << header[AT_LOG_N],
                       header[AT_R], header[AT_P], SCRYPT_MEMORY_MOST, cipher->keys,
                       sizeof(cipher->keys)) == 1)
        return 0;
    return openssl_error(err, "make a key of the passphrase");
}

/* Proves that whoever wrote the header had the passphrase, and that it is as it was. */
static int check_of_header(const struct cipher *cipher, uint8_t out[CHECK_SIZE], struct error *err)
{
    unsigned length = CHECK_SIZE;

    if (HMAC(EVP_sha256(), cipher->keys + KEY_SIZE, KEY_SIZE, cipher->header, AT_CHECK, out, &length) != NULL)
        return 0;
    return openssl_error(err, "check the header");
}

/* Each key seals one file only (its salt is random), so the chunk's number is nonce enough; the last byte
 * says whether it is the last. */
static void make_nonce(const struct cipher *cipher, bool last, uint8_t nonce[NONCE_SIZE])
{
    memset(nonce, 0, NONCE_SIZE);
    put_u32(nonce, (uint32_t)(cipher->number >> 32));
    put_u32(nonce + 4, (uint32_t)cipher->number);
    nonce[NONCE_SIZE - 1] = last;
}

static void clear_cipher(struct cipher *cipher)
{
    EVP_CIPHER_CTX_free(cipher->context);
    OPENSSL_cleanse(cipher->keys, sizeof(cipher->keys));
}

/* ---- writing ---- */

static int write_header(struct sealed_writer *writer, const char *passphrase, unsigned work,
                        struct error *err)
{
    struct cipher *cipher = &writer->cipher;
    uint8_t *header = cipher->header;

    memcpy(header + AT_MAGIC, MAGIC, MAGIC_SIZE);
    put_u32(header + AT_VERSION, VERSION);
    header[AT_LOG_N] = (uint8_t)work;
    header[AT_R] = SCRYPT_R;
    header[AT_P] = SCRYPT_P;
    put_u32(header + AT_CHUNK, SEALED_FILE_CHUNK);
    if (RAND_bytes(header + AT_SALT, SALT_SIZE) != 1)
        return openssl_error(err, "make a salt");
    if (derive_keys(cipher, passphrase, err) != 0 || check_of_header(cipher, header + AT_CHECK, err) != 0)
        return -1;
    if (file_write_all(writer->fd, (const char *)header, SEALED_FILE_HEADER) != 0)
        return error_set_errno(err, errno, "cannot write the file");
    return 0;
}

struct sealed_writer *sealed_writer_new(int fd, const char *passphrase, unsigned work, struct error *err)
{
    struct sealed_writer *writer = calloc(1, sizeof(*writer));

    if (writer == NULL || (writer->cipher.context = EVP_CIPHER_CTX_new()) == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        free(writer);
        return NULL;
    }
    writer->fd = fd;
    if (write_header(writer, passphrase, work, err) == 0)
        return writer;
    sealed_writer_free(writer);
    return NULL;
}

static int seal_chunk(struct sealed_writer *writer, bool last, struct error *err)
{
    struct cipher *cipher = &writer->cipher;
    uint8_t nonce[NONCE_SIZE];
    int used;

    make_nonce(cipher, last, nonce);
    if (EVP_EncryptInit_ex(cipher->context, EVP_aes_256_gcm(), NULL, cipher->keys, nonce) != 1 ||
        EVP_EncryptUpdate(cipher->context, NULL, &used, cipher->header, SEALED_FILE_HEADER) != 1 ||
        EVP_EncryptUpdate(cipher->context, writer->sealed, &used, writer->plain, (int)writer->used) != 1 ||
        EVP_EncryptFinal_ex(cipher->context, writer->sealed + writer->used, &used) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_GCM_GET_TAG, SEALED_FILE_TAG,
                            writer->sealed + writer->used) != 1)
        return openssl_error(err, "encrypt");
    if (file_write_all(writer->fd, (const char *)writer->sealed, writer->used + SEALED_FILE_TAG) != 0)
        return error_set_errno(err, errno, "cannot write the file");
    cipher->number++;
    writer->used = 0;
    return 0;
}

int sealed_writer_add(struct sealed_writer *writer, const void *bytes, size_t length, struct error *err)
{
    const uint8_t *from = bytes;

    while (length > 0) {
        size_t part = SEALED_FILE_CHUNK - writer->used;

        /* a full chunk waits until it is known that it is not the last */
        if (part == 0) {
            if (seal_chunk(writer, false, err) != 0)
                return -1;
            continue;
        }
        if (part > length)
            part = length;
        memcpy(writer->plain + writer->used, from, part);
        writer->used += part;
        from += part;
        length -= part;
    }
    return 0;
}

int sealed_writer_finish(struct sealed_writer *writer, struct error *err)
{
    return seal_chunk(writer, true, err);
}

void sealed_writer_free(struct sealed_writer *writer)
{
    if (writer == NULL)
        return;
    clear_cipher(&writer->cipher);
    OPENSSL_cleanse(writer->plain, sizeof(writer->plain));
    free(writer);
}

/* ---- reading ---- */

/* As much as there is, up to `length`. */
static int read_all(int fd, uint8_t *bytes, size_t length, size_t *got, struct error *err)
{
    *got = 0;
    while (*got < length) {
        ssize_t part = read(fd, bytes + *got, length - *got);

        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return error_set_errno(err, errno, "cannot read the file");
        if (part == 0)
            break;
        *got += (size_t)part;
    }
    return 0;
}

static int check_values(const uint8_t *header, struct error *err)
{
    static const uint8_t zeros[4];

    if (memcmp(header + AT_MAGIC, MAGIC, MAGIC_SIZE) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the file is no backup of a node");
    if (get_u32(header + AT_VERSION) != VERSION)
        return error_set(err, ERROR_CONFLICT, "the backup has version %u, and this program knows version %d",
                         get_u32(header + AT_VERSION), VERSION);
    if (header[AT_LOG_N] < SEALED_FILE_WORK_LEAST || header[AT_LOG_N] > SCRYPT_LOG_N_MOST ||
        header[AT_R] < 1 || header[AT_R] > SCRYPT_R_MOST || header[AT_P] < 1 ||
        header[AT_P] > SCRYPT_P_MOST || header[AT_ZERO] != 0 ||
        memcmp(header + AT_RESERVED, zeros, sizeof(zeros)) != 0 ||
        get_u32(header + AT_CHUNK) != SEALED_FILE_CHUNK)
        return error_set(err, ERROR_UNTRUSTED, "the backup's header is damaged");
    return 0;
}

static int read_header(struct sealed_reader *reader, const char *passphrase, struct error *err)
{
    struct cipher *cipher = &reader->cipher;
    uint8_t check[CHECK_SIZE];
    size_t got;

    if (read_all(reader->fd, cipher->header, SEALED_FILE_HEADER, &got, err) != 0)
        return -1;
    if (got < SEALED_FILE_HEADER)
        memset(cipher->header + got, 0, SEALED_FILE_HEADER - got);
    if (got < SEALED_FILE_HEADER && got >= MAGIC_SIZE && memcmp(cipher->header, MAGIC, MAGIC_SIZE) == 0)
        return error_set(err, ERROR_UNTRUSTED, "the backup is cut short in its header");
    if (check_values(cipher->header, err) != 0 || derive_keys(cipher, passphrase, err) != 0 ||
        check_of_header(cipher, check, err) != 0)
        return -1;
    if (CRYPTO_memcmp(check, cipher->header + AT_CHECK, CHECK_SIZE) == 0)
        return 0;
    return error_set(err, ERROR_DENIED,
                     "the passphrase is not that of the backup (or its header was altered)");
}

struct sealed_reader *sealed_reader_new(int fd, const char *passphrase, struct error *err)
{
    struct sealed_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL || (reader->cipher.context = EVP_CIPHER_CTX_new()) == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        free(reader);
        return NULL;
    }
    reader->fd = fd;
    if (read_header(reader, passphrase, err) == 0)
        return reader;
    sealed_reader_free(reader);
    return NULL;
}

/* 1: authentic; 0: not; -1: OpenSSL failed. */
static int unseal_chunk(struct sealed_reader *reader, size_t length, bool last, struct error *err)
{
    struct cipher *cipher = &reader->cipher;
    uint8_t nonce[NONCE_SIZE];
    int plain = (int)(length - SEALED_FILE_TAG);
    int used;

    make_nonce(cipher, last, nonce);
    if (EVP_DecryptInit_ex(cipher->context, EVP_aes_256_gcm(), NULL, cipher->keys, nonce) != 1 ||
        EVP_DecryptUpdate(cipher->context, NULL, &used, cipher->header, SEALED_FILE_HEADER) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_GCM_SET_TAG, SEALED_FILE_TAG, reader->sealed + plain) !=
            1 ||
        EVP_DecryptUpdate(cipher->context, reader->plain, &used, reader->sealed, plain) != 1)
        return openssl_error(err, "decrypt");
    if (EVP_DecryptFinal_ex(cipher->context, reader->plain + plain, &used) == 1)
        return 1;
    OPENSSL_cleanse(reader->plain, (size_t)plain); /* not authentic: nobody may look at it */
    ERR_clear_error();
    return 0;
}

static int next_chunk(struct sealed_reader *reader, struct error *err)
{
    size_t got;
    size_t length;
    bool last;
    int authentic;

    if (read_all(reader->fd, reader->sealed + reader->ahead, sizeof(reader->sealed) - reader->ahead, &got,
                 err) != 0)
        return -1;
    length = reader->ahead + got;
    last = length < sizeof(reader->sealed);
    if (!last)
        length--;
    if (length < SEALED_FILE_TAG)
        return error_set(err, ERROR_UNTRUSTED, "the backup is cut short");
    authentic = unseal_chunk(reader, length, last, err);
    if (authentic < 0)
        return -1;
    if (authentic == 0) {
        /* a whole chunk that is not the last one, at the end: the rest is missing */
        if (last && length == sizeof(reader->sealed) - 1 && unseal_chunk(reader, length, false, err) == 1)
            return error_set(err, ERROR_UNTRUSTED, "the backup is cut short");
        return error_set(err, ERROR_UNTRUSTED, "the backup is damaged or was altered%s",
                         last ? ", or it is cut short" : "");
    }
    reader->cipher.number++;
    reader->ended = last;
    reader->at = 0;
    reader->used = length - SEALED_FILE_TAG;
    reader->sealed[0] = reader->sealed[sizeof(reader->sealed) - 1];
    reader->ahead = last ? 0 : 1;
    return 0;
}

int sealed_reader_get(struct sealed_reader *reader, void *bytes, size_t length, size_t *got,
                      struct error *err)
{
    uint8_t *to = bytes;

    *got = 0;
    while (*got < length) {
        size_t part = reader->used - reader->at;

        if (part == 0 && reader->ended)
            break;
        if (part == 0) {
            if (next_chunk(reader, err) != 0)
                return -1;
            continue;
        }
        if (part > length - *got)
            part = length - *got;
        memcpy(to + *got, reader->plain + reader->at, part);
        reader->at += part;
        *got += part;
    }
    return 0;
}

void sealed_reader_free(struct sealed_reader *reader)
{
    if (reader == NULL)
        return;
    clear_cipher(&reader->cipher);
    OPENSSL_cleanse(reader->plain, sizeof(reader->plain));
    free(reader);
}
