#include "trust/chain.h"

#include "base/clock.h"
#include "base/text.h"
#include "trust/internal.h"
#include "trust/path_cache.h"
#include "x509/names.h"
#include "x509/x509.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_NAME_MAX 200  /* bytes of a subject or issuer in a sentence */
#define SHOWN_NAMES_MAX 300 /* of the alternative names */

/* One certificate that does not hold. */
struct fault {
    int reason; /* X509_V_ERR_... */
    int depth;
    X509 *certificate;
    const struct trust_request *request;
    struct error *err;
};

static void format_name(const X509_NAME *name, char out[SHOWN_NAME_MAX])
{
    char *text = x509_name_reversed(name, NULL);

    trust_copy_cut(out, SHOWN_NAME_MAX, text);
    free(text);
}

void chain_place(int depth, X509 *certificate, char out[CHAIN_PLACE_MAX])
{
    char subject[SHOWN_NAME_MAX];

    format_name(X509_get_subject_name(certificate), subject);
    if (depth == 0)
        snprintf(out, CHAIN_PLACE_MAX, "the server's certificate, %s,", subject);
    else
        snprintf(out, CHAIN_PLACE_MAX, "certificate %d of its chain, %s,", depth + 1, subject);
}

static enum trust_outcome say_no_issuer(const struct fault *fault, const char *place)
{
    const char *zone = trust_zone_name(fault->request->zone);
    char issuer[SHOWN_NAME_MAX];

    format_name(X509_get_issuer_name(fault->certificate), issuer);
    if (fault->reason == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
        error_set(fault->err, ERROR_UNTRUSTED,
                  "%s ends the chain, and is not in the trust store of the zone %s", place, zone);
    else
        error_set(
            fault->err, ERROR_UNTRUSTED,
            "%s was issued by %s, which the server does not send and the trust store of the zone %s does "
            "not hold",
            place, issuer, zone);
    error_hint(
        fault->err,
        "let the server send its whole chain, or take the issuer in, checked with its owner: ncs "
        "certvalidation trusted-ca-store importcacert alias <alias> repository <name> <file> truststore "
        "%s",
        zone);
    return TRUST_NO_ISSUER;
}

static enum trust_outcome say_self_signed(const struct fault *fault, const char *place)
{
    const char *zone = trust_zone_name(fault->request->zone);

    error_set(fault->err, ERROR_UNTRUSTED, "%s is self-signed, and not in the trust store of the zone %s",
              place, zone);
    error_hint(fault->err,
               "give the server a certificate of a CA, or trust this very one: ncs certvalidation "
               "trusted-ca-store importcacert alias <alias> repository <name> <file> truststore %s",
               zone);
    return TRUST_SELF_SIGNED;
}

static enum trust_outcome say_times(const struct fault *fault, const char *place)
{
    bool expired = fault->reason == X509_V_ERR_CERT_HAS_EXPIRED;
    int64_t not_before_ms = 0;
    int64_t not_after_ms = 0;
    char when[CLOCK_TEXT_MAX];

    x509_validity(fault->certificate, &not_before_ms, &not_after_ms, NULL);
    clock_format(expired ? not_after_ms : not_before_ms, when);
    if (expired)
        error_set(fault->err, ERROR_UNTRUSTED, "%s expired on %s", place, when);
    else
        error_set(fault->err, ERROR_UNTRUSTED, "%s is not valid before %s", place, when);
    error_hint(fault->err, "%s",
               expired ? "renew it at the server; and see that the clock here is right: show clock"
                       : "see that the clock here is right: show clock");
    return expired ? TRUST_EXPIRED : TRUST_NOT_YET_VALID;
}

static enum trust_outcome say_weak(const struct fault *fault, const char *place)
{
    struct certificate_facts *facts = x509_describe(fault->certificate, NULL);
    bool is_signature = fault->reason == X509_V_ERR_CA_MD_TOO_WEAK;

