#include "store/statement_check.h"

#include "base/base64.h"
#include "base/host_port.h"
#include "base/text.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_NAME_MAX 32 /* letters; useradd(8)'s own limit */
#define REPOSITORY_NAME_MAX 64
#define WORD_MAX 128
#define URL_MAX 512
#define LOG_LEVEL_MOST 7 /* syslog's debugging (RFC 5424) */
#define ZONE_FOLDER "/usr/share/zoneinfo"

/* As much of a value as a sentence repeats, for "%.*s". */
#define SHOWN_MOST 60 /* bytes */
#define SHOWN(value) (int)text_cut_utf8((value), SHOWN_MOST), (value)

int statement_keep(const char *value, char *out, size_t size, struct error *err)
{
    if (snprintf(out, size, "%s", value) < (int)size)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s... is too long", SHOWN(value));
}

static int check_domain(const char *value, char *out, size_t size, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    if (host_parse(value, &kind, host, err) != 0)
        return -1;
    if (kind != HOST_NAME)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is an address, not a name", SHOWN(value));
    return statement_keep(host, out, size, err);
}

/* The name in the prompt keeps its capitals. */
static int check_hostname(const char *value, char *out, size_t size, struct error *err)
{
    return check_domain(value, out, size, err) != 0 ? -1 : statement_keep(value, out, size, err);
}

int statement_check_host(const char *value, char *out, size_t size, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    return host_parse(value, &kind, host, err) != 0 ? -1 : statement_keep(host, out, size, err);
}

int statement_check_number(const char *value, long least, long most, char *out, size_t size,
                           struct error *err)
{
    char *end;
    long number = strtol(value, &end, 10);

    if (!isdigit((unsigned char)value[0]) || *end != '\0' || strlen(value) > 9 || number < least ||
        number > most)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not a number from %ld to %ld", SHOWN(value),
                         least, most);
    snprintf(out, size, "%ld", number);
    return 0;
}

static int check_port(const char *value, char *out, size_t size, struct error *err)
{
    return statement_check_number(value, 1, UINT16_MAX, out, size, err);
}

/* Numbers as in syslog, or the names of this node's levels. */
static int check_log_level(const char *value, char *out, size_t size, struct error *err)
{
    static const struct {
        const char *name;
        const char *number;
    } levels[] = {{"error", "3"}, {"warning", "4"}, {"info", "6"}, {"debug", "7"}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcasecmp(levels[i].name, value) == 0)
            return statement_keep(levels[i].number, out, size, err);
    }
    if (statement_check_number(value, 0, LOG_LEVEL_MOST, out, size, NULL) == 0)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not a level: 0 to %d, or error, warning, info, debug", SHOWN(value),
                     LOG_LEVEL_MOST);
}

static int check_release(const char *value, char *out, size_t size, struct error *err)
{
    if (strcmp(value, "3.5") == 0 || strcmp(value, "3.9") == 0)
        return statement_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not 3.5 or 3.9", SHOWN(value));
}

/* A time zone file starts with "TZif" (RFC 8536). */
static bool is_zone_file(const char *path)
{
    char magic[4] = "";
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_zone;

    if (fd < 0)
        return false;
    is_zone = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && read(fd, magic, 4) == 4 &&
              memcmp(magic, "TZif", 4) == 0;
    close(fd);
    return is_zone;
}

static int check_zone(const char *value, char *out, size_t size, struct error *err)
{
    size_t letters = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
    char path[PATH_MAX];

    if (value[letters] == '\0' && value[0] != '/' && letters > 0 && letters < WORD_MAX) {
        snprintf(path, sizeof(path), ZONE_FOLDER "/%s", value);
        if (strcmp(value, "UTC") == 0 || is_zone_file(path))
            return statement_keep(value, out, size, err);
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not a time zone of this machine, such as "
                     "UTC or Europe/Berlin",
                     SHOWN(value));
}

/* What stands as one word in a listing that is typed in again. */
static int check_word(const char *value, char *out, size_t size, struct error *err)
{
    if (value[0] != '\0' && strlen(value) <= WORD_MAX && text_is_printable(value, strlen(value)) &&
        strpbrk(value, " \t\"'\\|?") == NULL)
        return statement_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not one word of at most %d characters without quotes, bars, backslashes and "
                     "question marks",
                     SHOWN(value), WORD_MAX);
}

