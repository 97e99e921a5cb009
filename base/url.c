#include "base/url.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_MOST 65535
#define PORT_DIGITS 5

static const struct {
    const char *name;
    uint16_t port;
} schemes[URL_SCHEMES] = {
    [URL_SFTP] = {"sftp", 22}, [URL_SCP] = {"scp", 22}, [URL_HTTPS] = {"https", 443},
    [URL_HTTP] = {"http", 80}, [URL_FTP] = {"ftp", 21}, [URL_TFTP] = {"tftp", 69},
};

/* What a path may hold as it is (RFC 3986: pchar, "/", "?"), "%" apart. */
static const char path_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "-._~!$&'()*+,;=:@/?%";

const char *url_scheme_name(enum url_scheme scheme)
{
    return schemes[scheme].name;
}

bool url_is_like(const char *text)
{
    size_t letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    return letters > 0 && strncmp(text + letters, "://", 3) == 0;
}

static int parse_scheme(const char **text, struct url *out, struct error *err)
{
    for (int i = 0; i < URL_SCHEMES; i++) {
        size_t length = strlen(schemes[i].name);

        if (strncasecmp(*text, schemes[i].name, length) == 0 && strncmp(*text + length, "://", 3) == 0) {
            out->scheme = (enum url_scheme)i;
            out->port = schemes[i].port;
            *text += length + 3;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "a URL here starts with sftp://, scp://, https://, http://, ftp:// or tftp://");
}

static int parse_user(const char **text, size_t *authority, struct url *out, struct error *err)
{
    const char *at = NULL;
    size_t length;

    /* the last one: a password may hold others */
    for (size_t i = 0; i < *authority; i++) {
        if ((*text)[i] == '@')
            at = *text + i;
    }
    if (at == NULL)
        return 0;
    length = (size_t)(at - *text);
    if (memchr(*text, ':', length) != NULL) {
        error_set(err, ERROR_INVALID_ARGUMENT, "a password does not belong in a URL");
        return error_hint(err, "name the user alone; the password is asked for, or taken from password-stdin "
                               "or password-file");
    }
    /* a name that starts with "-" would be an option to ssh */
    if (length == 0 || length >= sizeof(out->user) || **text == '-' || memchr(*text, '%', length) != NULL ||
        !text_is_printable(*text, length) || memchr(*text, ' ', length) != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the user's name in the URL cannot be one");
    memcpy(out->user, *text, length);
    out->user[length] = '\0';
    *text = at + 1;
    *authority -= length + 1;
    return 0;
}

static int parse_port(const char *text, size_t length, struct url *out, struct error *err)
{
    long port = strtol(text, NULL, 10);

    if (length == 0 || length > PORT_DIGITS || strspn(text, "0123456789") < length || port < 1 ||
        port > PORT_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the port in the URL is no number from 1 to %d",
                         PORT_MOST);
    out->port = (uint16_t)port;
    return 0;
}

static int parse_host(const char *text, size_t authority, struct url *out, struct error *err)
{
    bool bracket = authority > 0 && text[0] == '[';
    const char *end = memchr(text, bracket ? ']' : ':', authority);
    size_t length;
    char host[HOST_TEXT_MAX + 2];

    if (bracket && end == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the URL's address has no \"]\"");
    if (end == NULL)
        end = text + authority;
    if (bracket)
        text++;
    length = (size_t)(end - text);
    authority -= length + (bracket ? 2 : 0);
    if (length >= sizeof(host))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the host's name in the URL is too long");
    memcpy(host, text, length);
    host[length] = '\0';
    if (host_parse(host, &out->kind, out->host, err) != 0)
        return -1;
    if (bracket != (out->kind == HOST_IPV6))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "in a URL an IPv6 address, and nothing else, stands in "
                         "brackets");
    if (bracket)
        end++;
    if (authority == 0)
        return 0;
    if (*end != ':')
        return error_set(err, ERROR_INVALID_ARGUMENT, "behind the host of a URL come a port or a path");
    return parse_port(end + 1, authority - 1, out, err);
}

static int parse_path(const char *text, struct url *out, struct error *err)
{
    size_t length = strlen(text);

    if (length >= sizeof(out->path))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path in the URL has %zu bytes, more than %d",
                         length, URL_PATH_MAX - 1);
    if (!text_is_printable(text, length) || strchr(text, '#') != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the path in the URL holds \"#\", control characters or no UTF-8");
    memcpy(out->path, length > 0 ? text : "/", (length > 0 ? length : 1) + 1);
    return 0;
}

int url_parse(const char *text, struct url *out, struct error *err)
{
    char decoded[URL_PATH_MAX];
    size_t authority;

    *out = (struct url){0};
    if (parse_scheme(&text, out, err) != 0)
        return -1;
    authority = strcspn(text, "/?#");
    if (parse_user(&text, &authority, out, err) != 0 || parse_host(text, authority, out, err) != 0)
        return -1;
    if (text[authority] == '?' || text[authority] == '#')
        return error_set(err, ERROR_INVALID_ARGUMENT, "the URL names no path");
    if (parse_path(text + authority, out, err) != 0)
        return -1;
    return url_decode_path(out, decoded, err);
}

void url_format(const struct url *url, char out[3 * URL_TEXT_MAX])
{
    bool v6 = url->kind == HOST_IPV6;
    int used = snprintf(out, URL_TEXT_MAX, "%s://%s%s%s", schemes[url->scheme].name, v6 ? "[" : "", url->host,
                        v6 ? "]" : "");

    if (url->port != schemes[url->scheme].port)
        used += snprintf(out + used, 8, ":%u", url->port);
    for (const char *byte = url->path; *byte != '\0'; byte++) {
        if (strchr(path_bytes, *byte) != NULL)
            out[used++] = *byte;
        else
            used += snprintf(out + used, 4, "%%%02X", (unsigned char)*byte);
    }
    out[used] = '\0';
}

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit == '\0' ? NULL : strchr(digits, digit | 0x20);

    return at == NULL ? -1 : (int)(at - digits);
}

