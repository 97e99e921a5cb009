#include "net/client_auth.h"

#include "base/text.h"
#include "net/tls.h"
#include "store/pin.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

struct client_auth {
    const struct identity *identity;
    struct store *store;
    uint16_t port;
    struct log *log;
};

/* The caller's address as pins are kept; false where the connection has none. */
static bool peer_of(const SSL *ssl, uint16_t port, struct host_port *out)
{
    char text[HOST_TEXT_MAX];

    out->port = port;
    return tls_caller_address(ssl, text) && host_parse(text, &out->kind, out->host, NULL) == 0;
}

static bool accepts(const struct pin *pin, X509 *certificate)
{
    uint8_t sha256[FINGERPRINT_SIZE], key[FINGERPRINT_SIZE];

    if (x509_fingerprint(certificate, sha256, NULL) != 0 || x509_key_fingerprint(certificate, key, NULL) != 0)
        return false;
    for (size_t i = 0; i < pin->accepted_count; i++) {
        const struct pin_fingerprint *accepted = &pin->accepted[i];

        if (accepted->state != PIN_RETIRED &&
            memcmp(accepted->sha256, accepted->kind == PIN_KEY ? key : sha256, FINGERPRINT_SIZE) == 0)
            return true;
    }
    return false;
}

static bool is_pinned(const struct client_auth *auth, const struct host_port *peer, X509 *certificate)
{
    struct store_txn *txn = store_read(auth->store, NULL);
    char host[HOST_PORT_TEXT_MAX];
    struct pin pin;
    bool pinned;

    if (txn == NULL)
        return false;
    host_port_format(peer, host);
    pinned = pin_get(txn, host, &pin, NULL) == 0 && accepts(&pin, certificate);
    store_end(txn);
    return pinned;
}

static void report(const struct client_auth *auth, const char *peer, X509 *certificate, int reason)
{
    char *subject = x509_subject_reversed(certificate, NULL);

    log_write(auth->log, LOG_LEVEL_WARNING,
              "a caller at %s was refused: its certificate %s is neither pinned nor "
              "from a CA of this node (%s)",
              peer, subject != NULL ? subject : "", X509_verify_cert_error_string(reason));
    free(subject);
}

static int judge(X509_STORE_CTX *context, void *arg)
{
    const struct client_auth *auth = arg;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509 *certificate = X509_STORE_CTX_get0_cert(context);
    struct host_port peer = {0};
    bool known = ssl != NULL && peer_of(ssl, auth->port, &peer);

    if (X509_cmp(certificate, auth->identity->certificate) == 0 ||
        (known && is_pinned(auth, &peer, certificate))) {
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return 1;
    }
    if (X509_verify_cert(context) == 1)
        return 1;
    report(auth, known ? peer.host : "an unknown address", certificate, X509_STORE_CTX_get_error(context));
    ERR_clear_error();
    return 0;
}

static X509_STORE *make_anchors(STACK_OF(X509) * certificates)
{
    X509_STORE *anchors = X509_STORE_new();

    if (anchors == NULL)
        return NULL;
    X509_STORE_set_flags(anchors, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_set_purpose(anchors, X509_PURPOSE_SSL_CLIENT);
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        if (X509_STORE_add_cert(anchors, sk_X509_value(certificates, i)) != 1) {
            X509_STORE_free(anchors);
            return NULL;
        }
    }
    return anchors;
}

struct client_auth *client_auth_require(SSL_CTX *context, const struct identity *identity,
                                        STACK_OF(X509) * anchors, struct store *store, uint16_t port,
                                        struct log *log, struct error *err)
{
    struct client_auth *auth = calloc(1, sizeof(*auth));
    X509_STORE *trusted = make_anchors(anchors);

    if (auth == NULL || trusted == NULL || SSL_CTX_set0_verify_cert_store(context, trusted) != 1) {
        x509_error(err, ERROR_INTERNAL, "cannot have the server ask for client certificates");
        X509_STORE_free(trusted);
        free(auth);
        return NULL;
    }
    *auth = (struct client_auth){.identity = identity, .store = store, .port = port, .log = log};
    SSL_CTX_set_cert_verify_callback(context, judge, auth);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return auth;
}

void client_auth_free(struct client_auth *auth)
{
    free(auth);
}