    error_set(fault->err, ERROR_UNTRUSTED, "%s has a %s that can be forged today: %s", place,
              is_signature ? "signature" : "key",
              facts == NULL ? "unreadable" : (is_signature ? facts->signature : facts->key));
    error_hint(fault->err, "it needs an RSA key of at least 2048 bits or an EC key, and SHA-256 or better");
    x509_facts_free(facts);
    return TRUST_WEAK;
}

/* RFC 5480 section 2.1.1: a curve made up for the purpose (CVE-2020-0601) looks like a well-known one. */
static enum trust_outcome say_unnamed_curve(const struct fault *fault, const char *place)
{
    error_set(fault->err, ERROR_UNTRUSTED,
              "%s has an EC key that spells its curve out, and so could bear one made to be forged", place);
    error_hint(fault->err, "it needs a key on a curve given by name, such as P-256");
    return TRUST_WEAK;
}

static enum trust_outcome say_wrong_use(const struct fault *fault, const char *place)
{
    error_set(fault->err, ERROR_UNTRUSTED,
              "%s may not be used %s: its key usage or extended key usage leaves that out", place,
              fault->depth == 0 ? "by a TLS server" : "to issue certificates of TLS servers");
    return TRUST_WRONG_USE;
}

static enum trust_outcome say_broken(const struct fault *fault, const char *place)
{
    switch (fault->reason) {
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        error_set(fault->err, ERROR_UNTRUSTED, "%s allows fewer CA certificates below it than there are",
                  place);
        break;
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
        error_set(fault->err, ERROR_UNTRUSTED,
                  "%s has a name that the name constraints of its issuers do not allow", place);
        break;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
        error_set(fault->err, ERROR_UNTRUSTED, "%s is no CA certificate, and yet issued another one", place);
        break;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        error_set(fault->err, ERROR_UNTRUSTED, "%s has a signature that its issuer did not make", place);
        break;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
        error_set(fault->err, ERROR_UNTRUSTED,
                  "%s has a critical extension that is not known here, and so may not be used", place);
        break;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        error_set(fault->err, ERROR_UNTRUSTED, "%s is too far from any CA certificate", place);
        break;
    default:
        error_set(fault->err, ERROR_UNTRUSTED, "%s breaks the chain: %s", place,
                  X509_verify_cert_error_string(fault->reason));
    }
    return TRUST_BROKEN_CHAIN;
}

static enum trust_outcome say(const struct fault *fault)
{
    char place[CHAIN_PLACE_MAX];

    chain_place(fault->depth, fault->certificate, place);
    switch (fault->reason) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return say_no_issuer(fault, place);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return say_self_signed(fault, place);
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return say_times(fault, place);
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return say_weak(fault, place);
    case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
        return say_unnamed_curve(fault, place);
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_CERT_REJECTED:
        return say_wrong_use(fault, place);
    default:
        return say_broken(fault, place);
    }
}

static enum trust_outcome say_wrong_name(X509 *certificate, const struct trust_request *request,
                                         struct error *err)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct text text = {0};
    char shown[SHOWN_NAMES_MAX];

    x509_add_names(&text, names, ", ");
    trust_copy_cut(shown, sizeof(shown), text.data);
    if (shown[0] == '\0')
        error_set(
            err, ERROR_UNTRUSTED,
            "the server's certificate has no alternative names, so it is for no host at all, %s included",
            request->host.host);
    else
        error_set(err, ERROR_UNTRUSTED, "the server's certificate is for %s, not for %s", shown,
                  request->host.host);
    error_hint(err,
               "connect to a name or address that the certificate has, or give the server one with %s:%s",
               request->host.kind == HOST_NAME ? "DNS" : "IP", request->host.host);
    text_free(&text);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return TRUST_WRONG_NAME;
}

/* RFC 6125: the alternative names count, the common name does not, and "*" stands for one whole label. */
static bool is_named(X509 *certificate, const struct host_port *host)
{
    const unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    unsigned char address[sizeof(struct in6_addr)];

    if (host->kind == HOST_NAME)
        return X509_check_host(certificate, host->host, 0, flags, NULL) == 1;
    if (host->kind == HOST_IPV4 && inet_pton(AF_INET, host->host, address) == 1)
        return X509_check_ip(certificate, address, sizeof(struct in_addr), 0) == 1;
    return inet_pton(AF_INET6, host->host, address) == 1 &&
           X509_check_ip(certificate, address, sizeof(struct in6_addr), 0) == 1;
}

