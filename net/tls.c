#include "net/tls.h"

#include "x509/x509.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

/* Forward secrecy and authenticated encryption only: whoever calls us is a node, a browser or curl. */
#define SERVER_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* Old appliances know neither ECDHE nor AEAD: level 1 admits RSA key exchange, CBC and 1,024-bit groups, but
 * nothing without encryption or without a certificate. */
#define CLIENT_SECURITY_LEVEL 1
#define CLIENT_CIPHERS "DEFAULT:!aNULL:!eNULL:!PSK:!SRP"

/* With an own certificate at stake a server has to prove its key before ours is shown. In TLS 1.2 only an
 * exchange that the server signs does so that early. */
#define MUTUAL_CLIENT_CIPHERS CLIENT_CIPHERS ":!kRSA"

static int set_common(SSL_CTX *context, struct error *err)
{
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
        return x509_error(err, ERROR_INTERNAL, "cannot set the TLS version");
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    /* A resumed session would show no certificate, and so escape the verdict. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    return 0;
}

static int set_identity(SSL_CTX *context, const struct identity *identity, struct error *err)
{
    if (SSL_CTX_use_certificate(context, identity->certificate) != 1)
        return x509_error(err, ERROR_INVALID_ARGUMENT, "the certificate cannot be used for TLS");
    if (SSL_CTX_use_PrivateKey(context, identity->key) != 1)
        return x509_error(err, ERROR_INVALID_ARGUMENT, "the private key cannot be used for TLS");
    if (SSL_CTX_check_private_key(context) != 1)
        return x509_error(err, ERROR_INVALID_ARGUMENT, "the key and the certificate do not belong together");
    if (identity->chain != NULL && SSL_CTX_set1_chain(context, identity->chain) != 1)
        return x509_error(err, ERROR_INVALID_ARGUMENT, "the chain of certificates cannot be used for TLS");
    return 0;
}

SSL_CTX *tls_server_context(const struct identity *identity, struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL) {
        x509_error(err, ERROR_INTERNAL, "cannot make a TLS context");
        return NULL;
    }
    SSL_CTX_set_security_level(context, 2);
    if (set_common(context, err) == 0 && set_identity(context, identity, err) == 0) {
        if (SSL_CTX_set_cipher_list(context, SERVER_CIPHERS) == 1)
            return context;
        x509_error(err, ERROR_INTERNAL, "cannot set the TLS ciphers");
    }
    SSL_CTX_free(context);
    return NULL;
}

int tls_server_set_versions(SSL_CTX *context, const struct tls_versions *versions, struct error *err)
{
    if (SSL_CTX_set_min_proto_version(context, versions->v12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(context, versions->v13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1)
        return 0;
    return x509_error(err, ERROR_INTERNAL, "cannot set the TLS versions");
}

SSL_CTX *tls_client_context(const struct identity *identity, struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL) {
        x509_error(err, ERROR_INTERNAL, "cannot make a TLS context");
        return NULL;
    }
    if (tls_client_configure(context, identity, err) == 0)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* OpenSSL would build and check a chain only for us to ignore what it found. */
static int leave_to_verdict(X509_STORE_CTX *chain, void *arg)
{
    (void)chain;
    (void)arg;
    return 1;
}

void tls_server_ask_clients(SSL_CTX *context)
{
    SSL_CTX_set_cert_verify_callback(context, leave_to_verdict, NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
}

bool tls_caller_address(const SSL *ssl, char out[HOST_TEXT_MAX])
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    const void *octets;

    if (getpeername(SSL_get_fd(ssl), (struct sockaddr *)&address, &length) != 0)
        return false;
    if (address.ss_family == AF_INET)
        octets = &((struct sockaddr_in *)&address)->sin_addr;
    else if (address.ss_family == AF_INET6)
        octets = &((struct sockaddr_in6 *)&address)->sin6_addr;
    else
        return false;
    return inet_ntop(address.ss_family, octets, out, HOST_TEXT_MAX) != NULL;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int refusals_index = -1; /* of struct tls_refusals among a context's further data */

static void take_index(void)
{
    refusals_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* A client whose callback refuses the certificate (net/verdict.c) has OpenSSL say "internal error". */
static bool is_about_certificate(int alert)
{
    return alert == SSL_AD_BAD_CERTIFICATE || alert == SSL_AD_UNSUPPORTED_CERTIFICATE ||
           alert == SSL_AD_CERTIFICATE_REVOKED || alert == SSL_AD_CERTIFICATE_EXPIRED ||
           alert == SSL_AD_CERTIFICATE_UNKNOWN || alert == SSL_AD_UNKNOWN_CA ||
           alert == SSL_AD_INTERNAL_ERROR;
}

#define ALERT_MASK 0xff /* its kind is the lower octet, its gravity the upper one */

static void on_server_progress(const SSL *ssl, int where, int result)
{
    const struct tls_refusals *refusals = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), refusals_index);
    char address[HOST_TEXT_MAX];

    if (where == SSL_CB_READ_ALERT && is_about_certificate(result & ALERT_MASK) &&
        tls_caller_address(ssl, address))
        refusals->refused(refusals->arg, address);
}

int tls_server_hear_refusals(SSL_CTX *context, const struct tls_refusals *refusals, struct error *err)
{
    pthread_once(&once, take_index);
    if (refusals_index < 0 || SSL_CTX_set_ex_data(context, refusals_index, (void *)(uintptr_t)refusals) != 1)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    SSL_CTX_set_info_callback(context, on_server_progress);
    return 0;
}

int tls_client_configure(SSL_CTX *context, const struct identity *identity, struct error *err)
{
    /* The level is about the handshake. What a certificate is made of (a small key, an MD5 signature) would
     * be judged by the verification that is replaced below: trust_judge() decides, with a sentence, instead
     * of an obscure failure of the handshake. */
    SSL_CTX_set_security_level(context, CLIENT_SECURITY_LEVEL);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_cert_verify_callback(context, leave_to_verdict, NULL);
    /* Most servers have the OCSP answer at hand: it saves asking the CA. */
    SSL_CTX_set_tlsext_status_type(context, TLSEXT_STATUSTYPE_ocsp);
    if (set_common(context, err) != 0)
        return -1;
    if (SSL_CTX_set_cipher_list(context, identity == NULL ? CLIENT_CIPHERS : MUTUAL_CLIENT_CIPHERS) != 1)
        return x509_error(err, ERROR_INTERNAL, "cannot set the TLS ciphers");
    return identity == NULL ? 0 : set_identity(context, identity, err);
}
