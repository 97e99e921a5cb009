#include "x509/name.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#define TYPE_TEXT_MAX 256 /* bytes of an attribute type: a short name or a dotted object identifier */

/* Java writes these where OpenSSL has another short name. */
static const struct {
    int nid;
    const char *java;
} java_types[] = {
    {NID_pkcs9_emailAddress, "EMAILADDRESS"},
    {NID_surname, "SURNAME"},
    {NID_givenName, "GIVENNAME"},
    {NID_initials, "INITIALS"},
    {NID_generationQualifier, "GENERATION"},
    {NID_title, "T"},
    {NID_streetAddress, "STREET"},
    {NID_dnQualifier, "DNQUALIFIER"},
    {NID_serialNumber, "SERIALNUMBER"},
};

static int add_type(struct text *out, const ASN1_OBJECT *type, enum name_form form, struct error *err)
{
    char dotted[TYPE_TEXT_MAX];
    int nid = OBJ_obj2nid(type);
    int length;

    for (size_t i = 0; form == NAME_REVERSED && i < sizeof(java_types) / sizeof(java_types[0]); i++) {
        if (java_types[i].nid == nid) {
            text_add_string(out, java_types[i].java);
            return 0;
        }
    }
    if (nid != NID_undef) {
        text_add_string(out, OBJ_nid2sn(nid));
        return 0;
    }
    length = OBJ_obj2txt(dotted, sizeof(dotted), type, 1);
    if (length <= 0 || length >= (int)sizeof(dotted))
        return error_set(err, ERROR_UNTRUSTED,
                         "the certificate's subject or issuer has an attribute type that cannot be read");
    if (form == NAME_REVERSED)
        text_add_string(out, "OID.");
    text_add_string(out, dotted);
    return 0;
}

/* What RFC 2253 section 2.4 puts a backslash before wherever it stands. */
static bool is_special(char byte)
{
    return byte == ',' || byte == '+' || byte == '"' || byte == '<' || byte == '>' || byte == ';';
}

/* How many bytes from here on are ASCII that goes out as it is; nearly always all of them. */
static size_t plain_run(const char *value, size_t length)
{
    size_t run = 0;

    while (run < length && value[run] >= 0x20 && value[run] < 0x7f && value[run] != '\\' &&
           !is_special(value[run]))
        run++;
    return run;
}

/* OpenSSL's rule of quoting (RFC 2253 section 2.4's characters), and `=` so that no value looks like a type.
 */
static void add_quoted(struct text *out, const char *value, size_t length)
{
    bool quote = length > 0 && (value[0] == '#' || value[0] == ' ' || value[length - 1] == ' ');

    for (size_t i = 0; !quote && i < length; i++)
        quote = value[i] == '=' || is_special(value[i]);
    if (quote)
        text_add_string(out, "\"");
    text_add_escaped(out, value, length, "\"");
    if (quote)
        text_add_string(out, "\"");
}

/* RFC 2253 section 2.4: a backslash before a special character, and before a space or `#` at the edge. */
static void add_backslashed(struct text *out, const char *value, size_t length)
{
    size_t at = 0;
    size_t end = length;

    if (length > 0 && (value[0] == ' ' || value[0] == '#'))
        text_format(out, "\\%c", value[at++]);
    if (end > at && value[end - 1] == ' ')
        end--;
    while (at < end) {
        size_t step = plain_run(value + at, end - at);

        if (step > 0) {
            text_add(out, value + at, step);
        } else if (is_special(value[at])) {
            text_format(out, "\\%c", value[at]);
            step = 1;
        } else {
            step = text_utf8_next(value + at, end - at, NULL);
            step = step == 0 ? 1 : step;
            text_add_escaped(out, value + at, step, NULL);
        }
        at += step;
    }
    if (end < length)
        text_add_string(out, "\\ ");
}

/* The usual case, which needs no copy. */
static bool is_plain_ascii(const ASN1_STRING *value)
{
    int type = ASN1_STRING_type(value);
    const unsigned char *bytes = ASN1_STRING_get0_data(value);

    if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING && type != V_ASN1_IA5STRING)
        return false;
    for (int i = 0; i < ASN1_STRING_length(value); i++) {
        if (bytes[i] >= 0x80)
            return false;
    }
    return bytes != NULL;
}

/*
 * The characters of a value in UTF-8. Where it is no string, or holds bytes that its type rules out, its
 * bytes as they are: escaping makes them safe. *owned is to be freed with OPENSSL_free().
 */
static size_t decode(const ASN1_STRING *value, const char **bytes, unsigned char **owned)
{
    int length;

    *owned = NULL;
    *bytes = (const char *)ASN1_STRING_get0_data(value);
    if (is_plain_ascii(value))
        return (size_t)ASN1_STRING_length(value);
    length = ASN1_STRING_to_UTF8(owned, value);
    if (length >= 0) {
        *bytes = (const char *)*owned;
        return (size_t)length;
    }
    ERR_clear_error();
    *owned = NULL;
    return *bytes == NULL ? 0 : (size_t)ASN1_STRING_length(value);
}

static void add_value(struct text *out, const ASN1_STRING *value, enum name_form form)
{
    const char *bytes;
    unsigned char *owned;
    size_t length = decode(value, &bytes, &owned);

    if (form == NAME_ONELINE)
        add_quoted(out, bytes, length);
    else if (form == NAME_REVERSED)
        add_backslashed(out, bytes, length);
    else
        text_add_escaped(out, bytes, length, "/");
    OPENSSL_free(owned);
}

/* What stands between two attributes: of one RDN, or of two. */
static const char *separator(enum name_form form, bool same_rdn)
{
    if (form == NAME_SLASH)
        return "/"; /* X509_NAME_oneline() makes no difference either */
    return same_rdn ? " + " : ", ";
}

int name_add(struct text *out, const X509_NAME *name, enum name_form form, struct error *err)
{
    int count = X509_NAME_entry_count(name);
    int previous_set = -1;

    for (int i = 0; i < count; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, form == NAME_REVERSED ? count - 1 - i : i);
        int set = X509_NAME_ENTRY_set(entry);

        if (i > 0 || form == NAME_SLASH)
            text_add_string(out, separator(form, set == previous_set));
        previous_set = set;
        if (add_type(out, X509_NAME_ENTRY_get_object(entry), form, err) != 0)
            return -1;
        text_add_string(out, form == NAME_ONELINE ? " = " : "=");
        add_value(out, X509_NAME_ENTRY_get_data(entry), form);
    }
    return 0;
}

void name_add_common_name(struct text *out, const X509_NAME *name)
{
    int last = -1;

    for (int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1); i >= 0;
         i = X509_NAME_get_index_by_NID(name, NID_commonName, i))
        last = i;
    if (last >= 0) {
        const char *bytes;
        unsigned char *owned;
        size_t length = decode(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)), &bytes, &owned);

        text_add_escaped(out, bytes, length, NULL);
        OPENSSL_free(owned);
    }
}
