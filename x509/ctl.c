#include "x509/ctl.h"

#include "x509/ctl_text.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

const char *ctl_header_tag(int tag)
{
    static const char *const names[CTL_HEADER_FIELDS + 1] = {"",
                                                             "VERSION",
                                                             "HEADERLENGTH",
                                                             "SIGNERID",
                                                             "SIGNERNAME",
                                                             "SERIALNUMBER",
                                                             "CANAME",
                                                             "SIGNATUREINFO",
                                                             "DIGESTALGORITHM",
                                                             "SIGNATUREALGOINFO",
                                                             "SIGNATUREALGORITHM",
                                                             "SIGNATUREMODULUS",
                                                             "SIGNATURE",
                                                             "PADDING",
                                                             "FILENAME",
                                                             "TIMESTAMP"};

    return tag >= 0 && tag <= CTL_HEADER_FIELDS ? names[tag] : "";
}

const char *ctl_record_tag(int tag)
{
    static const char *const names[CTL_RECORD_FIELDS + 1] = {
        "",          "RECORDLENGTH", "DNSNAME",     "SUBJECTNAME", "FUNCTION", "ISSUERNAME", "SERIALNUMBER",
        "PUBLICKEY", "SIGNATURE",    "CERTIFICATE", "IPADDRESS"};

    return tag >= 0 && tag <= CTL_RECORD_FIELDS ? names[tag] : "";
}

const char *ctl_function_name(enum ctl_function function)
{
    switch (function) {
    case CTL_TOKEN:
        return "System Administrator Security Token";
    case CTL_CALL_CONTROL:
        return "CCM+TFTP";
    case CTL_CAPF:
        return "CAPF";
    }
    return "unknown";
}

/* Bytes still to be read, and where they lie in the file. */
struct reader {
    const uint8_t *bytes;
    size_t at;
    size_t end;
    const char *part;
    struct error *err;
};

static int damaged(const struct reader *reader, const char *tag, const char *what)
{
    return error_set(reader->err, ERROR_INVALID_ARGUMENT,
                     "the CTL file is damaged: %s of %s, at byte %zu, %s", tag, reader->part, reader->at,
                     what);
}

/* A field with its tag; its value must have from `least` to `most` bytes. */
static int read_field(struct reader *reader, int tag, const char *name, size_t least, size_t most,
                      struct ctl_field *out)
{
    size_t length;

    if (reader->end - reader->at < 3)
        return damaged(reader, name, "is cut off");
    if (reader->bytes[reader->at] != tag)
        return damaged(reader, name, "is not where it has to be");
    length = (size_t)reader->bytes[reader->at + 1] << 8 | reader->bytes[reader->at + 2];
    if (length < least || length > most)
        return damaged(reader, name, "has a length that it cannot have");
    if (reader->end - reader->at - 3 < length)
        return damaged(reader, name, "is cut off");
    *out = (struct ctl_field){reader->bytes + reader->at + 3, length};
    reader->at += 3 + length;
    return 0;
}

static size_t number_of(const struct ctl_field *field)
{
    size_t number = 0;

    for (size_t i = 0; i < field->length; i++)
        number = number << 8 | field->value[i];
    return number;
}

/* Which fields there are, how long they may be, and into which one goes. */
struct shape {
    size_t least;
    size_t most;
    bool holds; /* its value is other fields */
};

#define ANY 65535
static const struct shape header_shape[CTL_HEADER_FIELDS + 1] = {
    [CTL_VERSION] = {2, 2, false},
    [CTL_HEADERLENGTH] = {2, 2, false},
    [CTL_SIGNERID] = {9, ANY, true},
    [CTL_SIGNERNAME] = {1, ANY, false},
    [CTL_SIGNERSERIAL] = {1, 21, false},
    [CTL_CANAME] = {1, ANY, false},
    [CTL_SIGNATUREINFO] = {15, 15, true},
    [CTL_DIGESTALGORITHM] = {1, 1, false},
    [CTL_SIGNATUREALGOINFO] = {8, 8, true},
    [CTL_SIGNATUREALGORITHM] = {1, 1, false},
    [CTL_SIGNATUREMODULUS] = {1, 1, false},
    [CTL_SIGNATURE] = {64, 2048, false},
    [CTL_PADDING] = {0, 0, false},
    [CTL_FILENAME] = {sizeof(CTL_FILE_NAME), sizeof(CTL_FILE_NAME), false},
    [CTL_TIMESTAMP] = {4, 4, false},
};
static const struct shape record_shape[CTL_RECORD_FIELDS + 1] = {
    [CTL_RECORDLENGTH] = {2, 2, false},  [CTL_DNSNAME] = {1, 256, false},
    [CTL_SUBJECTNAME] = {1, ANY, false}, [CTL_FUNCTION] = {2, 2, false},
    [CTL_ISSUERNAME] = {1, ANY, false},  [CTL_SERIALNUMBER] = {1, 21, false},
    [CTL_PUBLICKEY] = {1, ANY, false},   [CTL_CERTIFICATESIGNATURE] = {1, ANY, false},
    [CTL_CERTIFICATE] = {1, ANY, false}, [CTL_IPADDRESS] = {4, 16, false},
};

