/*
 * What a verdict against a stored pin costs, beside the TLS handshake that it belongs to (both ends in one
 * process, RSA-2048 as a node makes it).
 * usage: bench_trust_judge [pins] [verdicts]      prints: pins, us per verdict, us per handshake, ratio
 */
#include "base/file.h"
#include "identity/identity.h"
#include "store/certificate.h"
#include "trust/trust.h"
#include "x509/x509.h"

#include <errno.h>
#include <ftw.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PINS_A_JOB 1000
#define HANDSHAKES 300

struct batch {
    unsigned first;
    unsigned count;
    const struct certificate_facts *facts;
};

static void address_of(unsigned number, struct host_port *address)
{
    *address = (struct host_port){.kind = HOST_IPV4, .port = 443};
    snprintf(address->host, sizeof(address->host), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
             number & 255);
}

static int batch_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct batch *batch = arg;

    for (unsigned i = 0; i < batch->count; i++) {
        struct pin pin = {.zone = TRUST_ZONE_SYSTEM, .scope = STORE_SCOPE_PAIR, .accepted_count = 1};
        struct host_port address;
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        pin.first_seen_ms = pin.last_seen_ms = (int64_t)now.tv_sec * 1000;
        address_of(batch->first + i, &address);
        host_port_format(&address, pin.host);
        memcpy(pin.accepted[0].sha256, batch->facts->sha256, FINGERPRINT_SIZE);
        memcpy(pin.certificate, batch->facts->sha256, FINGERPRINT_SIZE);
        pin.subject_slash = batch->facts->subject_slash;
        pin.subject_oneline = batch->facts->subject_oneline;
        pin.not_after_ms = batch->facts->not_after_ms;
        if (pin_add(txn, &pin, err) != 0)
            return -1;
    }
    return 0;
}

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double time_verdicts(struct store *store, X509 *certificate, unsigned pins, unsigned verdicts)
{
    struct trust_request request = {.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "bench"};
    struct trust_verdict verdict;
    unsigned state = 1;
    double start = cpu_us();

    for (unsigned i = 0; i < verdicts; i++) {
        state = state * 1664525 + 1013904223;
        address_of((state >> 4) % pins, &request.host);
        trust_judge(store, &request, certificate, &verdict);
        if (verdict.outcome != TRUST_MATCH) {
            fprintf(stderr, "no match: %s\n", verdict.error.message);
            exit(1);
        }
    }
    return (cpu_us() - start) / verdicts;
}

static int accept_any(int verified, X509_STORE_CTX *context)
{
    (void)verified, (void)context;
    return 1;
}

static void shake(SSL_CTX *server_context, SSL_CTX *client_context)
{
    SSL *server = SSL_new(server_context);
    SSL *client = SSL_new(client_context);
    BIO *left = NULL;
    BIO *right = NULL;

    BIO_new_bio_pair(&left, 0, &right, 0);
    SSL_set_bio(server, left, left);
    SSL_set_bio(client, right, right);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 20 && !(SSL_is_init_finished(server) && SSL_is_init_finished(client)); i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    if (!SSL_is_init_finished(client))
        exit(1);
    SSL_free(server);
    SSL_free(client);
}

static double time_handshakes(const struct identity *identity)
{
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    double start;

    SSL_CTX_use_certificate(server, identity->certificate);
    SSL_CTX_use_PrivateKey(server, identity->key);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, accept_any);
    start = cpu_us();
    for (int i = 0; i < HANDSHAKES; i++)
        shake(server, client);
    start = (cpu_us() - start) / HANDSHAKES;
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return start;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

/* The certificate as a peer gets it: read from bytes, which OpenSSL keeps and so need not encode again. */
static X509 *as_received(X509 *certificate)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    X509 *received = length <= 0 ? NULL : x509_read((const char *)der, (size_t)length, NULL);

    OPENSSL_free(der);
    if (received == NULL)
        exit(1);
    return received;
}

static void run(struct store *store, unsigned pins, unsigned verdicts)
{
    static const char *const names[] = {"DNS:ise-server", "IP:127.0.0.21"};
    struct identity_spec spec = {.subject = "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=ISE-server",
                                 .names = names,
                                 .name_count = 2};
    struct identity *identity = identity_generate(&spec, NULL);
    X509 *received = as_received(identity->certificate);
    struct certificate_facts *facts = x509_describe(received, NULL);
    struct error err = {0};
    double verdict_us;
    double handshake_us;

    for (unsigned first = 0; first < pins; first += PINS_A_JOB) {
        struct batch batch = {first, pins - first < PINS_A_JOB ? pins - first : PINS_A_JOB, facts};

        if (store_run(store, batch_job, &batch, &err) != 0) {
            fprintf(stderr, "%s\n", err.message);
            exit(1);
        }
    }
    time_verdicts(store, received, pins, verdicts / 10);
    verdict_us = time_verdicts(store, received, pins, verdicts);
    handshake_us = time_handshakes(identity);
    printf("pins=%u verdict_us=%.2f handshake_us=%.0f ratio=%.4f\n", pins, verdict_us, handshake_us,
           1 + verdict_us / handshake_us);
    x509_facts_free(facts);
    X509_free(received);
    identity_free(identity);
}

int main(int argc, char **argv)
{
    unsigned pins = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    unsigned verdicts = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200000;
    char home[] = "/tmp/bench_trust.XXXXXX";
    struct error err = {0};
    struct store *store;

    if (pins == 0 || verdicts < 10 || mkdtemp(home) == NULL)
        return 2;
    store = store_open(home, STORE_WRITE, &err);
    if (store == NULL) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    run(store, pins, verdicts);
    store_close(store);
    nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
