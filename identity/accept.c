#include "identity/accept.h"

#include "base/clock.h"
#include "x509/names.h"
#include "x509/x509.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <string.h>
#include <strings.h>

static int check_times(X509 *certificate, int64_t now_ms, struct error *err)
{
    int64_t not_before_ms, not_after_ms;
    char when[CLOCK_TEXT_MAX];

    if (x509_validity(certificate, &not_before_ms, &not_after_ms, err) != 0)
        return -1;
    if (not_after_ms < now_ms) {
        clock_format(not_after_ms, when);
        return error_set(err, ERROR_UNTRUSTED, "the certificate is expired: it was valid until %s", when);
    }
    if (not_before_ms > now_ms) {
        clock_format(not_before_ms, when);
        return error_set(err, ERROR_UNTRUSTED, "the certificate is not valid before %s", when);
    }
    return 0;
}

static int check_usage(X509 *certificate, struct error *err)
{
    uint32_t flags = X509_get_extension_flags(certificate);

    if (flags & EXFLAG_INVALID)
        return error_set(err, ERROR_UNTRUSTED, "the certificate has an extension that cannot be read");
    if (flags & EXFLAG_CA)
        return error_set(err, ERROR_UNTRUSTED,
                         "this is the certificate of a CA, not one that a server may show as its own");
    if ((flags & EXFLAG_XKUSAGE) && !(X509_get_extended_key_usage(certificate) & XKU_SSL_SERVER))
        return error_set(err, ERROR_UNTRUSTED,
                         "the certificate's extended key usage does not allow it to a TLS server");
    if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE))
        return error_set(err, ERROR_UNTRUSTED,
                         "the certificate's key usage does not allow signatures, which TLS needs");
    return 0;
}

/* "*.example.com" stands for one label (RFC 9525 section 6.3). */
static bool matches(const char *pattern, size_t length, const char *hostname)
{
    const char *dot = strchr(hostname, '.');

    if (strlen(hostname) == length && strncasecmp(pattern, hostname, length) == 0)
        return true;
    if (dot == NULL)
        return length > strlen(hostname) && pattern[strlen(hostname)] == '.' &&
               strncasecmp(pattern, hostname, strlen(hostname)) == 0;
    return length > 2 && strncmp(pattern, "*.", 2) == 0 && strlen(dot) == length - 1 &&
           strncasecmp(pattern + 1, dot, length - 1) == 0;
}

static bool covers_name(const GENERAL_NAMES *names, const char *hostname)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        const char *pattern;
        size_t length;

        if (type != GEN_DNS)
            continue;
        pattern = (const char *)ASN1_STRING_get0_data(value);
        length = (size_t)ASN1_STRING_length(value);
        if (pattern != NULL && memchr(pattern, '\0', length) == NULL && matches(pattern, length, hostname))
            return true;
    }
    return false;
}

static bool covers_address(const GENERAL_NAMES *names, const char *address)
{
    unsigned char octets[16];
    int length = strchr(address, ':') != NULL ? 16 : 4;

    if (inet_pton(length == 16 ? AF_INET6 : AF_INET, address, octets) != 1)
        return covers_name(names, address);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);

        if (type == GEN_IPADD && ASN1_STRING_length(value) == length &&
            memcmp(ASN1_STRING_get0_data(value), octets, (size_t)length) == 0)
            return true;
    }
    return false;
}

/* No other machine calls at these. */
static bool is_inner(const char *address)
{
    return strcmp(address, "127.0.0.1") == 0 || strcmp(address, "::1") == 0;
}

void accept_uncovered(const GENERAL_NAMES *names, const struct node_names *node, struct text *out)
{
    if (!covers_name(names, node->hostname))
        text_format(out, "DNS:%s", node->hostname);
    for (size_t i = 0; i < node->address_count; i++) {
        if (!is_inner(node->addresses[i]) && !covers_address(names, node->addresses[i]))
            text_format(out, "%sIP:%s", out->length > 0 ? ", " : "", node->addresses[i]);
    }
}

#define SHOWN_NAMES_MAX 300 /* bytes of the names in an error's sentence */

static int check_names(X509 *certificate, const struct node_names *node, struct error *err)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct text missing = {0}, shown = {0};
    int result = 0;

    accept_uncovered(names, node, &missing);
    if (missing.length > 0) {
        x509_add_names(&shown, names, ", ");
        result = error_set(err, ERROR_UNTRUSTED,
                           "the certificate does not cover this node: it names %.*s, but not %s",
                           shown.length > 0 ? (int)text_cut_utf8(shown.data, SHOWN_NAMES_MAX) : 7,
                           shown.length > 0 ? shown.data : "nothing", missing.data);
    }
    text_free(&missing);
    text_free(&shown);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return result;
}

int accept_certificate(X509 *certificate, const struct node_names *node, int64_t now_ms, struct error *err)
{
    if (x509_check_form(certificate, err) != 0 || check_times(certificate, now_ms, err) != 0 ||
        check_usage(certificate, err) != 0)
        return -1;
    return check_names(certificate, node, err);
}
