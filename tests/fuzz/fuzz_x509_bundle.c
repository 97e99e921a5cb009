/* Arbitrary bytes as a file of certificates: refused with one printable sentence, or a bundle whose members
 * are certificates that can be written again, and whose chains end. */
#include "base/text.h"
#include "x509/bundle.h"
#include "x509/chain.h"
#include "x509/x509.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

static void walk(STACK_OF(X509) * bundle)
{
    X509 *leaf = sk_X509_value(bundle, 0);
    STACK_OF(X509) *ordered = x509_order_chain(leaf, bundle);
    STACK_OF(X509) *issuers = NULL;
    X509 *orphan = NULL;
    struct error err = {0};

    check(ordered != NULL && sk_X509_num(ordered) <= sk_X509_num(bundle) * 20);
    x509_bundle_free(ordered);
    if (x509_build_chain(leaf, bundle, &issuers, &err) != 0)
        check(err.code != ERROR_NONE && text_is_printable(err.message, strlen(err.message)));
    x509_bundle_free(issuers);
    error_clear(&err);
    if (x509_roots_first(bundle, NULL, &ordered, &orphan, &err) == 0)
        check(sk_X509_num(ordered) == sk_X509_num(bundle) && orphan == NULL);
    else
        check(ordered == NULL && (orphan != NULL) == (err.code == ERROR_UNTRUSTED));
    x509_bundle_free(ordered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    STACK_OF(X509) *bundle = x509_read_bundle((const char *)data, size, &err);

    if (bundle == NULL) {
        check(err.code == ERROR_INVALID_ARGUMENT && text_is_printable(err.message, strlen(err.message)));
        return 0;
    }
    check(sk_X509_num(bundle) > 0 && sk_X509_num(bundle) <= X509_BUNDLE_MAX);
    if (sk_X509_num(bundle) <= 8)
        walk(bundle);
    x509_bundle_free(bundle);
    return 0;
}
