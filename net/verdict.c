#include "net/verdict.h"

#include "base/clock.h"
#include "net/ocsp_fetch.h"

#include <pthread.h>

/* In TLS 1.2 with RSA key exchange nothing is proved before the server's last message of the handshake. */
static bool has_proved_its_key(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);

    return SSL_version(ssl) >= TLS1_3_VERSION ||
           (cipher != NULL && SSL_CIPHER_get_kx_nid(cipher) != NID_kx_rsa);
}

static int on_certificate_wanted(SSL *ssl, void *verdict)
{
    /* With a certificate of our own RSA key exchange is not offered (net/tls.c): here none is at stake. */
    if (!has_proved_its_key(ssl))
        return 1;
    if (verdict_ask(ssl, verdict))
        return 1;
    return ((const struct verdict *)verdict)->given ? 0 : -1;
}

void verdict_guard(SSL *ssl, struct verdict *verdict)
{
    SSL_set_cert_cb(ssl, on_certificate_wanted, verdict);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int verdict_index = -1; /* of the verdict among a context's further data */

static void take_index(void)
{
    verdict_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* The protocols in which the login comes before whatever libcurl would ask us about: SMTP after STARTTLS. */
static void on_progress(const SSL *ssl, int where, int result)
{
    struct verdict *verdict = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), verdict_index);
    SSL *connection = (SSL *)(uintptr_t)ssl;

    (void)result;
    if (!(where & SSL_CB_HANDSHAKE_DONE) || verdict_ask(connection, verdict))
        return;
    /* SSL_write(3) fails from here on */
    SSL_set_shutdown(connection, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

int verdict_guard_context(SSL_CTX *context, struct verdict *verdict, struct error *err)
{
    pthread_once(&once, take_index);
    if (verdict_index < 0 || SSL_CTX_set_ex_data(context, verdict_index, verdict) != 1)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    SSL_CTX_set_cert_cb(context, on_certificate_wanted, verdict);
    SSL_CTX_set_info_callback(context, on_progress);
    return 0;
}

/* Judges; true: the verdict stands. */
static bool judge(struct verdict *verdict, const struct trust_shown *shown)
{
    bool may_need = verdict->needs < TRUST_NEEDS_MAX;

    trust_judge_shown(verdict->store, verdict->request, shown, may_need ? &verdict->need : NULL,
                      &verdict->trust);
    verdict->needs += verdict->need != NULL;
    return verdict->need == NULL;
}

/* Waits for the answer here and now. */
static void settle(struct verdict *verdict)
{
    int64_t left_ms = verdict->fetch_end_ms - clock_monotonic_ms();

    ocsp_fetch(verdict->need, left_ms > OCSP_FETCH_MS ? OCSP_FETCH_MS : (int)left_ms);
    trust_need_free(verdict->need);
    verdict->need = NULL;
}

static bool judge_shown(SSL *ssl, X509 *certificate, struct verdict *verdict)
{
    const unsigned char *stapled = NULL;
    long length = SSL_get_tlsext_status_ocsp_resp(ssl, &stapled);
    const struct trust_shown shown = {
        .certificate = certificate,
        .chain = SSL_get_peer_cert_chain(ssl),
        .stapled = length > 0 ? stapled : NULL,
        .stapled_length = length > 0 ? (size_t)length : 0,
    };

    while (!judge(verdict, &shown)) {
        if (verdict->fetch_end_ms == 0)
            return false;
        settle(verdict);
    }
    return true;
}

bool verdict_ask(SSL *ssl, struct verdict *verdict)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    char host[HOST_PORT_TEXT_MAX];

    if (!verdict->given && certificate == NULL) {
        host_port_format(&verdict->request->host, host);
        verdict->trust = (struct trust_verdict){.outcome = TRUST_UNDECIDED, .failed_depth = -1};
        error_set(&verdict->trust.error, ERROR_UNTRUSTED, "%s showed no certificate", host);
        verdict->given = true;
    } else if (!verdict->given && verdict->need == NULL) {
        verdict->given = judge_shown(ssl, certificate, verdict);
    }
    return verdict_passes(verdict);
}

bool verdict_passes(const struct verdict *verdict)
{
    if (!verdict->given)
        return false;
    return trust_is_accepted(verdict->trust.outcome) ||
           (verdict->first_contact && verdict->trust.outcome == TRUST_NO_PIN);
}

void verdict_end(struct verdict *verdict)
{
    trust_need_free(verdict->need);
    verdict->need = NULL;
}