/* One after the other; the fields inside one that holds others follow it at once. */
static int read_fields(struct reader *reader, const struct shape *shape, int count, const char *(*name)(int),
                       struct ctl_field *fields)
{
    for (int tag = 1; tag <= count; tag++) {
        if (read_field(reader, tag, name(tag), shape[tag].least, shape[tag].most, &fields[tag]) != 0)
            return -1;
        if (shape[tag].holds)
            reader->at -= fields[tag].length;
    }
    return 0;
}

static bool is_text(const struct ctl_field *field)
{
    return field->length > 0 && memchr(field->value, '\0', field->length) == field->value + field->length - 1;
}

static const uint8_t *end_of(const struct ctl_field *field)
{
    return field->value + field->length;
}

static int read_header(struct reader *reader, struct ctl *ctl)
{
    const struct ctl_field *fields = ctl->fields;

    reader->part = "the header";
    if (read_fields(reader, header_shape, CTL_HEADER_FIELDS, ctl_header_tag, ctl->fields) != 0)
        return -1;
    if (fields[CTL_VERSION].value[0] != 1 || fields[CTL_VERSION].value[1] != 2)
        return damaged(reader, "VERSION", "is not 1.2");
    if (number_of(&fields[CTL_HEADERLENGTH]) != reader->at)
        return damaged(reader, "HEADERLENGTH", "is not the header's length");
    if (end_of(&fields[CTL_SIGNERID]) != end_of(&fields[CTL_CANAME]) ||
        end_of(&fields[CTL_SIGNATUREINFO]) != end_of(&fields[CTL_SIGNATUREMODULUS]) ||
        end_of(&fields[CTL_SIGNATUREALGOINFO]) != end_of(&fields[CTL_SIGNATUREMODULUS]))
        return damaged(reader, "a field that holds others", "does not end with them");
    if (!is_text(&fields[CTL_SIGNERNAME]) || !is_text(&fields[CTL_CANAME]) ||
        !is_text(&fields[CTL_FILENAME]) ||
        memcmp(fields[CTL_FILENAME].value, CTL_FILE_NAME, sizeof(CTL_FILE_NAME)) != 0)
        return damaged(reader, "a text", "is none, or not the one that has to stand there");
    ctl->signed_ms = (int64_t)number_of(&fields[CTL_TIMESTAMP]) * 1000;
    return 0;
}

/* What the record says of its certificate must be what the certificate says. */
static int check_copies(const struct reader *reader, const struct ctl_record *record)
{
    static const int copied[] = {CTL_SUBJECTNAME, CTL_ISSUERNAME, CTL_SERIALNUMBER, CTL_PUBLICKEY,
                                 CTL_CERTIFICATESIGNATURE};
    struct ctl_facts facts;
    int result = ctl_facts_of(record->certificate, &facts, reader->err);

    for (size_t i = 0; result == 0 && i < sizeof(copied) / sizeof(copied[0]); i++) {
        const struct ctl_field *field = &record->fields[copied[i]];
        const struct ctl_field *fact = &facts.fields[copied[i]];

        if (field->length != fact->length || memcmp(field->value, fact->value, fact->length) != 0)
            result = damaged(reader, ctl_record_tag(copied[i]), "is not that of the certificate");
    }
    ctl_facts_clear(&facts);
    return result;
}

