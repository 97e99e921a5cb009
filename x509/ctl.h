/*
 * The certificate trust list of a node: which certificates a phone may believe, signed by one of them.
 *
 * Layout, all numbers big-endian, each field one byte of tag, two of length, then the value:
 *   header:  VERSION (2), HEADERLENGTH (2), SIGNERID {SIGNERNAME, SERIALNUMBER, CANAME},
 *            SIGNATUREINFO {DIGESTALGORITHM (1), SIGNATUREALGOINFO {SIGNATUREALGORITHM (1),
 *            SIGNATUREMODULUS (1)}}, SIGNATURE, PADDING, FILENAME, TIMESTAMP (4, seconds since 1970)
 *   records: RECORDLENGTH (2), DNSNAME, SUBJECTNAME, FUNCTION (2), ISSUERNAME, SERIALNUMBER, PUBLICKEY,
 *            SIGNATURE, CERTIFICATE (DER), IPADDRESS (4 or 16)
 * Texts end in a NUL that counts. HEADERLENGTH and RECORDLENGTH count themselves. The signature (RSA, PKCS#1
 * v1.5, SHA-512) is over the whole file with zeros in the place of the SIGNATURE's value.
 */
#pragma once

#include "base/error.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#define CTL_FILE_NAME "CTLFile.tlv"
#define CTL_FILE_MAX (1024 * 1024) /* bytes */
#define CTL_RECORDS_MAX 64
#define CTL_HEADER_FIELDS 15
#define CTL_RECORD_FIELDS 10

enum ctl_function { CTL_TOKEN = 1, CTL_CALL_CONTROL = 2, CTL_CAPF = 3 };

enum { /* tags of the header */
       CTL_VERSION = 1,
       CTL_HEADERLENGTH,
       CTL_SIGNERID,
       CTL_SIGNERNAME,
       CTL_SIGNERSERIAL,
       CTL_CANAME,
       CTL_SIGNATUREINFO,
       CTL_DIGESTALGORITHM,
       CTL_SIGNATUREALGOINFO,
       CTL_SIGNATUREALGORITHM,
       CTL_SIGNATUREMODULUS,
       CTL_SIGNATURE,
       CTL_PADDING,
       CTL_FILENAME,
       CTL_TIMESTAMP
};

enum { /* tags of a record */
       CTL_RECORDLENGTH = 1,
       CTL_DNSNAME,
       CTL_SUBJECTNAME,
       CTL_FUNCTION,
       CTL_ISSUERNAME,
       CTL_SERIALNUMBER,
       CTL_PUBLICKEY,
       CTL_CERTIFICATESIGNATURE,
       CTL_CERTIFICATE,
       CTL_IPADDRESS
};

struct ctl_field {
    const uint8_t *value;
    size_t length;
};

struct ctl_record {
    struct ctl_field fields[CTL_RECORD_FIELDS + 1]; /* by tag */
    enum ctl_function function;
    X509 *certificate;
};

/* A list that was read. The fields point into `bytes`. */
struct ctl {
    uint8_t *bytes;
    size_t length;
    struct ctl_field fields[CTL_HEADER_FIELDS + 1]; /* by tag */
    int64_t signed_ms;                              /* wall clock */
    struct ctl_record records[CTL_RECORDS_MAX];
    size_t record_count;
};

/* What is to stand in a list. */
struct ctl_entry {
    X509 *certificate; /* not taken over */
    enum ctl_function function;
    const char *dns_name;
    const char *address; /* IPv4 or IPv6 */
};

/* Makes and signs a list. `signer` must be an RSA certificate, and one of the entries with CTL_TOKEN.
 * ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. The caller frees. */
uint8_t *ctl_make(const struct ctl_entry *entries, size_t count, X509 *signer, EVP_PKEY *key, int64_t now_ms,
                  size_t *length, struct error *err);

/* Reads a list, every byte of it, trusting nothing; the signature is not looked at. The bytes are copied.
 * ERROR_INVALID_ARGUMENT says what is wrong where. Free with ctl_free(). */
struct ctl *ctl_read(const uint8_t *bytes, size_t length, struct error *err);
void ctl_free(struct ctl *ctl);

/* Is the signature that of the record it names? *signer is its place. ERROR_UNTRUSTED. */
int ctl_verify(const struct ctl *ctl, size_t *signer, struct error *err);

/* "SIGNERID", "DNSNAME", ... and "CCM+TFTP". */
const char *ctl_header_tag(int tag);
const char *ctl_record_tag(int tag);
const char *ctl_function_name(enum ctl_function function);
