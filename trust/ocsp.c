#include "trust/ocsp.h"

#include "base/text.h"
#include "trust/internal.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/http.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int trust_check_responder(const char *url, struct error *err)
{
    static const char scheme[] = "http://";
    size_t length = strlen(url);
    char *host = NULL;
    int port = 0;
    int parsed;

    for (size_t i = 0; i < length; i++) {
        if (url[i] <= ' ' || url[i] > '~' || strchr("\"<>\\^`{|}", url[i]) != NULL)
            return error_set(err, ERROR_INVALID_ARGUMENT,
                             "the address of an OCSP responder is printable ASCII without blanks");
    }
    if (length >= OCSP_URL_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the address of an OCSP responder has at most %d bytes",
                         OCSP_URL_MAX - 1);
    if (strncasecmp(url, scheme, strlen(scheme)) != 0)
        return error_set(
            err, ERROR_INVALID_ARGUMENT,
            "\"%.100s\" is not http://<host>[:<port>][/<path>]; an OCSP answer is signed and needs no "
            "https",
            url);
    parsed = strchr(url, '@') == NULL &&
             OSSL_HTTP_parse_url(url, NULL, NULL, &host, NULL, &port, NULL, NULL, NULL);
    parsed = parsed == 1 && host[0] != '\0' && port >= 1 && port <= 65535;
    OPENSSL_free(host);
    ERR_clear_error();
    return parsed ? 0
                  : error_set(err, ERROR_INVALID_ARGUMENT,
                              "\"%.100s\" is not http://<host>[:<port>][/<path>]", url);
}

static void add_url(struct ocsp_subject *subject, const char *url)
{
    if (subject->url_count == OCSP_URLS || url[0] == '\0' || trust_check_responder(url, NULL) != 0)
        return;
    snprintf(subject->urls[subject->url_count++], OCSP_URL_MAX, "%s", url);
}

static void add_named(struct ocsp_subject *subject, X509 *certificate)
{
    STACK_OF(OPENSSL_STRING) *named = X509_get1_ocsp(certificate);

    for (int i = 0; i < sk_OPENSSL_STRING_num(named); i++)
        add_url(subject, sk_OPENSSL_STRING_value(named, i));
    X509_email_free(named);
    ERR_clear_error();
}

/* About this certificate of this issuer, from these responders: others that are asked tomorrow may know
 * better. */