static int read_record(struct reader *reader, struct ctl_record *record)
{
    struct error cause = {0};
    size_t start = reader->at;
    size_t function;

    if (read_fields(reader, record_shape, CTL_RECORD_FIELDS, ctl_record_tag, record->fields) != 0)
        return -1;
    if (number_of(&record->fields[CTL_RECORDLENGTH]) != reader->at - start)
        return damaged(reader, "RECORDLENGTH", "is not the record's length");
    if (!is_text(&record->fields[CTL_DNSNAME]) || !is_text(&record->fields[CTL_SUBJECTNAME]) ||
        !is_text(&record->fields[CTL_ISSUERNAME]))
        return damaged(reader, "a name", "is no text");
    if (record->fields[CTL_IPADDRESS].length != 4 && record->fields[CTL_IPADDRESS].length != 16)
        return damaged(reader, "IPADDRESS", "is no address");
    function = number_of(&record->fields[CTL_FUNCTION]);
    if (function < CTL_TOKEN || function > CTL_CAPF)
        return damaged(reader, "FUNCTION", "is none that there is");
    record->function = (enum ctl_function)function;
    record->certificate = x509_read((const char *)record->fields[CTL_CERTIFICATE].value,
                                    record->fields[CTL_CERTIFICATE].length, &cause);
    if (record->certificate == NULL)
        return damaged(reader, "CERTIFICATE", "cannot be read");
    return check_copies(reader, record);
}

struct ctl *ctl_read(const uint8_t *bytes, size_t length, struct error *err)
{
    struct reader reader = {.end = length, .err = err};
    struct ctl *ctl;

    if (length > CTL_FILE_MAX) {
        error_set(err, ERROR_INVALID_ARGUMENT, "the CTL file has more than %d bytes", CTL_FILE_MAX);
        return NULL;
    }
    ctl = calloc(1, sizeof(*ctl));
    if (ctl == NULL || (ctl->bytes = malloc(length > 0 ? length : 1)) == NULL) {
        ctl_free(ctl);
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    memcpy(ctl->bytes, bytes, length);
    ctl->length = length;
    reader.bytes = ctl->bytes;
    if (read_header(&reader, ctl) != 0)
        goto failed;
    reader.part = "a record";
    while (reader.at < length) {
        if (ctl->record_count == CTL_RECORDS_MAX) {
            damaged(&reader, "a record", "is one too many");
            goto failed;
        }
        if (read_record(&reader, &ctl->records[ctl->record_count++]) != 0)
            goto failed;
    }
    return ctl;
failed:
    ctl_free(ctl);
    return NULL;
}

void ctl_free(struct ctl *ctl)
{
    if (ctl == NULL)
        return;
    for (size_t i = 0; i < ctl->record_count; i++)
        X509_free(ctl->records[i].certificate);
    free(ctl->bytes);
    free(ctl);
}

static bool same_field(const struct ctl_field *one, const struct ctl_field *other)
{
    return one->length == other->length && memcmp(one->value, other->value, one->length) == 0;
}

static bool is_signer(const struct ctl *ctl, const struct ctl_record *record)
{
    return record->function == CTL_TOKEN &&
           same_field(&record->fields[CTL_SUBJECTNAME], &ctl->fields[CTL_SIGNERNAME]) &&
           same_field(&record->fields[CTL_SERIALNUMBER], &ctl->fields[CTL_SIGNERSERIAL]) &&
           same_field(&record->fields[CTL_ISSUERNAME], &ctl->fields[CTL_CANAME]);
}

static bool signature_holds(const struct ctl *ctl, X509 *certificate)
{
    const struct ctl_field *signature = &ctl->fields[CTL_SIGNATURE];
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *copy = malloc(ctl->length);
    bool holds = false;

    if (context != NULL && copy != NULL && key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        memcpy(copy, ctl->bytes, ctl->length);
        memset(copy + (signature->value - ctl->bytes), 0, signature->length);
        holds = EVP_DigestVerifyInit(context, NULL, EVP_sha512(), NULL, key) == 1 &&
                EVP_DigestVerify(context, signature->value, signature->length, copy, ctl->length) == 1;
    }
    ERR_clear_error();
    free(copy);
    EVP_MD_CTX_free(context);
    return holds;
}

int ctl_verify(const struct ctl *ctl, size_t *signer, struct error *err)
{
    for (size_t i = 0; i < ctl->record_count; i++) {
        if (!is_signer(ctl, &ctl->records[i]))
            continue;
        *signer = i;
        if (ctl->fields[CTL_DIGESTALGORITHM].value[0] == CTL_SHA512 &&
            ctl->fields[CTL_SIGNATUREALGORITHM].value[0] == CTL_RSA &&
            signature_holds(ctl, ctl->records[i].certificate))
            return 0;
        return error_set(
            err, ERROR_UNTRUSTED,
            "the signature of the CTL file does not hold: the file was altered after it was signed");
    }
    return error_set(err, ERROR_UNTRUSTED,
                     "the CTL file names a signer that is not one of its security tokens");
}
