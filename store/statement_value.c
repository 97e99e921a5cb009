/* What the values of the configuration may be. */
#include "store/statement_value.h"
#include "base/host_port.h"
#include "base/node_conf.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL_MAX 512
#define LOG_LEVEL_MOST 7 /* syslog's debugging (RFC 5424) */
#define ZONE_FOLDER "/usr/share/zoneinfo"

int statement_value_keep(const char *value, char *out, size_t size, struct error *err)
{
    if (snprintf(out, size, "%s", value) < (int)size)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s... is too long", SHOWN(value));
}

int statement_value_domain(const char *value, char *out, size_t size, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    if (host_parse(value, &kind, host, NULL) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "%.*s is not a name of letters, digits and hyphens, in parts joined by dots",
                         SHOWN(value));
    if (kind != HOST_NAME)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is an address, not a name", SHOWN(value));
    return statement_value_keep(host, out, size, err);
}

/* The name in the prompt keeps its capitals. */
int statement_value_hostname(const char *value, char *out, size_t size, struct error *err)
{
    return statement_value_domain(value, out, size, err) != 0 ? -1
                                                              : statement_value_keep(value, out, size, err);
}

int statement_value_host(const char *value, char *out, size_t size, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    return host_parse(value, &kind, host, err) != 0 ? -1 : statement_value_keep(host, out, size, err);
}

int statement_value_number(const char *value, long least, long most, char *out, size_t size,
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

int statement_value_port(const char *value, char *out, size_t size, struct error *err)
{
    return statement_value_number(value, 1, UINT16_MAX, out, size, err);
}

/* Numbers as in syslog, or the names of this node's levels. */
int statement_value_log_level(const char *value, char *out, size_t size, struct error *err)
{
    static const struct {
        const char *name;
        const char *number;
    } levels[] = {{"error", "3"}, {"warning", "4"}, {"info", "6"}, {"debug", "7"}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcasecmp(levels[i].name, value) == 0)
            return statement_value_keep(levels[i].number, out, size, err);
    }
    if (statement_value_number(value, 0, LOG_LEVEL_MOST, out, size, NULL) == 0)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not a level: 0 to %d, or error, warning, info, debug", SHOWN(value),
                     LOG_LEVEL_MOST);
}

int statement_value_release(const char *value, char *out, size_t size, struct error *err)
{
    if (node_release_check(value))
        return statement_value_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not 3.5, 3.9 or 3.10", SHOWN(value));
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

int statement_value_zone(const char *value, char *out, size_t size, struct error *err)
{
    size_t letters = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
    char path[PATH_MAX];

    if (value[letters] == '\0' && value[0] != '/' && letters > 0 && letters < WORD_MAX) {
        snprintf(path, sizeof(path), ZONE_FOLDER "/%s", value);
        if (strcmp(value, "UTC") == 0 || is_zone_file(path))
            return statement_value_keep(value, out, size, err);
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not a time zone of this machine, such as "
                     "UTC or Europe/Berlin",
                     SHOWN(value));
}

/* What stands as one word in a listing that is typed in again. */
int statement_value_word(const char *value, char *out, size_t size, struct error *err)
{
    if (value[0] != '\0' && strlen(value) <= WORD_MAX && text_is_printable(value, strlen(value)) &&
        strpbrk(value, " \t\"'\\|?") == NULL)
        return statement_value_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not one word of at most %d characters without quotes, bars, backslashes and "
                     "question marks",
                     SHOWN(value), WORD_MAX);
}

int statement_value_mail_address(const char *value, char *out, size_t size, struct error *err)
{
    const char *at = strchr(value, '@');

    if (at == NULL || at == value || strchr(at + 1, '@') != NULL || strpbrk(value, "<>,;:()") != NULL ||
        host_parse(at + 1, &(enum host_kind){0}, (char[HOST_TEXT_MAX]){0}, NULL) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not a mail address such as ops@example.com",
                         SHOWN(value));
    return statement_value_word(value, out, size, err);
}

int statement_value_url(const char *value, char *out, size_t size, struct error *err)
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
        error_set(err, ERROR_INVALID_ARGUMENT, "this is not a URL without a user in it");
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
    return statement_value_keep(value, out, size, err);
}

int statement_value_role(const char *value, char *out, size_t size, struct error *err)
{
    if (strcmp(value, "admin") == 0 || strcmp(value, "user") == 0)
        return statement_value_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not a role: admin or user", SHOWN(value));
}

int statement_value_secret(const char *value, char *out, size_t size, struct error *err)
{
    size_t length = strlen(value);

    if (length > 0 && length < STATEMENT_SECRET_MAX && text_is_printable(value, length))
        return statement_value_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "a secret has 1 to %d characters, and no control characters", STATEMENT_SECRET_MAX - 1);
}

int statement_value_yes(const char *value, char *out, size_t size, struct error *err)
{
    if (strcmp(value, "yes") == 0)
        return statement_value_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not yes", SHOWN(value));
}

int statement_value_empty(const char *value, char *out, size_t size, struct error *err)
{
    if (value[0] == '\0')
        return statement_value_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not empty", SHOWN(value));
}