/* The chain holds: is its first certificate this server's? */
static enum trust_outcome check_server(X509 *certificate, int length, const struct trust_request *request,
                                       struct trust_verdict *verdict)
{
    char place[CHAIN_PLACE_MAX];

    verdict->failed_depth = 0;
    /* Who has a CA's key at hand on a server can make certificates with it. One that an admin took into the
     * trust store himself is his decision. */
    if (length > 1 && (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0) {
        chain_place(0, certificate, place);
        error_set(&verdict->error, ERROR_UNTRUSTED, "%s is a CA's, not a server's", place);
        return TRUST_WRONG_USE;
    }
    if (!is_named(certificate, &request->host))
        return say_wrong_name(certificate, request, &verdict->error);
    verdict->failed_depth = -1;
    return TRUST_VALIDATED;
}

static enum trust_outcome explain_failure(X509_STORE_CTX *context, const struct trust_request *request,
                                          struct trust_verdict *verdict)
{
    struct fault fault = {.reason = X509_STORE_CTX_get_error(context),
                          .depth = X509_STORE_CTX_get_error_depth(context),
                          .certificate = X509_STORE_CTX_get_current_cert(context),
                          .request = request,
                          .err = &verdict->error};

    if (fault.reason == X509_V_ERR_OUT_OF_MEM || fault.reason == X509_V_OK ||
        fault.reason == X509_V_ERR_UNSPECIFIED) {
        error_set(&verdict->error, ERROR_INTERNAL, "its chain could not be verified");
        return TRUST_UNDECIDED;
    }
    if (fault.certificate == NULL) {
        fault.certificate = X509_STORE_CTX_get0_cert(context);
        fault.depth = 0;
    }
    verdict->failed_depth = fault.depth;
    return say(&fault);
}

/* TRUST_VALIDATED with *path, or what is wrong with the chain. */
static enum trust_outcome find_path(X509_STORE *anchors, const struct trust_request *request,
                                    const struct trust_shown *shown, int64_t now_ms, STACK_OF(X509) * *path,
                                    struct trust_verdict *verdict)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    enum trust_outcome outcome = TRUST_UNDECIDED;

    if (context == NULL || X509_STORE_CTX_init(context, anchors, shown->certificate, shown->chain) != 1) {
        x509_error(&verdict->error, ERROR_INTERNAL, "its chain could not be verified");
        goto out;
    }
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    X509_STORE_CTX_set_time(context, 0, (time_t)(now_ms / 1000));
    if (X509_verify_cert(context) != 1) {
        outcome = explain_failure(context, request, verdict);
        goto out;
    }
    *path = X509_STORE_CTX_get1_chain(context);
    if (*path != NULL)
        outcome = TRUST_VALIDATED;
    else
        error_set(&verdict->error, ERROR_INTERNAL, "out of memory");
out:
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return outcome;
}

enum trust_outcome chain_verify(const struct anchors *anchors, const struct trust_request *request,
                                const struct trust_shown *shown, int64_t now_ms, STACK_OF(X509) * *path,
                                struct trust_verdict *verdict)
{
    const struct path_shown what = {.anchors = anchors->number,
                                    .sha256 = verdict->shown_sha256,
                                    .certificate = shown->certificate,
                                    .chain = shown->chain};
    enum trust_outcome outcome = TRUST_VALIDATED;
    bool worth_keeping = path_cache_get(&what, now_ms, path);

    if (*path == NULL) {
        outcome = find_path(anchors->store, request, shown, now_ms, path, verdict);
        if (outcome == TRUST_VALIDATED && worth_keeping)
            path_cache_put(&what, *path);
    }
    if (outcome == TRUST_VALIDATED)
        outcome = check_server(shown->certificate, sk_X509_num(*path), request, verdict);
    if (outcome != TRUST_VALIDATED) {
        sk_X509_pop_free(*path, X509_free);
        *path = NULL;
    }
    return outcome;
}
