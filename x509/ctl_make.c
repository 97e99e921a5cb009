/* Writing a CTL file. */
#include "base/host_port.h"
#include "base/text.h"
#include "x509/ctl_text.h"
#include "x509/x509.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define MODULUS_UNIT_BITS 1024 /* of SIGNATUREMODULUS */

/* "CN=a;O=b": the last part of the name first, as the appliance prints it. */
static char *semicolon_name(const X509_NAME *name, struct error *err)
{
    struct text text = {0};
    char *result;

    for (int i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
        unsigned char *utf8 = NULL;
        char type[80];
        int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));

        if (OBJ_obj2nid(object) != NID_undef)
            text_add_string(&text, OBJ_nid2sn(OBJ_obj2nid(object)));
        else if (OBJ_obj2txt(type, sizeof(type), object, 1) > 0)
            text_add_string(&text, type);
        text_add_string(&text, "=");
        if (length > 0)
            text_add_escaped(&text, (const char *)utf8, (size_t)length, ";");
        OPENSSL_free(utf8);
        if (i > 0)
            text_add_string(&text, ";");
    }
    ERR_clear_error();
    result = text_take(&text);
    if (result == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    return result;
}

static int set_serial(X509 *certificate, struct ctl_facts *out)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    int length = number == NULL ? -1 : BN_num_bytes(number);

    if (length >= 0 && length <= 20)
        out->serial = OPENSSL_zalloc((size_t)length + 1);
    if (out->serial != NULL) {
        BN_bn2bin(number, out->serial);
        out->fields[CTL_SERIALNUMBER] = (struct ctl_field){out->serial, length > 0 ? (size_t)length : 1};
    }
    BN_free(number);
    return out->serial != NULL ? 0 : -1;
}

static int set_bytes(struct ctl_field *field, const unsigned char *bytes, int length)
{
    *field = (struct ctl_field){bytes, length > 0 ? (size_t)length : 0};
    return length > 0 && length <= UINT16_MAX ? 0 : -1;
}

int ctl_facts_of(X509 *certificate, struct ctl_facts *out, struct error *err)
{
    const ASN1_BIT_STRING *signature;

    *out = (struct ctl_facts){0};
    out->subject = semicolon_name(X509_get_subject_name(certificate), err);
    out->issuer = out->subject == NULL ? NULL : semicolon_name(X509_get_issuer_name(certificate), err);
    if (out->issuer == NULL)
        return -1;
    X509_get0_signature(&signature, NULL, certificate);
    if (X509_get0_pubkey(certificate) == NULL || set_serial(certificate, out) != 0 ||
        set_bytes(&out->fields[CTL_SUBJECTNAME], (unsigned char *)out->subject,
                  (int)strlen(out->subject) + 1) != 0 ||
        set_bytes(&out->fields[CTL_ISSUERNAME], (unsigned char *)out->issuer, (int)strlen(out->issuer) + 1) !=
            0 ||
        set_bytes(&out->fields[CTL_PUBLICKEY], NULL,
                  i2d_PublicKey(X509_get0_pubkey(certificate), &out->key)) != 0 ||
        set_bytes(&out->fields[CTL_CERTIFICATE], NULL, i2d_X509(certificate, &out->der)) != 0 ||
        set_bytes(&out->fields[CTL_CERTIFICATESIGNATURE], ASN1_STRING_get0_data(signature),
                  ASN1_STRING_length(signature)) != 0)
        return x509_error(err, ERROR_UNTRUSTED, "a certificate cannot stand in a CTL file");
    out->fields[CTL_PUBLICKEY].value = out->key;
    out->fields[CTL_CERTIFICATE].value = out->der;
    return 0;
}

void ctl_facts_clear(struct ctl_facts *facts)
{
    free(facts->subject);
    free(facts->issuer);
    OPENSSL_free(facts->serial);
    OPENSSL_free(facts->key);
    OPENSSL_free(facts->der);
    *facts = (struct ctl_facts){0};
}

static void add_number(struct text *out, size_t number, size_t octets)
{
    for (size_t i = octets; i-- > 0;) {
        char octet = (char)(number >> (8 * i) & 0xff);

        text_add(out, &octet, 1);
    }
}

static void add_field(struct text *out, int tag, const void *value, size_t length)
{
    add_number(out, (size_t)tag, 1);
    add_number(out, length, 2);
    text_add(out, value, length);
}

static void add_number_field(struct text *out, int tag, size_t number, size_t octets)
{
    add_number(out, (size_t)tag, 1);
    add_number(out, octets, 2);
    add_number(out, number, octets);
}

/* Puts the length, known only now, where RECORDLENGTH or HEADERLENGTH stands. */
static void set_length(struct text *out, size_t at, size_t length)
{
    if (out->failed)
        return;
    out->data[at] = (char)(length >> 8);
    out->data[at + 1] = (char)(length & 0xff);
}

