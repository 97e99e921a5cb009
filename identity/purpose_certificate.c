/* What a purpose asks of its requests and certificates. */
#include "identity/purpose_certificate.h"

#include "base/clock.h"
#include "identity/accept.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static const struct {
    unsigned bit;
    const char *name;
} key_usages[] = {
    {PURPOSE_DIGITAL_SIGNATURE, "digitalSignature"}, {PURPOSE_KEY_ENCIPHERMENT, "keyEncipherment"},
    {PURPOSE_DATA_ENCIPHERMENT, "dataEncipherment"}, {PURPOSE_SIGN_CERTIFICATES, "keyCertSign"},
    {PURPOSE_KEY_AGREEMENT, "keyAgreement"},
};

static const struct {
    unsigned bit;
    const char *name;
    uint32_t flag; /* of X509_get_extended_key_usage(); 0: it has none */
    const char *what;
} extended_usages[] = {
    {PURPOSE_SERVER, "serverAuth", XKU_SSL_SERVER, "a TLS server"},
    {PURPOSE_CLIENT, "clientAuth", XKU_SSL_CLIENT, "a TLS client"},
    {PURPOSE_IPSEC, "1.3.6.1.5.5.7.3.5", 0, "an IPsec end system"}, /* RFC 4945 calls it historic */
};

static void append(char out[PURPOSE_USAGE_MAX], const char *word)
{
    size_t used = strlen(out);

    snprintf(out + used, PURPOSE_USAGE_MAX - used, "%s%s", used > 0 ? "," : "", word);
}

struct key_kind purpose_key_kind(const struct purpose *purpose)
{
    return (struct key_kind){purpose->is_ec ? KEY_EC : KEY_RSA, purpose->size};
}

void purpose_usage(const struct purpose *purpose, bool self_signed, struct purpose_usage *out)
{
    bool is_issuer = (purpose->key_usage & PURPOSE_SIGN_CERTIFICATES) != 0;

    *out = (struct purpose_usage){.key_usage = "critical"};
    for (size_t i = 0; i < sizeof(key_usages) / sizeof(key_usages[0]); i++) {
        if (purpose->key_usage & key_usages[i].bit)
            append(out->key_usage, key_usages[i].name);
    }
    for (size_t i = 0; i < sizeof(extended_usages) / sizeof(extended_usages[0]); i++) {
        if (purpose->extended & extended_usages[i].bit)
            append(out->extended, extended_usages[i].name);
    }
    out->usage.key_usage = out->key_usage;
    out->usage.extended = out->extended[0] != '\0' ? out->extended : NULL;
    if (is_issuer) /* RFC 5280 section 4.2.1.3: who signs certificates is a CA */
        out->usage.constraints = "critical,CA:TRUE,pathlen:0";
    else
        out->usage.constraints = self_signed ? "critical,CA:FALSE" : NULL;
}

/* CAPF's name has a number of its own, so that a new one is not taken for the old. */
static int common_name(const struct purpose *purpose, const char *hostname, char *out, size_t size)
{
    unsigned char random[4];
    char digits[9];

    if (RAND_bytes(random, sizeof(random)) != 1)
        return -1;
    snprintf(digits, sizeof(digits), "%02x%02x%02x%02x", random[0], random[1], random[2], random[3]);
    if ((purpose->key_usage & PURPOSE_SIGN_CERTIFICATES) != 0)
        hostname = digits;
    return snprintf(out, size, "%s%s%s", purpose->prefix, hostname, purpose->suffix) < (int)size ? 0 : -1;
}

X509_NAME *purpose_subject(const struct purpose *purpose, const char *base, const char *hostname,
                           struct error *err)
{
    char name[HOST_TEXT_MAX + 32];
    X509_NAME *subject = x509_parse_subject(base, err);
    int at;

    if (subject == NULL)
        return NULL;
    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)) >= 0)
        X509_NAME_ENTRY_free(X509_NAME_delete_entry(subject, at));
    if (common_name(purpose, hostname, name, sizeof(name)) == 0) {
        name[ub_common_name] = '\0'; /* RFC 5280: a common name has at most 64 characters */
        if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (unsigned char *)name, -1, -1,
                                       0) == 1)
            return subject;
    }
    x509_error(err, ERROR_INTERNAL, "cannot make the subject of %s", purpose->name);
    X509_NAME_free(subject);
    return NULL;
}

static bool has_ipsec(X509 *certificate)
{
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
        found = found || OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i)) == NID_ipsecEndSystem;
    EXTENDED_KEY_USAGE_free(usages);
    ERR_clear_error();
    return found;
}

static int check_extended(const struct purpose *purpose, X509 *certificate, struct error *err)
{
    uint32_t flags = X509_get_extension_flags(certificate);
    uint32_t usage = X509_get_extended_key_usage(certificate);

    if (!(flags & EXFLAG_XKUSAGE))
        return 0;
    for (size_t i = 0; i < sizeof(extended_usages) / sizeof(extended_usages[0]); i++) {
        if (!(purpose->extended & extended_usages[i].bit))
            continue;
        if (extended_usages[i].flag != 0 ? (usage & extended_usages[i].flag) == 0 : !has_ipsec(certificate))
            return error_set(err, ERROR_UNTRUSTED,
                             "the certificate's extended key usage does not allow it to %s, as %s needs",
                             extended_usages[i].what, purpose->name);
    }
    return 0;
}

static int check_issuer(X509 *certificate, int64_t now_ms, struct error *err)
{
    int64_t from, until;

    if (x509_check_form(certificate, err) != 0 || x509_validity(certificate, &from, &until, err) != 0)
        return -1;
    if (until < now_ms)
        return error_set(err, ERROR_UNTRUSTED, "the certificate is expired");
    if (from > now_ms)
        return error_set(err, ERROR_UNTRUSTED, "the certificate is not valid yet");
    if (!(X509_get_extension_flags(certificate) & EXFLAG_CA) ||
        !(X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN))
        return error_set(
            err, ERROR_UNTRUSTED,
            "the certificate may not sign others: CAPF needs basic constraints CA:TRUE and the key "
            "usage keyCertSign");
    return 0;
}

int purpose_accept(const struct purpose *purpose, X509 *certificate, const struct node_names *node,
                   int64_t now_ms, struct error *err)
{
    int failed = (purpose->key_usage & PURPOSE_SIGN_CERTIFICATES) != 0
                     ? check_issuer(certificate, now_ms, err)
                     : accept_certificate(certificate, node, now_ms, err);

    return failed != 0 ? -1 : check_extended(purpose, certificate, err);
}
