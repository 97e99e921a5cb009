/* Where a file lies outside the node: the URLs that `copy` and repositories take. */
#pragma once

#include "base/error.h"
#include "base/host_port.h"

#define URL_USER_MAX 128
#define URL_PATH_MAX 1024
#define URL_TEXT_MAX (URL_PATH_MAX + HOST_TEXT_MAX + URL_USER_MAX + 32)

enum url_scheme { URL_SFTP, URL_SCP, URL_HTTPS, URL_HTTP, URL_FTP, URL_TFTP, URL_SCHEMES };

/* "sftp", "scp", ... */
const char *url_scheme_name(enum url_scheme scheme);

struct url {
    enum url_scheme scheme;
    char user[URL_USER_MAX]; /* "" where none is named */
    enum host_kind kind;
    char host[HOST_TEXT_MAX]; /* canonical (base/host_port.h) */
    uint16_t port;            /* the scheme's own where none is named */
    char path[URL_PATH_MAX];  /* starts with "/"; percent-encoded as typed */
};

/*
 * Reads "<scheme>://[<user>@]<host>[:<port>][/<path>]" (RFC 3986; IPv6 in brackets). A password inside is
 * refused, without being repeated: lines are kept in histories. ERROR_INVALID_ARGUMENT.
 */
int url_parse(const char *text, struct url *out, struct error *err);

/* True if the text starts like a URL: "<letters>://". */
bool url_is_like(const char *text);

/* The URL without the user, for messages and for libcurl: every byte that RFC 3986 does not allow in a path
 * is percent-encoded. */
void url_format(const struct url *url, char out[3 * URL_TEXT_MAX]);

/* The path's bytes as they are on the server. ERROR_INVALID_ARGUMENT: "%00", or no two digits behind "%". */
int url_decode_path(const struct url *url, char out[URL_PATH_MAX], struct error *err);

/* What stands behind the last "/" of the path, not decoded; "" where it ends with one. */
const char *url_file_name(const struct url *url);

/* Ends the path with a "/" unless it does. ERROR_INVALID_ARGUMENT: too long. */
int url_append_slash(struct url *url, struct error *err);

/* Adds a file's name to a path that ends with "/". ERROR_INVALID_ARGUMENT: too long. */
int url_append_name(struct url *url, const char *name, struct error *err);