static int add_record(struct text *out, const struct ctl_entry *entry, struct error *err)
{
    unsigned char address[16];
    size_t octets = strchr(entry->address, ':') != NULL ? 16 : 4;
    size_t start = out->length;
    struct ctl_facts facts;
    int result = -1;

    if (inet_pton(octets == 16 ? AF_INET6 : AF_INET, entry->address, address) != 1)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.100s is not an address", entry->address);
    if (ctl_facts_of(entry->certificate, &facts, err) == 0) {
        add_number_field(out, CTL_RECORDLENGTH, 0, 2);
        add_field(out, CTL_DNSNAME, entry->dns_name, strnlen(entry->dns_name, HOST_TEXT_MAX - 1) + 1);
        for (int tag = CTL_SUBJECTNAME; tag <= CTL_CERTIFICATE; tag++) {
            if (tag == CTL_FUNCTION)
                add_number_field(out, CTL_FUNCTION, entry->function, 2);
            else
                add_field(out, tag, facts.fields[tag].value, facts.fields[tag].length);
        }
        add_field(out, CTL_IPADDRESS, address, octets);
        if (out->length - start > UINT16_MAX) {
            error_set(err, ERROR_INVALID_ARGUMENT, "a certificate is too long for a CTL file");
        } else {
            set_length(out, start + 3, out->length - start);
            result = 0;
        }
    }
    ctl_facts_clear(&facts);
    return result;
}

/* Returns where the signature's value goes; 0 when it fails. */
static size_t add_header(struct text *out, X509 *signer, size_t signature, int64_t now_ms, struct error *err)
{
    const uint8_t zeros[1024] = {0};
    struct ctl_facts facts;
    size_t at = 0;

    if (ctl_facts_of(signer, &facts, err) == 0 && signature <= sizeof(zeros)) {
        const struct ctl_field *subject = &facts.fields[CTL_SUBJECTNAME];
        const struct ctl_field *serial = &facts.fields[CTL_SERIALNUMBER];
        const struct ctl_field *issuer = &facts.fields[CTL_ISSUERNAME];

        add_number_field(out, CTL_VERSION, 0x0102, 2);
        add_number_field(out, CTL_HEADERLENGTH, 0, 2);
        add_number(out, CTL_SIGNERID, 1);
        add_number(out, 9 + subject->length + serial->length + issuer->length, 2);
        add_field(out, CTL_SIGNERNAME, subject->value, subject->length);
        add_field(out, CTL_SIGNERSERIAL, serial->value, serial->length);
        add_field(out, CTL_CANAME, issuer->value, issuer->length);
        add_number(out, CTL_SIGNATUREINFO, 1);
        add_number(out, 15, 2);
        add_number_field(out, CTL_DIGESTALGORITHM, CTL_SHA512, 1);
        add_number(out, CTL_SIGNATUREALGOINFO, 1);
        add_number(out, 8, 2);
        add_number_field(out, CTL_SIGNATUREALGORITHM, CTL_RSA, 1);
        add_number_field(out, CTL_SIGNATUREMODULUS, signature * 8 / MODULUS_UNIT_BITS, 1);
        at = out->length + 3;
        add_field(out, CTL_SIGNATURE, zeros, signature);
        add_field(out, CTL_PADDING, "", 0);
        add_field(out, CTL_FILENAME, CTL_FILE_NAME, sizeof(CTL_FILE_NAME));
        add_number_field(out, CTL_TIMESTAMP, (size_t)(now_ms / 1000), 4);
        set_length(out, 8, out->length);
    }
    ctl_facts_clear(&facts);
    return at;
}

static int sign(struct text *file, size_t at, size_t signature, EVP_PKEY *key, struct error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *value = malloc(signature);
    size_t length = signature;
    int result = -1;

    if (context != NULL && value != NULL && EVP_DigestSignInit(context, NULL, EVP_sha512(), NULL, key) == 1 &&
        EVP_DigestSign(context, value, &length, (unsigned char *)file->data, file->length) == 1 &&
        length == signature) {
        memcpy(file->data + at, value, length);
        result = 0;
    } else {
        x509_error(err, ERROR_INTERNAL, "cannot sign the CTL file");
    }
    free(value);
    EVP_MD_CTX_free(context);
    return result;
}

uint8_t *ctl_make(const struct ctl_entry *entries, size_t count, X509 *signer, EVP_PKEY *key, int64_t now_ms,
                  size_t *length, struct error *err)
{
    size_t signature = (size_t)EVP_PKEY_get_size(key);
    struct text file = {0};
    size_t at;

    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || X509_check_private_key(signer, key) != 1) {
        error_set(err, ERROR_INVALID_ARGUMENT, "a CTL file is signed with the RSA key of a certificate");
        return NULL;
    }
    at = add_header(&file, signer, signature, now_ms, err);
    if (at == 0)
        goto failed;
    for (size_t i = 0; i < count; i++) {
        if (add_record(&file, &entries[i], err) != 0)
            goto failed;
    }
    if (file.failed) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        goto failed;
    }
    if (sign(&file, at, signature, key, err) != 0)
        goto failed;
    *length = file.length;
    return (uint8_t *)file.data;
failed:
    text_free(&file);
    return NULL;
}
