#include "daemon/host_keys.h"

#include "base/file.h"
#include "base/node_conf.h"
#include "base/text.h"
#include "daemon/ssh_start.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_HOSTS_MAX (16 * 1024 * 1024) /* bytes */
#define SSH_PORT 22

/* The file, or "" where nothing was met yet. */
static char *read_file(const char *home, struct error *err)
{
    char path[PATH_MAX];
    struct error cause = {0};
    char *text = NULL;
    size_t length;

    if (node_path(home, SSH_KNOWN_HOSTS, path, sizeof(path), err) != 0)
        return NULL;
    if (file_read(path, KNOWN_HOSTS_MAX, &text, &length, &cause) == 0)
        return text;
    if (cause.code == ERROR_NOT_FOUND)
        return calloc(1, 1);
    if (err != NULL)
        *err = cause;
    return NULL;
}

/* "10.1.1.1" or "[10.1.1.1]:2222" as 10.1.1.1_2222. */
static bool read_host(const char *word, size_t length, char out[HOST_PORT_TEXT_MAX])
{
    struct host_port host = {.port = SSH_PORT};
    char name[HOST_PORT_TEXT_MAX];
    const char *end;

    if (length >= sizeof(name))
        return false;
    memcpy(name, word, length);
    name[length] = '\0';
    if (name[0] == '[') {
        end = strchr(name, ']');
        if (end == NULL || end[1] != ':')
            return false;
        host.port = (uint16_t)strtol(end + 2, NULL, 10);
        name[end - name] = '\0';
    }
    if (host_parse(name[0] == '[' ? name + 1 : name, &host.kind, host.host, NULL) != 0)
        return false;
    host_port_format(&host, out);
    return true;
}

static void base64_fingerprint(const uint8_t digest[SHA256_DIGEST_LENGTH], char out[64])
{
    unsigned char encoded[SHA256_DIGEST_LENGTH * 2];
    int length = EVP_EncodeBlock(encoded, digest, SHA256_DIGEST_LENGTH);

    while (length > 0 && encoded[length - 1] == '=') /* OpenSSH leaves the padding out */
        length--;
    snprintf(out, 64, "SHA256:%.*s", length, (const char *)encoded);
}

static bool read_fingerprint(const char *word, size_t length, char out[64])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    unsigned char *key = malloc(length + 4);
    int decoded = key == NULL ? -1 : EVP_DecodeBlock(key, (const unsigned char *)word, (int)length);
    bool done = false;

    while (decoded > 0 && length > 0 && word[length - 1] == '=') {
        length--;
        decoded--;
    }
    if (decoded > 0 && SHA256(key, (size_t)decoded, digest) != NULL) {
        base64_fingerprint(digest, out);
        done = true;
    }
    free(key);
    return done;
}

static bool read_line(const char *line, size_t length, struct host_key *key)
{
    size_t host = strcspn(line, " \n");
    size_t kind = host < length ? strcspn(line + host + 1, " \n") : 0;
    const char *blob = line + host + kind + 2;
    size_t start = host + kind + 2;

    if (length == 0 || line[0] == '#' || start >= length || kind >= sizeof(key->kind) ||
        !text_is_printable(line + host + 1, kind))
        return false;
    snprintf(key->kind, sizeof(key->kind), "%.*s", (int)kind, line + host + 1);
    return read_host(line, host, key->host) &&
           read_fingerprint(blob, strcspn(blob, " \r\n"), key->fingerprint);
}

int host_keys_each(const char *home, int (*each)(void *arg, const struct host_key *key), void *arg,
                   struct error *err)
{
    char *text = read_file(home, err);
    struct host_key key;

    if (text == NULL)
        return -1;
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");

        if (read_line(line, length, &key) && each(arg, &key) != 0)
            break;
        line += length + (line[length] == '\n');
    }
    free(text);
    return 0;
}

int host_keys_delete(const char *home, const struct host_port *host, struct error *err)
{
    char *text = read_file(home, err);
    struct text kept = {0};
    char path[PATH_MAX];
    char wanted[HOST_PORT_TEXT_MAX];
    struct host_key key;
    int result;
    bool found = false;

    if (text == NULL)
        return -1;
    host_port_format(host, wanted);
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        size_t whole = length + (line[length] == '\n');

        if (read_line(line, length, &key) && strcmp(key.host, wanted) == 0)
            found = true;
        else
            text_add(&kept, line, whole);
        line += whole;
    }
    if (!found)
        result = error_set(err, ERROR_NOT_FOUND, "no host key of %s is kept", wanted);
    else if (kept.failed)
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    else if ((result = node_path(home, SSH_KNOWN_HOSTS, path, sizeof(path), err)) == 0)
        result = file_write(path, kept.length > 0 ? kept.data : "", kept.length, 0600, err);
    text_free(&kept);
    free(text);
    return result;
}