static int make_key(struct ocsp_subject *subject, OCSP_CERTID *id)
{
    unsigned char *der = NULL;
    int length = i2d_OCSP_CERTID(id, &der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int made = length > 0 && context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
               EVP_DigestUpdate(context, der, (size_t)length) == 1;

    for (size_t i = 0; made && i < subject->url_count; i++)
        made = EVP_DigestUpdate(context, subject->urls[i], strlen(subject->urls[i]) + 1) == 1;
    made = made && EVP_DigestFinal_ex(context, subject->key, NULL) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    return made ? 0 : -1;
}

static OCSP_CERTID *make_id(const struct ocsp_subject *subject)
{
    return OCSP_cert_to_id(NULL, sk_X509_value(subject->path, subject->depth),
                           sk_X509_value(subject->path, subject->depth + 1));
}

static int name_subject(struct ocsp_subject *subject, struct error *err)
{
    OCSP_CERTID *id = make_id(subject);
    int result = id == NULL ? -1 : make_key(subject, id);

    OCSP_CERTID_free(id);
    return result == 0 ? 0
                       : x509_error(err, ERROR_INTERNAL, "cannot name a certificate to an OCSP responder");
}

int ocsp_subject_init(struct ocsp_subject *subject, STACK_OF(X509) * path, int depth, X509_STORE *anchors,
                      const struct ocsp_setting *setting, struct error *err)
{
    subject->path = path;
    subject->depth = depth;
    subject->anchors = anchors;
    subject->url_count = 0;
    if (setting->custom) {
        for (size_t i = 0; i < OCSP_URLS; i++)
            add_url(subject, setting->urls[i]);
    } else {
        add_named(subject, sk_X509_value(path, depth));
    }
    return subject->url_count == 0 ? 0 : name_subject(subject, err);
}

static int64_t time_ms(const ASN1_GENERALIZEDTIME *time)
{
    struct tm tm;

    return time != NULL && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static int bad(struct error *err, const char *what)
{
    return x509_error(err, ERROR_UNTRUSTED, "%s", what);
}

/* Within its time? Then how long it is kept. */
static int check_times(const ASN1_GENERALIZEDTIME *this_update, const ASN1_GENERALIZEDTIME *next_update,
                       int64_t now_ms, struct ocsp_entry *out, struct error *err)
{
    int64_t this_ms = time_ms(this_update);
    int64_t next_ms = time_ms(next_update);

    if (this_ms == 0 || (next_update != NULL && next_ms <= this_ms))
        return bad(err, "the answer's times make no sense");
    if (this_ms > now_ms + OCSP_SKEW_S * 1000LL)
        return bad(err, "the answer is from the future: one of the two clocks is wrong");
    if (next_update == NULL)
        next_ms = this_ms + OCSP_OPEN_END_S * 1000LL;
    if (next_ms + OCSP_SKEW_S * 1000LL < now_ms)
        return bad(err, "the answer is stale: its time is over");
    out->until_ms = next_update == NULL ? now_ms + OCSP_OPEN_END_KEPT_MS : next_ms;
    if (out->until_ms > now_ms + OCSP_KEPT_MOST_MS)
        out->until_ms = now_ms + OCSP_KEPT_MOST_MS;
    return 0;
}

static int find_status(const struct ocsp_subject *subject, OCSP_BASICRESP *basic, int64_t now_ms,
                       struct ocsp_entry *out, struct error *err)
{
    OCSP_CERTID *id = make_id(subject);
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    ASN1_GENERALIZEDTIME *revoked = NULL;
    int status = -1;
    int reason = -1;
    int found =
        id == NULL ? 0
                   : OCSP_resp_find_status(basic, id, &status, &reason, &revoked, &this_update, &next_update);

    OCSP_CERTID_free(id);
    if (found != 1)
        return bad(err, "the answer is about another certificate");
    if (check_times(this_update, next_update, now_ms, out, err) != 0)
        return -1;
    out->status = status == V_OCSP_CERTSTATUS_GOOD      ? OCSP_GOOD
                  : status == V_OCSP_CERTSTATUS_REVOKED ? OCSP_REVOKED
                                                        : OCSP_UNKNOWN;
    if (out->status == OCSP_REVOKED) {
        out->revoked_ms = time_ms(revoked);
        snprintf(out->why, sizeof(out->why), "%s", reason < 0 ? "" : OCSP_crl_reason_str(reason));
    }
    return 0;
}

/* The first answer with a signature of somebody who may give it. */
static int check_signature(const struct ocsp_subject *subject, OCSP_BASICRESP *basic, struct error *err)
{
    /* Who signs is among the issuers, or comes with the answer and was appointed by the issuer itself. */
    if (OCSP_basic_verify(basic, subject->path, subject->anchors, OCSP_NOEXPLICIT) == 1)
        return 0;
    return bad(err, "the answer is not signed by the CA, nor by whom it appointed for this");
}

int ocsp_read(const struct ocsp_subject *subject, const void *answer, size_t length, int64_t now_ms,
              struct ocsp_entry *out, struct error *err)
{
    const unsigned char *at = answer;
    OCSP_RESPONSE *response = NULL;
    OCSP_BASICRESP *basic = NULL;
    int result = -1;

    memset(out, 0, sizeof(*out));
    if (length > TRUST_OCSP_ANSWER_MAX)
        return error_set(err, ERROR_UNTRUSTED, "the answer has more than %d bytes", TRUST_OCSP_ANSWER_MAX);
    if (length > 0)
        response = d2i_OCSP_RESPONSE(NULL, &at, (long)length);
    if (response == NULL || at != (const unsigned char *)answer + length) {
        ERR_clear_error();
        error_set(err, ERROR_UNTRUSTED, "the answer is no OCSP response");
        goto out;
    }
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        error_set(err, ERROR_UNTRUSTED, "the responder answered \"%s\"",
                  OCSP_response_status_str(OCSP_response_status(response)));
        goto out;
    }
    basic = OCSP_response_get1_basic(response);
    if (basic == NULL) {
        ERR_clear_error();
        error_set(err, ERROR_UNTRUSTED, "the answer holds none");
        goto out;
    }
    /* Cheap first: who sends junk does not get signatures computed for it. */
    if (find_status(subject, basic, now_ms, out, err) == 0 && check_signature(subject, basic, err) == 0)
        result = 0;
out:
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return result;
}
