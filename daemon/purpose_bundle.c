#include "daemon/purpose_bundle.h"

#include "daemon/place.h"
#include "store/trust_certificate.h"
#include "x509/x509.h"

#include <stdlib.h>
#include <string.h>

STACK_OF(X509) * purpose_read_bundle(const struct request *request, struct error *err)
{
    const char *pasted = json_string_value(json_object_get(request->params, "pem"));
    const char *file, *repository;
    STACK_OF(X509) *bundle = NULL;
    char *data = NULL;
    size_t length;

    if (pasted != NULL)
        return x509_read_bundle(pasted, strlen(pasted), err);
    file = request_text(request, "file", err);
    repository = file == NULL ? NULL : request_text(request, "repository", err);
    if (repository != NULL &&
        place_read_file(request, repository, file, X509_BUNDLE_FILE_MAX, &data, &length, err) == 0)
        bundle = x509_read_bundle(data, length, err);
    free(data);
    return bundle;
}

struct gathering {
    STACK_OF(X509) * certificates;
    bool failed;
};

static int gather(void *arg, const struct trust_certificate *certificate)
{
    struct gathering *gathering = arg;
    const uint8_t *der = certificate->der;
    X509 *read = d2i_X509(NULL, &der, (long)certificate->der_length);

    gathering->failed = read == NULL || sk_X509_push(gathering->certificates, read) <= 0;
    if (gathering->failed)
        X509_free(read);
    return gathering->failed ? 1 : 0;
}

STACK_OF(X509) * purpose_trusted(struct store_txn *txn, const char *store, struct error *err)
{
    struct gathering gathering = {.certificates = sk_X509_new_null()};

    if (gathering.certificates == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    if (trust_certificate_each(txn, store, gather, &gathering, err) == 0 && !gathering.failed)
        return gathering.certificates;
    if (gathering.failed)
        x509_error(err, ERROR_INTERNAL, "a certificate of %s cannot be read", store);
    x509_bundle_free(gathering.certificates);
    return NULL;
}