int statement_check_mail_address(const char *value, char *out, size_t size, struct error *err)
{
    const char *at = strchr(value, '@');

    if (at == NULL || at == value || strchr(at + 1, '@') != NULL || strpbrk(value, "<>,;:()") != NULL ||
        host_parse(at + 1, &(enum host_kind){0}, (char[HOST_TEXT_MAX]){0}, NULL) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not a mail address such as ops@example.com",
                         SHOWN(value));
    return check_word(value, out, size, err);
}

static int check_url(const char *value, char *out, size_t size, struct error *err)
{
    static const char *const schemes[] = {"disk:",   "sftp://", "scp://",  "ftp://",
                                          "tftp://", "http://", "https://"};
    const char *rest = NULL;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncasecmp(value, schemes[i], strlen(schemes[i])) == 0)
            rest = value + strlen(schemes[i]);
    }
    if (strchr(value, '@') != NULL) {
        /* the value is not repeated: it may hold a password */
        error_set(err, ERROR_INVALID_ARGUMENT, "this URL is not without a user in it");
        return error_hint(err, "give the user apart: user <name> password plain <password>");
    }
    if (rest == NULL || strlen(value) > URL_MAX || !text_is_printable(value, strlen(value)) ||
        strpbrk(value, " \t\"'\\|?#") != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "%.*s is not a URL of the form disk:, sftp://host/folder, or with scp, ftp, tftp, "
                         "http or https",
                         SHOWN(value));
    if (strncasecmp(value, "disk:", 5) != 0 && (*rest == '\0' || *rest == '/'))
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not a URL that names a host", SHOWN(value));
    return statement_keep(value, out, size, err);
}

static int check_role(const char *value, char *out, size_t size, struct error *err)
{
    if (strcmp(value, "admin") == 0 || strcmp(value, "user") == 0)
        return statement_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not a role: admin or user", SHOWN(value));
}

static int check_secret(const char *value, char *out, size_t size, struct error *err)
{
    size_t length = strlen(value);

    if (length > 0 && length < STATEMENT_SECRET_MAX && text_is_printable(value, length))
        return statement_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "a secret has 1 to %d characters, and no control characters", STATEMENT_SECRET_MAX - 1);
}

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

static int refuse_key(const char *value, struct error *err)
{
    error_set(err, ERROR_INVALID_ARGUMENT, "%.*s%s is not a public SSH key", SHOWN(value),
              strlen(value) > SHOWN_MOST ? "..." : "");
    return error_hint(err,
                      "paste the line of the .pub file: <algorithm> <base64> [<comment>]; the algorithms "
                      "are ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256, -384 and -521, and the sk- ones");
}

