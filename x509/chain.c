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

/* A search among certificates from outside. Each of many that share one name may have issued each other one,
 * as far as names tell: signatures are checked for some of a pool's members, not for all pairs of them. */
struct search {
    int left;   /* signatures that may still be checked */
    bool spent; /* one more was to be */
};
#define SEARCH_PER_MEMBER 2
#define SEARCH_LEAST 64

static struct search search_among(STACK_OF(X509) * pool, STACK_OF(X509) * bundle)
{
    int members = (pool == NULL ? 0 : sk_X509_num(pool)) + (bundle == NULL ? 0 : sk_X509_num(bundle));

    return (struct search){.left = SEARCH_LEAST + SEARCH_PER_MEMBER * members};
}

static int say_spent(struct error *err)
{
    error_set(err, ERROR_INVALID_ARGUMENT,
              "too many of the certificates bear one name: which of them issued which is not searched for");
    return error_hint(err, "leave out those that do not belong to the chain");
}

/* Names that match are not enough: a CA may have had several keys under one name. */
static bool is_issued_by(X509 *certificate, X509 *issuer, struct search *search)
{
    bool issued;

    if (search->spent || X509_check_issued(issuer, certificate) != X509_V_OK)
        return false;
    search->spent = search->left-- == 0;
    if (search->spent)
        return false;
    issued = X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
    ERR_clear_error();
    return issued;
}

static X509 *find_issuer(X509 *certificate, STACK_OF(X509) * pool, struct search *search)
{
    for (int i = 0; i < sk_X509_num(pool); i++) {
        if (is_issued_by(certificate, sk_X509_value(pool, i), search))
            return sk_X509_value(pool, i);
    }
    return NULL;
}

/* The issuers above the leaf as far as the pool leads, the root among them if it does. NULL: out of memory.
 */
static STACK_OF(X509) * climb(X509 *leaf, STACK_OF(X509) * pool, struct search *search)
{
    STACK_OF(X509) *issuers = sk_X509_new_null();
    X509 *last = leaf;

    while (issuers != NULL && sk_X509_num(issuers) < CHAIN_DEPTH_MAX && !x509_is_self_signed(last)) {
        last = find_issuer(last, pool, search);
        if (last == NULL)
            break;
        if (sk_X509_push(issuers, last) <= 0) {
            x509_bundle_free(issuers);
            issuers = NULL;
        } else {
            X509_up_ref(last);
        }
    }
    return issuers;
}

STACK_OF(X509) * x509_order_chain(X509 *leaf, STACK_OF(X509) * pool)
{
    struct search search = search_among(pool, NULL);
    STACK_OF(X509) *issuers = climb(leaf, pool, &search);
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
    struct search search = search_among(pool, NULL);
    int result = -1;

    *issuers = NULL;
    if (x509_is_self_signed(leaf)) {
        *issuers = sk_X509_new_null();
        return *issuers != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
    }
    /* OpenSSL takes the first issuer whose name fits and does not look for another */
    path = climb(leaf, pool, &search);
    if (path != NULL && search.spent) {
        say_spent(err);
        goto out;
    }
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

/* Moves on what `issuer` issued, out of those that are left. */
static int move_issued(STACK_OF(X509) * left, X509 *issuer, STACK_OF(X509) * ordered, struct search *search)
{
    for (int i = 0; i < sk_X509_num(left); i++) {
        if (!is_issued_by(sk_X509_value(left, i), issuer, search))
            continue;
        if (sk_X509_push(ordered, sk_X509_value(left, i)) <= 0)
            return -1;
        sk_X509_delete(left, i--);
    }
    return 0;
}

static bool is_in(X509 *certificate, STACK_OF(X509) * pool)
{
    for (int i = 0; i < sk_X509_num(pool); i++) {
        if (X509_cmp(certificate, sk_X509_value(pool, i)) == 0)
            return true;
    }
    return false;
}

/* Moves on those that need no other one: roots, and what the pool holds already. */
static int move_first(STACK_OF(X509) * left, STACK_OF(X509) * pool, STACK_OF(X509) * ordered)
{
    for (int i = 0; i < sk_X509_num(left); i++) {
        X509 *certificate = sk_X509_value(left, i);

        if (!x509_is_self_signed(certificate) && !is_in(certificate, pool))
            continue;
        if (sk_X509_push(ordered, certificate) <= 0)
            return -1;
        sk_X509_delete(left, i--);
    }
    return 0;
}

int x509_roots_first(STACK_OF(X509) * bundle, STACK_OF(X509) * pool, STACK_OF(X509) * *ordered, X509 **orphan,
                     struct error *err)
{
    struct search search = search_among(pool, bundle);
    STACK_OF(X509) *left = X509_chain_up_ref(bundle);
    int failed = -1;

    *orphan = NULL;
    *ordered = sk_X509_new_null();
    if (left != NULL && *ordered != NULL)
        failed = move_first(left, pool, *ordered);
    for (int i = 0; failed == 0 && i < sk_X509_num(pool); i++)
        failed = move_issued(left, sk_X509_value(pool, i), *ordered, &search);
    for (int i = 0; failed == 0 && i < sk_X509_num(*ordered); i++)
        failed = move_issued(left, sk_X509_value(*ordered, i), *ordered, &search);
    if (failed != 0) {
        error_set(err, ERROR_INTERNAL, "out of memory");
    } else if (search.spent) {
        failed = say_spent(err);
    } else if (sk_X509_num(left) > 0) {
        *orphan = sk_X509_value(left, 0); /* the bundle has it, too */
        failed = error_set(err, ERROR_UNTRUSTED, "the issuer of a certificate is missing");
    }
    x509_bundle_free(left);
    if (failed != 0) {
        x509_bundle_free(*ordered);
        *ordered = NULL;
    }
    return failed;
}
