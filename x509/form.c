#include "x509/form.h"

#include "x509/name.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <string.h>
#include <time.h>

#define SERIAL_OCTETS_MAX 20 /* RFC 5280 section 4.1.2.2 */

/* RFC 5280 section 4.1.2.5: "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ", and nothing else. */
static bool is_strict_time(const ASN1_TIME *time)
{
    const unsigned char *text = ASN1_STRING_get0_data(time);
    int length = ASN1_STRING_length(time);
    int digits = ASN1_STRING_type(time) == V_ASN1_UTCTIME ? 12 : 14;

    if (text == NULL || length != digits + 1 || text[digits] != 'Z')
        return false;
    for (int i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

int form_time(const ASN1_TIME *time, const char *field, int64_t *out_ms, struct error *err)
{
    struct text shown = {0};
    struct tm tm;

    if (time != NULL && is_strict_time(time) && ASN1_TIME_to_tm(time, &tm) == 1) {
        *out_ms = (int64_t)timegm(&tm) * 1000;
        return 0;
    }
    ERR_clear_error();
    if (time != NULL && ASN1_STRING_get0_data(time) != NULL)
        text_add_escaped(&shown, (const char *)ASN1_STRING_get0_data(time), (size_t)ASN1_STRING_length(time),
                         NULL);
    error_set(err, ERROR_UNTRUSTED,
              "the certificate's %s is \"%.64s\", not a time in GMT with seconds and without fractions "
              "(RFC 5280 section 4.1.2.5)",
              field, shown.data == NULL ? "" : shown.data);
    text_free(&shown);
    return -1;
}

#define TYPE_MOST 64     /* bytes of an attribute type's short name, with what stands around it */
#define EXPANSION_MOST 6 /* a byte of Latin-1 becomes two of UTF-8, and each of them "\\xx" */

/* The usual name, which cannot be too long however it is written, and has nothing that cannot be: judged
 * without writing it. */
static bool is_surely_short(const X509_NAME *name)
{
    size_t most = 0;

    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);

        if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_undef)
            return false;
        most += TYPE_MOST + EXPANSION_MOST * (size_t)ASN1_STRING_length(X509_NAME_ENTRY_get_data(entry));
        if (most > X509_SUBJECT_MAX)
            return false;
    }
    return true;
}

static int check_name(const X509_NAME *name, const char *field, struct error *err)
{
    struct text slash = {0};
    int result;

    if (is_surely_short(name))
        return 0;
    result = name_add(&slash, name, NAME_SLASH, err);
    if (result == 0 && slash.failed)
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    if (result == 0 && slash.length > X509_SUBJECT_MAX)
        result = error_set(err, ERROR_UNTRUSTED, "the certificate's %s has %zu bytes, more than %d", field,
                           slash.length, X509_SUBJECT_MAX);
    text_free(&slash);
    return result;
}

static int check_signature_algorithm(const X509 *certificate, struct error *err)
{
    const X509_ALGOR *outside = NULL;

    X509_get0_signature(NULL, &outside, certificate);
    if (outside == NULL || X509_ALGOR_cmp(outside, X509_get0_tbs_sigalg(certificate)) != 0)
        return error_set(
            err, ERROR_UNTRUSTED,
            "the certificate names two different signature algorithms (RFC 5280 section 4.1.1.2)");
    return 0;
}

int x509_check_form(X509 *certificate, struct error *err)
{
    int serial_octets = ASN1_STRING_length(X509_get0_serialNumber(certificate));
    int64_t unused;

    if (form_time(X509_get0_notBefore(certificate), "notBefore", &unused, err) != 0 ||
        form_time(X509_get0_notAfter(certificate), "notAfter", &unused, err) != 0)
        return -1;
    if (check_name(X509_get_subject_name(certificate), "subject", err) != 0 ||
        check_name(X509_get_issuer_name(certificate), "issuer", err) != 0)
        return -1;
    if (serial_octets > SERIAL_OCTETS_MAX)
        return error_set(err, ERROR_UNTRUSTED,
                         "the certificate's serial number has %d octets, more than %d (RFC 5280 section "
                         "4.1.2.2)",
                         serial_octets, SERIAL_OCTETS_MAX);
    if (check_signature_algorithm(certificate, err) != 0)
        return -1;
    if (X509_get0_pubkey(certificate) == NULL)
        return x509_error(err, ERROR_UNTRUSTED, "the certificate's public key cannot be read");
    return 0;
}
