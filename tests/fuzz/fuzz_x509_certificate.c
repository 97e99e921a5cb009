/* Arbitrary bytes as a certificate: whatever is read is described printably and survives being written. */
#include "base/text.h"
#include "x509/x509.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(const struct certificate_facts *facts)
{
    const char *texts[] = {facts->subject_slash,
                           facts->subject_oneline,
                           facts->subject_reversed,
                           facts->common_name,
                           facts->issuer_oneline,
                           facts->serial,
                           facts->names,
                           facts->key,
                           facts->signature};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i] == NULL || !text_is_printable(texts[i], strlen(texts[i])))
            abort();
    }
}

static void write_and_read_again(X509 *certificate)
{
    struct error err = {0};
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    char *pem;
    X509 *again;

    if (length <= 0)
        return;
    pem = x509_to_pem(der, (size_t)length, &err);
    again = pem == NULL ? NULL : x509_read(pem, strlen(pem), &err);
    if (again == NULL && length < X509_FILE_MAX / 2)
        abort();
    X509_free(again);
    free(pem);
    OPENSSL_free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    X509 *certificate = x509_read((const char *)data, size, &err);
    struct certificate_facts *facts;

    if (certificate == NULL)
        return 0;
    facts = x509_describe(certificate, &err);
    if (facts != NULL && x509_check_form(certificate, &err) != 0)
        abort();
    if (facts != NULL)
        check_texts(facts);
    x509_facts_free(facts);
    write_and_read_again(certificate);
    X509_free(certificate);
    return 0;
}
