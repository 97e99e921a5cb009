#include "net/verdict.h"

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
    return verdict_ask(ssl, verdict) ? 1 : 0;
}

void verdict_guard(SSL *ssl, struct verdict *verdict)
{
    SSL_set_cert_cb(ssl, on_certificate_wanted, verdict);
}

void verdict_guard_context(SSL_CTX *context, struct verdict *verdict)
{
    SSL_CTX_set_cert_cb(context, on_certificate_wanted, verdict);
}

bool verdict_ask(SSL *ssl, struct verdict *verdict)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    char host[HOST_PORT_TEXT_MAX];

    if (!verdict->given && certificate == NULL) {
        host_port_format(&verdict->request->host, host);
        verdict->trust = (struct trust_verdict){.outcome = TRUST_UNDECIDED};
        error_set(&verdict->trust.error, ERROR_UNTRUSTED, "%s showed no certificate", host);
    } else if (!verdict->given) {
        trust_judge(verdict->store, verdict->request, certificate, &verdict->trust);
    }
    verdict->given = true;
    return trust_is_accepted(verdict->trust.outcome);
}
