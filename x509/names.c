#include "x509/names.h"

#include "base/host_port.h"
#include "x509/name.h"
#include "x509/x509.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <string.h>

#define NAMES_TEXT_MAX 4096 /* bytes of the alternative names shown; what goes beyond is counted */
#define TYPE_TEXT_MAX 256   /* bytes of an object identifier shown */

/* "DNS:<host name, perhaps behind *.>": the checked name, or NULL. */
static GENERAL_NAME *dns_name(const char *text)
{
    const char *labels = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    char canonical[HOST_TEXT_MAX];
    enum host_kind kind;
    GENERAL_NAME *name = NULL;
    ASN1_IA5STRING *value;

    if (host_parse(labels, &kind, canonical, NULL) != 0 || kind != HOST_NAME)
        return NULL;
    value = ASN1_IA5STRING_new();
    name = GENERAL_NAME_new();
    if (value == NULL || name == NULL || ASN1_STRING_set(value, text, (int)strlen(text)) != 1) {
        ASN1_IA5STRING_free(value);
        GENERAL_NAME_free(name);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_DNS, value);
    return name;
}

static GENERAL_NAME *address_name(const char *text)
{
    ASN1_OCTET_STRING *value = a2i_IPADDRESS(text);
    GENERAL_NAME *name = value == NULL ? NULL : GENERAL_NAME_new();

    if (name == NULL) {
        ASN1_OCTET_STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_IPADD, value);
    return name;
}

/* RFC 5280 section 7.2: a certificate has international names as the DNS has them. */
static bool is_international(const char *typed)
{
    while (*typed != '\0' && (*typed & 0x80) == 0)
        typed++;
    return *typed != '\0';
}

static void name_error(struct error *err, const char *typed)
{
    struct text shown = {0};

    text_add_escaped(&shown, typed, strnlen(typed, 100), NULL);
    error_set(err, ERROR_INVALID_ARGUMENT,
              "\"%s\" is not DNS:<host name> or IP:<address>, as an alternative name has to be%s",
              shown.data == NULL ? "" : shown.data,
              is_international(typed) ? "; an international name is given as the DNS has it: xn--..." : "");
    text_free(&shown);
}

static GENERAL_NAME *make_name(const char *text)
{
    GENERAL_NAME *name = NULL;

    if (strncmp(text, "DNS:", 4) == 0)
        name = dns_name(text + 4);
    else if (strncmp(text, "IP:", 3) == 0)
        name = address_name(text + 3);
    ERR_clear_error();
    return name;
}

static int push_name(GENERAL_NAMES *names, const char *text, struct error *err)
{
    GENERAL_NAME *name;

    if (sk_GENERAL_NAME_num(names) >= X509_NAMES_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "there are more than %d alternative names",
                         X509_NAMES_MAX);
    name = make_name(text);
    if (name == NULL) {
        name_error(err, text);
        return -1;
    }
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return 0;
    GENERAL_NAME_free(name);
    return error_set(err, ERROR_INTERNAL, "out of memory");
}

GENERAL_NAMES *x509_make_names(const char *const *names, size_t count, struct error *err)
{
    GENERAL_NAMES *made = sk_GENERAL_NAME_new_null();
    int failed = made != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");

    for (size_t i = 0; failed == 0 && i < count; i++)
        failed = push_name(made, names[i], err);
    if (failed == 0)
        return made;
    GENERAL_NAMES_free(made);
    return NULL;
}

GENERAL_NAMES *x509_parse_names(const char *text, struct error *err)
{
    GENERAL_NAMES *made = sk_GENERAL_NAME_new_null();
    struct text one = {0};
    int failed = made != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");

    while (failed == 0 && *(text += strspn(text, " ")) != '\0') {
        size_t length = strcspn(text, ",");
        const char *next = text + length + (text[length] == ',');

        while (length > 0 && text[length - 1] == ' ')
            length--;
        text_clear(&one);
        text_add(&one, text, length);
        failed =
            one.failed ? error_set(err, ERROR_INTERNAL, "out of memory") : push_name(made, one.data, err);
        text = next;
    }
    text_free(&one);
    if (failed == 0)
        return made;
    GENERAL_NAMES_free(made);
    return NULL;
}

static void add_address(struct text *out, const ASN1_OCTET_STRING *address)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    int length = ASN1_STRING_length(address);
    char shown[INET6_ADDRSTRLEN];

    text_add_string(out, "IP:");
    if ((length == 4 || length == 16) &&
        inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, shown, sizeof(shown)) != NULL) {
        text_add_string(out, shown);
        return;
    }
    for (int i = 0; i < length; i++)
        text_format(out, "%02x", bytes[i]);
}

static void add_string(struct text *out, const char *kind, const ASN1_STRING *value)
{
    const char *bytes = (const char *)ASN1_STRING_get0_data(value);

    text_add_string(out, kind);
    if (bytes != NULL)
        text_add_escaped(out, bytes, (size_t)ASN1_STRING_length(value), ",");
}

static void add_general_name(struct text *out, const GENERAL_NAME *name)
{
    char number[TYPE_TEXT_MAX];
    int type;
    void *value = GENERAL_NAME_get0_value(name, &type);

    switch (type) {
    case GEN_DNS:
        add_string(out, "DNS:", value);
        break;
    case GEN_EMAIL:
        add_string(out, "email:", value);
        break;
    case GEN_URI:
        add_string(out, "URI:", value);
        break;
    case GEN_IPADD:
        add_address(out, value);
        break;
    case GEN_DIRNAME:
        text_add_string(out, "DirName:");
        name_add(out, value, NAME_SLASH, NULL);
        break;
    case GEN_RID:
        OBJ_obj2txt(number, sizeof(number), value, 1);
        text_format(out, "RID:%s", number);
        break;
    default:
        text_add_string(out, "other name");
    }
}

void x509_add_names(struct text *out, const GENERAL_NAMES *names, const char *separator)
{
    struct text one = {0};
    size_t used = 0;
    int shown = 0;
    int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);

    for (int i = 0; i < count; i++) {
        text_clear(&one);
        add_general_name(&one, sk_GENERAL_NAME_value(names, i));
        if (one.failed || used + one.length > NAMES_TEXT_MAX)
            continue;
        text_format(out, "%s%s", shown == 0 ? "" : separator, one.data);
        used += one.length;
        shown++;
    }
    if (shown < count)
        text_format(out, "%s%d more", shown == 0 ? "" : ", and ", count - shown);
    text_free(&one);
}

void x509_add_key(struct text *out, const EVP_PKEY *key)
{
    int kind = EVP_PKEY_get_base_id(key);
    char group[64] = "";

    if (kind == EVP_PKEY_EC) {
        const char *nist = NULL;
        if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
            nist = EC_curve_nid2nist(OBJ_txt2nid(group));
        if (nist == NULL && group[0] == '\0')
            text_format(out, "ec, %d bits", EVP_PKEY_get_bits(key));
        else
            text_format(out, "ec, %s", nist != NULL ? nist : group);
    } else if (kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448) {
        text_add_string(out, kind == EVP_PKEY_ED25519 ? "ed25519" : "ed448");
    } else if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) {
        text_format(out, "%s, %d bits", kind == EVP_PKEY_RSA ? "rsa" : "rsa-pss", EVP_PKEY_get_bits(key));
    } else {
        const char *name = EVP_PKEY_get0_type_name(key);
        for (const char *at = name == NULL ? "unknown" : name; *at != '\0'; at++)
            text_format(out, "%c", tolower((unsigned char)*at));
        text_format(out, ", %d bits", EVP_PKEY_get_bits(key));
    }
    ERR_clear_error();
}
