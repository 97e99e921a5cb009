#include "trust/ocsp.h"

#include "base/clock.h"
#include "trust/internal.h"
#include "x509/x509.h"

#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

/* All of it its own: the judgement that it comes from is over. */
struct trust_need {
    struct ocsp_subject subject;
    unsigned char *request;
    size_t request_length;
};

/* No nonce: an answer may have been made in advance, and is kept anyway (RFC 5019 section 4). */
static unsigned char *make_request(const struct ocsp_subject *subject, size_t *length)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, sk_X509_value(subject->path, subject->depth),
                                      sk_X509_value(subject->path, subject->depth + 1));
    unsigned char *der = NULL;
    int size = -1;

    if (request != NULL && id != NULL && OCSP_request_add0_id(request, id) != NULL) {
        id = NULL;
        size = i2d_OCSP_REQUEST(request, &der);
    }
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    *length = size > 0 ? (size_t)size : 0;
    return size > 0 ? der : NULL;
}

struct trust_need *ocsp_need_new(const struct ocsp_subject *subject, struct error *err)
{
    struct trust_need *need = calloc(1, sizeof(*need));

    if (need != NULL) {
        need->subject = *subject;
        need->subject.path = X509_chain_up_ref(subject->path);
        X509_STORE_up_ref(subject->anchors);
        if (need->subject.path != NULL)
            need->request = make_request(subject, &need->request_length);
        if (need->request != NULL)
            return need;
        trust_need_free(need);
    }
    x509_error(err, ERROR_INTERNAL, "cannot make an OCSP request");
    return NULL;
}

void trust_need_free(struct trust_need *need)
{
    if (need == NULL)
        return;
    OPENSSL_free(need->request);
    X509_STORE_free(need->subject.anchors);
    sk_X509_pop_free(need->subject.path, X509_free);
    free(need);
}

size_t trust_need_urls(const struct trust_need *need)
{
    return need->subject.url_count;
}

const char *trust_need_url(const struct trust_need *need, size_t index)
{
    return need->subject.urls[index];
}

const uint8_t *trust_need_request(const struct trust_need *need, size_t *length)
{
    *length = need->request_length;
    return need->request;
}

int trust_need_settle(const struct trust_need *need, const void *answer, size_t length, struct error *err)
{
    struct ocsp_entry entry;

    if (ocsp_read(&need->subject, answer, length, clock_wall_ms(), &entry, err) != 0)
        return -1;
    ocsp_cache_put(need->subject.key, &entry);
    return 0;
}

void trust_need_give_up(const struct trust_need *need, const char *why)
{
    struct ocsp_entry entry = {.status = OCSP_NO_ANSWER, .until_ms = clock_wall_ms() + TRUST_OCSP_RETRY_MS};

    trust_copy_cut(entry.why, sizeof(entry.why), why);
    ocsp_cache_put(need->subject.key, &entry);
}