int statement_key_name(const char *value, char out[STATEMENT_KEY_NAME_SIZE], struct error *err)
{
    uint8_t blob[STATEMENT_VALUE_MAX];
    uint8_t digest[32];
    size_t length;

    if (strlen(value) >= STATEMENT_VALUE_MAX || !read_key(value, blob, &length))
        return refuse_key(value, err);
    if (EVP_Digest(blob, length, digest, NULL, EVP_sha256(), NULL) != 1)
        return error_set(err, ERROR_INTERNAL, "OpenSSL has no SHA-256");
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

static int check_key(const char *value, char *out, size_t size, struct error *err)
{
    char name[STATEMENT_KEY_NAME_SIZE];
    const char *comment = strchr(value, ' ');
    char kept[STATEMENT_VALUE_MAX];

    if (statement_key_name(value, name, err) != 0)
        return -1;
    comment = comment == NULL ? NULL : strchr(comment + 1, ' ');
    if (comment != NULL && check_word(comment + 1, kept, sizeof(kept), err) != 0)
        return -1;
    return statement_keep(value, out, size, err);
}

static int check_yes(const char *value, char *out, size_t size, struct error *err)
{
    if (strcmp(value, "yes") == 0)
        return statement_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not yes", SHOWN(value));
}

static int check_empty(const char *value, char *out, size_t size, struct error *err)
{
    if (value[0] == '\0')
        return statement_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not empty", SHOWN(value));
}

static const struct statement statements[] = {
    {"hostname", STORE_SCOPE_NODE, false, check_hostname},
    {"domain-name", STORE_SCOPE_PAIR, false, check_domain},
    {"timezone", STORE_SCOPE_NODE, false, check_zone},
    {"log-level", STORE_SCOPE_PAIR, false, check_log_level},
    {"platform-release", STORE_SCOPE_PAIR, false, check_release},
    {"username/*/role", STORE_SCOPE_PAIR, false, check_role},
    {"username/*/system", STORE_SCOPE_PAIR, false, check_yes},
    {"username/*/sshkey/*", STORE_SCOPE_PAIR, false, check_key},
    {"repository/*", STORE_SCOPE_PAIR, false, check_empty},
    {"repository/*/url", STORE_SCOPE_PAIR, false, check_url},
    {"repository/*/user", STORE_SCOPE_PAIR, false, check_word},
    {"repository/*/password", STORE_SCOPE_PAIR, true, check_secret},
    {"mail-server/host", STORE_SCOPE_PAIR, false, statement_check_host},
    {"mail-server/port", STORE_SCOPE_PAIR, false, check_port},
    {"mail-server/username", STORE_SCOPE_PAIR, false, check_word},
    {"mail-server/password", STORE_SCOPE_PAIR, true, check_secret},
    {"mail-server/from", STORE_SCOPE_PAIR, false, statement_check_mail_address},
    {"mail-server/to", STORE_SCOPE_PAIR, false, statement_check_mail_list},
    {"mail-server/starttls", STORE_SCOPE_PAIR, false, check_yes},
    {"ha/secondary-server", STORE_SCOPE_PAIR, false, statement_check_host},
    {"ha/email-address", STORE_SCOPE_PAIR, false, statement_check_mail_list},
    {"ha/failover-type", STORE_SCOPE_PAIR, false, statement_check_failover_type},
    {"ha/virtual-ipv4", STORE_SCOPE_PAIR, false, statement_check_virtual_ipv4},
    {"ha/virtual-ipv6", STORE_SCOPE_PAIR, false, statement_check_virtual_ipv6},
    {"ha/heartbeat-interval", STORE_SCOPE_PAIR, false, statement_check_heartbeat_interval},
    {"ha/heartbeat-misses", STORE_SCOPE_PAIR, false, statement_check_heartbeat_misses},
    {"ha/witness", STORE_SCOPE_PAIR, false, statement_check_witness},
};

/* Parts of the name against parts of the pattern. */
static bool fits(const char *pattern, const char *name)
{
    for (;;) {
        size_t asked = strcspn(pattern, "/"), given = strcspn(name, "/");
        bool any = asked == 1 && pattern[0] == '*' && given > 0;

        if (!any && (asked != given || memcmp(pattern, name, asked) != 0))
            return false;
        pattern += asked;
        name += given;
        if (*pattern != *name)
            return false;
        if (*pattern == '\0')
            return true;
        pattern++;
        name++;
    }
}

const struct statement *statement_find(const char *name)
{
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        if (fits(statements[i].name, name))
            return &statements[i];
    }
    return NULL;
}

static int check_name(const char *name, const char *letters, size_t most, const char *what, struct error *err)
{
    size_t length = strlen(name);

    if (length > 0 && length <= most && strspn(name, letters) == length && name[0] != '-' && name[0] != '.')
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not the name of %s: at most %zu letters, digits "
                     "and any of . _ -, beginning with a letter or digit",
                     SHOWN(name), what, most);
}

int statement_check_user(const char *name, struct error *err)
{
    return check_name(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                      USER_NAME_MAX, "a user", err);
}

int statement_check_repository(const char *name, struct error *err)
{
    return check_name(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                      REPOSITORY_NAME_MAX, "a repository", err);
}

/* The second part of the name, where the pattern leaves it open. */
static int check_open_part(const char *name, struct error *err)
{
    const char *start = strchr(name, '/');
    char part[WORD_MAX] = "";

    if (start == NULL)
        return 0;
    snprintf(part, sizeof(part), "%.*s", (int)strcspn(start + 1, "/"), start + 1);
    if (strncmp(name, "username/", 9) == 0)
        return statement_check_user(part, err);
    return strncmp(name, "repository/", 11) == 0 ? statement_check_repository(part, err) : 0;
}

int statement_check(const char *name, const char *value, char out[STATEMENT_VALUE_MAX], struct error *err)
{
    const struct statement *statement = statement_find(name);
    char key[STATEMENT_KEY_NAME_SIZE];

    if (statement == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "there is no setting \"%.*s\"", SHOWN(name));
    if (check_open_part(name, err) != 0 || statement->check(value, out, STATEMENT_VALUE_MAX, err) != 0)
        return -1;
    if (statement->check == check_key &&
        (statement_key_name(value, key, err) != 0 || strcmp(strrchr(name, '/') + 1, key) != 0))
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not the name of that key", SHOWN(name));
    return 0;
}
