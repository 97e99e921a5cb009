#include "x509/chain.h"

#include "x509/bundle.h"
#include "x509/name.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define CHAIN_DEPTH_MAX 20 /* issuers in a row; more is a trap, not a hierarchy */
#define CHAIN_SUBJECT_MAX 300

bool x509_is_self_signed(X509 *certificate)
{
    bool self = X509_self_signed(certificate, 1) == 1;

    ERR_clear_error();
    return self;
}

/* Names that match are not enough: a CA may have had several keys under one name. */
static X509 *find_issuer(X509 *certificate, STACK_OF(X509) * pool)
{
    for (int i = 0; i < sk_X509_num(pool); i++) {
        X509 *candidate = sk_X509_value(pool, i);

        if (X509_check_issued(candidate, certificate) == X509_V_OK &&
            X509_verify(certificate, X509_get0_pubkey(candidate)) == 1)
            return candidate;
    }
    return NULL;
}

/* The issuers above the leaf as far as the pool leads, the root among them if it does. NULL: out of memory.
 */
static STACK_OF(X509) * climb(X509 *leaf, STACK_OF(X509) * pool)
{
    STACK_OF(X509) *issuers = sk_X509_new_null();
    X509 *last = leaf;

    while (issuers != NULL && sk_X509_num(issuers) < CHAIN_DEPTH_MAX && !x509_is_self_signed(last)) {
        last = find_issuer(last, pool);
        if (last == NULL)
            break;
        if (sk_X509_push(issuers, last) <= 0) {
            x509_bundle_free(issuers);
            issuers = NULL;
        } else {
            X509_up_ref(last);
        }
    }
    ERR_clear_error();
    return issuers;
}

STACK_OF(X509) * x509_order_chain(X509 *leaf, STACK_OF(X509) * pool)
{
    STACK_OF(X509) *issuers = climb(leaf, pool);
    int count = issuers == NULL ? 0 : sk_X509_num(issuers);

    if (count > 0 && x509_is_self_signed(sk_X509_value(issuers, count - 1)))
        X509_free(sk_X509_pop(issuers));
    return issuers;
}

static int describe_failure(X509_STORE_CTX *context, X509 *leaf, struct error *err)
{
    X509 *failed = X509_STORE_CTX_get_current_cert(context);
    int reason = X509_STORE_CTX_get_error(context);
    struct text subject = {0}, issuer = {0};
    const char *shown, *by;

    if (failed == NULL)
        failed = leaf;
    name_add(&subject, X509_get_subject_name(failed), NAME_SLASH, NULL);
    name_add(&issuer, X509_get_issuer_name(failed), NAME_SLASH, NULL);
    shown = subject.data == NULL ? "" : subject.data;
    by = issuer.data == NULL ? "" : issuer.data;
    switch (reason) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        error_set(err, ERROR_UNTRUSTED,
                  "the chain is broken: the certificate %.*s, which issued %.*s, is neither in the file nor "
                  "among the CA certificates",
                  (int)text_cut_utf8(by, CHAIN_SUBJECT_MAX), by, (int)text_cut_utf8(shown, CHAIN_SUBJECT_MAX),
                  shown);
        error_hint(err, "bring it in first: ncs key importcacert alias <alias> <file> repository <name>");
        break;
    default:
        error_set(err, ERROR_UNTRUSTED, "the chain is broken at the certificate %.*s: %s",
                  (int)text_cut_utf8(shown, CHAIN_SUBJECT_MAX), shown, X509_verify_cert_error_string(reason));
    }
    text_free(&subject);
    text_free(&issuer);
    return -1;
}

static X509_STORE *make_anchors(STACK_OF(X509) * pool)
{
    X509_STORE *anchors = X509_STORE_new();

    for (int i = 0; anchors != NULL && i < sk_X509_num(pool); i++) {
        X509 *certificate = sk_X509_value(pool, i);

        if (x509_is_self_signed(certificate) && X509_STORE_add_cert(anchors, certificate) != 1) {
            X509_STORE_free(anchors);
            anchors = NULL;
        }
    }
    return anchors;
}

/* What was verified, without the leaf at its start and the root at its end. */
static STACK_OF(X509) * inner_part(X509_STORE_CTX *context)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get1_chain(context);

    if (chain == NULL)
        return NULL;
    X509_free(sk_X509_shift(chain));
    X509_free(sk_X509_pop(chain));
    return chain;
}

int x509_build_chain(X509 *leaf, STACK_OF(X509) * pool, STACK_OF(X509) * *issuers, struct error *err)
{
    X509_STORE *anchors = NULL;
    X509_STORE_CTX *context = NULL;
    STACK_OF(X509) *path = NULL;
    int result = -1;

    *issuers = NULL;
    if (x509_is_self_signed(leaf)) {
        *issuers = sk_X509_new_null();
        return *issuers != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
    }
    /* OpenSSL takes the first issuer whose name fits and does not look for another */
    path = climb(leaf, pool);
    anchors = path == NULL ? NULL : make_anchors(path);
    context = X509_STORE_CTX_new();
    if (anchors == NULL || context == NULL || X509_STORE_CTX_init(context, anchors, leaf, path) != 1) {
        x509_error(err, ERROR_INTERNAL, "cannot verify a chain of certificates");
        goto out;
    }
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    X509_STORE_CTX_set_depth(context, CHAIN_DEPTH_MAX);
    if (X509_verify_cert(context) != 1) {
        describe_failure(context, leaf, err);
        goto out;
    }
    *issuers = inner_part(context);
    result = *issuers != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
out:
    X509_STORE_CTX_free(context);
    X509_STORE_free(anchors);
    x509_bundle_free(path);
    ERR_clear_error();
    return result;
}
