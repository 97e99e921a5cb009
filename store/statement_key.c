/* Public SSH keys as values of the configuration. */
#include "base/base64.h"
#include "store/statement_value.h"

#include <stdio.h>
#include <string.h>

/* The algorithms of the installed sshd's default set (sshd_config(5), PubkeyAcceptedAlgorithms), without
 * certificates. */
static const char *const key_algorithms[] = {
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
};

const char *statement_key_algorithm(size_t index)
{
    return index < sizeof(key_algorithms) / sizeof(key_algorithms[0]) ? key_algorithms[index] : NULL;
}

static bool is_algorithm(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(key_algorithms) / sizeof(key_algorithms[0]); i++) {
        if (strlen(key_algorithms[i]) == length && memcmp(key_algorithms[i], word, length) == 0)
            return true;
    }
    return false;
}

/* The bytes of the key, whose first field repeats the algorithm (RFC 4253 section 6.6). */
static bool read_key(const char *value, uint8_t *blob, size_t *length)
{
    char text[STATEMENT_VALUE_MAX];
    size_t algorithm = strcspn(value, " ");
    const char *start = value + algorithm + (value[algorithm] == ' ');
    size_t digits = strcspn(start, " ");
    uint32_t named;

    if (!is_algorithm(value, algorithm) || digits >= sizeof(text))
        return false;
    memcpy(text, start, digits);
    text[digits] = '\0';
    if (!base64_decode(text, blob, length) || *length < 4 + algorithm + 16)
        return false;
    named = (uint32_t)blob[0] << 24 | (uint32_t)blob[1] << 16 | (uint32_t)blob[2] << 8 | blob[3];
    return named == algorithm && memcmp(blob + 4, value, algorithm) == 0;
}

int statement_key_bytes(const char *value, uint8_t blob[STATEMENT_VALUE_MAX], size_t *length,
                        struct error *err)
{
    if (strlen(value) < STATEMENT_VALUE_MAX && read_key(value, blob, length))
        return 0;
    error_set(err, ERROR_INVALID_ARGUMENT, "%.*s%s is not a public SSH key", SHOWN(value),
              strlen(value) > SHOWN_MOST ? "..." : "");
    return error_hint(err,
                      "paste the line of the .pub file: <algorithm> <base64> [<comment>]; the algorithms "
                      "are ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256, -384 and -521, and the sk- ones");
}

int statement_value_key(const char *value, char *out, size_t size, struct error *err)
{
    uint8_t blob[STATEMENT_VALUE_MAX];
    size_t length;
    const char *comment = strchr(value, ' ');
    char kept[STATEMENT_VALUE_MAX];

    if (statement_key_bytes(value, blob, &length, err) != 0)
        return -1;
    comment = comment == NULL ? NULL : strchr(comment + 1, ' ');
    if (comment != NULL && statement_value_word(comment + 1, kept, sizeof(kept), err) != 0)
        return -1;
    return statement_value_keep(value, out, size, err);
}
