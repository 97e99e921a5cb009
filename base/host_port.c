#include "base/host_port.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* RFC 1123 section 2.1, and a last label that is not a number, so that a mistyped address is no name. */
static bool is_host_name(const char *name)
{
    const char *label = name;
    bool numeric = true;

    for (const char *c = name;; c++) {
        size_t length = (size_t)(c - label);

        if (*c != '.' && *c != '\0') {
            if (!is_label_char(*c))
                return false;
            continue;
        }
        if (length == 0 || length > LABEL_MAX || label[0] == '-' || c[-1] == '-')
            return false;
        numeric = strspn(label, "0123456789") >= length;
        if (*c == '\0')
            return !numeric;
        label = c + 1;
    }
}

int host_parse(const char *text, enum host_kind *kind, char out[HOST_TEXT_MAX], struct error *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    size_t length = strlen(text);

    if (length >= HOST_TEXT_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a host name of %zu characters is longer than %d",
                         length, HOST_TEXT_MAX - 1);
    for (size_t i = 0; i <= length; i++)
        out[i] = (char)tolower((unsigned char)text[i]);
    if (inet_pton(AF_INET, out, address) == 1) {
        *kind = HOST_IPV4;
        return 0;
    }
    if (inet_pton(AF_INET6, out, address) == 1) {
        *kind = HOST_IPV6;
        inet_ntop(AF_INET6, address, out, HOST_TEXT_MAX);
        return 0;
    }
    if (length > 1 && out[length - 1] == '.')
        out[length - 1] = '\0';
    if (is_host_name(out)) {
        *kind = HOST_NAME;
        return 0;
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not an address or a host name",
                     text_is_printable(text, length) ? text : "this");
}

static int not_host_port(const char *text, struct error *err)
{
    struct text shown = {0};

    text_add_escaped(&shown, text, strnlen(text, 80), NULL);
    error_set(err, ERROR_INVALID_ARGUMENT, "%s%s is not an address, a host name and a port joined by \"_\"",
              shown.data ? shown.data : "", strlen(text) > 80 ? "..." : "");
    text_free(&shown);
    return -1;
}

int host_port_parse(const char *text, struct host_port *out, struct error *err)
{
    const char *divider = strrchr(text, '_');
    char host[HOST_TEXT_MAX];
    size_t host_length;
    size_t digits;
    long port;

    if (divider == NULL)
        return not_host_port(text, err);
    host_length = (size_t)(divider - text);
    digits = strspn(divider + 1, "0123456789");
    if (host_length == 0 || host_length >= sizeof(host) || digits == 0 || digits > 5 ||
        divider[1 + digits] != '\0')
        return not_host_port(text, err);
    port = strtol(divider + 1, NULL, 10);
    if (port < 1 || port > UINT16_MAX)
        return not_host_port(text, err);
    memcpy(host, text, host_length);
    host[host_length] = '\0';
    if (host_parse(host, &out->kind, out->host, NULL) != 0)
        return not_host_port(text, err);
    out->port = (uint16_t)port;
    return 0;
}

void host_port_format(const struct host_port *address, char out[HOST_PORT_TEXT_MAX])
{
    size_t length = strnlen(address->host, sizeof(address->host) - 1);
    char digits[5];
    unsigned port = address->port;
    size_t count = 0;

    /* every verdict and every log line comes by here, and snprintf(3) would take half of a verdict's time */
    memcpy(out, address->host, length);
    out[length++] = '_';
    do
        digits[count++] = (char)('0' + port % 10);
    while ((port /= 10) > 0);
    while (count > 0)
        out[length++] = digits[--count];
    out[length] = '\0';
}

bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
