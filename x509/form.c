#include "x509/form.h"

#include "x509/name.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <string.h>

#define DAYS_TO_1970 719162 /* from 0001-01-01 */
#define CYCLE_YEARS 400     /* after which the calendar repeats itself */
#define CYCLE_DAYS 146097
#define SECONDS_A_DAY 86400
#define SERIAL_OCTETS_MAX 20 /* RFC 5280 section 4.1.2.2 */

static bool read_digits(const unsigned char *text, int count, int most, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return *out <= most;
}

static bool is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 in the Gregorian calendar; false: no such day. timegm(3) would also take February 30,
 * and looks into the time zone. */
static bool count_days(int year, int month, int day, int64_t *out)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t years = year + CYCLE_YEARS - 1; /* whole ones; never below 0 */
    bool leap = is_leap_year(year);

    if (month < 1 || day < 1 || day > before[month] - before[month - 1] + (leap && month == 2))
        return false;
    *out = years * 365 + years / 4 - years / 100 + years / 400 - CYCLE_DAYS - DAYS_TO_1970 +
           before[month - 1] + day - 1 + (leap && month > 2);
    return true;
}

/* RFC 5280 section 4.1.2.5: "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ", and nothing else. */
static bool read_time(const ASN1_TIME *time, int64_t *out_ms)
{
    const unsigned char *text = ASN1_STRING_get0_data(time);
    int year_digits = ASN1_STRING_type(time) == V_ASN1_UTCTIME ? 2 : 4;
    int year, month, day, hour, minute, second;
    int64_t days;

    if (text == NULL || ASN1_STRING_length(time) != year_digits + 11 || text[year_digits + 10] != 'Z' ||
        !read_digits(text, year_digits, 9999, &year))
        return false;
    if (year_digits == 2)
        year += year < 50 ? 2000 : 1900;
    text += year_digits;
    if (!read_digits(text, 2, 12, &month) || !read_digits(text + 2, 2, 31, &day) ||
        !read_digits(text + 4, 2, 23, &hour) || !read_digits(text + 6, 2, 59, &minute) ||
        !read_digits(text + 8, 2, 59, &second) || !count_days(year, month, day, &days))
        return false;
    *out_ms = (days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second) * 1000;
    return true;
}

int form_time(const ASN1_TIME *time, const char *field, int64_t *out_ms, struct error *err)
{
    struct text shown = {0};

    if (time != NULL && read_time(time, out_ms))
        return 0;
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