int url_decode_path(const struct url *url, char out[URL_PATH_MAX], struct error *err)
{
    size_t used = 0;

    for (const char *byte = url->path; *byte != '\0'; byte++) {
        int high, low;

        if (*byte != '%') {
            out[used++] = *byte;
            continue;
        }
        high = hex_digit(byte[1]);
        low = high < 0 ? -1 : hex_digit(byte[2]);
        if (low < 0 || (high == 0 && low == 0))
            return error_set(err, ERROR_INVALID_ARGUMENT,
                             "behind \"%%\" in a URL come two hexadecimal digits, and not 00");
        out[used++] = (char)(high * 16 + low);
        byte += 2;
    }
    out[used] = '\0';
    return 0;
}

const char *url_file_name(const struct url *url)
{
    return strrchr(url->path, '/') + 1;
}

int url_append_slash(struct url *url, struct error *err)
{
    size_t used = strlen(url->path);

    if (url->path[used - 1] == '/')
        return 0;
    if (used + 2 > sizeof(url->path))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path in the URL is too long");
    memcpy(url->path + used, "/", 2);
    return 0;
}

int url_append_name(struct url *url, const char *name, struct error *err)
{
    size_t used = strlen(url->path);

    for (; *name != '\0' && used + 4 < sizeof(url->path); name++) {
        /* "%" and "?" mean something in a URL, and nothing in a name */
        if (strchr(path_bytes, *name) != NULL && strchr("%?/", *name) == NULL)
            url->path[used++] = *name;
        else
            used += (size_t)snprintf(url->path + used, 4, "%%%02X", (unsigned char)*name);
    }
    url->path[used] = '\0';
    return *name == '\0' ? 0 : error_set(err, ERROR_INVALID_ARGUMENT, "the path in the URL is too long");
}
