/*
 * What a verdict against a zone's CA certificates costs, beside X509_verify_cert() with the same CA
 * certificates: a server's certificate of an intermediate of one of the roots (all RSA-2048), read anew for
 * each, as after a handshake. usage: bench_trust_chain [ca certificates] [verdicts]   prints: cas, us bare,
 * us per verdict and ratio, us to build
 */
#include "base/clock.h"
#include "identity/identity.h"
#include "store/ca.h"
#include "store/policy.h"
#include "trust/trust.h"
#include "x509/bundle.h"
#include "x509/x509.h"

#include <ftw.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SERVERS 1024 /* taken in turn */
#define ROUNDS 20    /* of both in turn: what else the machine does meets both */

struct party {
    EVP_PKEY *key;
    X509 *certificate;
    unsigned char *der;
    int length;
};

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void extend(X509 *certificate, X509 *issuer, const char *name, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_nconf(NULL, &context, name, value);
    if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1)
        fail("no extension");
    X509_EXTENSION_free(extension);
}

static struct party make(const char *subject, const struct party *issuer, bool is_ca, EVP_PKEY *key)
{
    static long serial = 1;
    struct party made = {.key = key != NULL ? key : EVP_RSA_gen(2048), .certificate = X509_new()};
    const struct party *by = issuer != NULL ? issuer : &made;
    X509_NAME *name = x509_parse_subject(subject, NULL);

    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_set_subject_name(made.certificate, name);
    X509_set_issuer_name(made.certificate,
                         issuer == NULL ? name : X509_get_subject_name(issuer->certificate));
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 86400);
    X509_set_pubkey(made.certificate, made.key);
    extend(made.certificate, by->certificate, "basicConstraints", is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    extend(made.certificate, by->certificate, "subjectKeyIdentifier", "hash");
    if (!is_ca) {
        extend(made.certificate, by->certificate, "subjectAltName", "IP:127.0.0.21,DNS:ise.example.com");
        extend(made.certificate, by->certificate, "extendedKeyUsage", "serverAuth");
    }
    if (X509_sign(made.certificate, by->key, EVP_sha256()) <= 0)
        fail("cannot sign");
    made.length = i2d_X509(made.certificate, &made.der);
    X509_NAME_free(name);
    return made;
}

static X509 *read_again(const struct party *party)
{
    const unsigned char *at = party->der;

    return d2i_X509(NULL, &at, party->length);
}

struct filling {
    struct party *cas;
    size_t count;
};

static int fill_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct filling *filling = arg;
    struct trust_ca_count count;

    for (size_t i = 0; i < filling->count; i++) {
        STACK_OF(X509) *one = sk_X509_new_null();
        char alias[32];
        int failed;

        snprintf(alias, sizeof(alias), "ca-%zu", i);
        sk_X509_push(one, filling->cas[i].certificate);
        failed = trust_ca_add(txn, TRUST_ZONE_SYSTEM, alias, one, &count, err);
        sk_X509_free(one);
        if (failed != 0)
            return -1;
    }
    return policy_set(txn, TRUST_ZONE_SYSTEM, TRUST_POLICY_ENABLE, err);
}

struct measured {
    struct store *store;
    X509_STORE *bare;
    const struct party *servers;
    const struct party *inter;
    struct trust_request request;
};

static double time_bare(const struct measured *measured, unsigned servers, unsigned count)
{
    static unsigned next;
    double sum = 0;

    for (unsigned i = 0; i < count; i++) {
        X509 *certificate = read_again(&measured->servers[next++ % servers]);
        STACK_OF(X509) *chain = sk_X509_new_null();
        double start;
        X509_STORE_CTX *context;

        sk_X509_push(chain, certificate);
        X509_up_ref(certificate);
        sk_X509_push(chain, read_again(measured->inter));
        start = cpu_us();
        context = X509_STORE_CTX_new();
        X509_STORE_CTX_init(context, measured->bare, certificate, chain);
        X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
        if (X509_verify_cert(context) != 1)
            fail("the bare verification fails");
        X509_STORE_CTX_free(context);
        sum += cpu_us() - start;
        X509_free(certificate);
        sk_X509_pop_free(chain, X509_free);
    }
    return sum / count;
}

static double time_verdicts(const struct measured *measured, unsigned servers, unsigned count)
{
    static unsigned next;
    double sum = 0;

    for (unsigned i = 0; i < count; i++) {
        struct trust_shown shown = {.certificate = read_again(&measured->servers[next++ % servers]),
                                    .chain = sk_X509_new_null()};
        struct trust_verdict verdict;
        struct trust_need *need;
        double start;

        sk_X509_push(shown.chain, shown.certificate);
        X509_up_ref(shown.certificate);
        sk_X509_push(shown.chain, read_again(measured->inter));
        start = cpu_us();
        trust_judge_shown(measured->store, &measured->request, &shown, &need, &verdict);
        sum += cpu_us() - start;
        if (verdict.outcome != TRUST_VALIDATED)
            fail(verdict.error.message);
        X509_free(shown.certificate);
        sk_X509_pop_free(shown.chain, X509_free);
    }
    return sum / count;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

static void run(struct store *store, size_t cas, unsigned verdicts)
{
    struct filling filling = {.cas = calloc(cas, sizeof(*filling.cas)), .count = cas};
    EVP_PKEY *shared = EVP_RSA_gen(2048); /* for roots that are only there to be looked through */
    struct measured measured = {.store = store, .bare = X509_STORE_new()};
    double bare[ROUNDS], again[ROUNDS], fresh[ROUNDS], again_ratio[ROUNDS], fresh_ratio[ROUNDS], first;
    struct party *servers = calloc(SERVERS, sizeof(*servers));
    struct party inter;
    struct error err = {0};

    for (size_t i = 0; i < cas; i++) {
        char subject[64];

        snprintf(subject, sizeof(subject), "/C=US/O=Example %zu/CN=Example Root %zu", i, i);
        EVP_PKEY_up_ref(shared);
        filling.cas[i] = make(subject, NULL, true, i == cas / 2 ? NULL : shared);
        X509_STORE_add_cert(measured.bare, filling.cas[i].certificate);
    }
    X509_VERIFY_PARAM_set_flags(X509_STORE_get0_param(measured.bare), X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(measured.bare), 2);
    inter = make("/C=US/O=Example/CN=Issuing", &filling.cas[cas / 2], true, NULL);
    for (int i = 0; i < SERVERS; i++) {
        EVP_PKEY_up_ref(shared);
        servers[i] =
            make("/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=ISE-server", &inter, false, shared);
    }
    measured.servers = servers;
    measured.inter = &inter;
    measured.request = (struct trust_request){.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "bench"};
    host_port_parse("127.0.0.21_443", &measured.request.host, &err);
    if (store_run(store, fill_job, &filling, &err) != 0)
        fail(err.message);
    first = time_verdicts(&measured, 1, 1);
    time_bare(&measured, SERVERS, verdicts / 10 + 1);
    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = time_bare(&measured, SERVERS, verdicts / ROUNDS + 1);
        fresh[i] = time_verdicts(&measured, SERVERS, verdicts / ROUNDS + 1);
        again[i] = time_verdicts(&measured, 1, verdicts / ROUNDS + 1);
        fresh_ratio[i] = fresh[i] / bare[i];
        again_ratio[i] = again[i] / bare[i];
    }
    qsort(bare, ROUNDS, sizeof(double), by_size);
    qsort(fresh, ROUNDS, sizeof(double), by_size);
    qsort(again, ROUNDS, sizeof(double), by_size);
    qsort(fresh_ratio, ROUNDS, sizeof(double), by_size);
    qsort(again_ratio, ROUNDS, sizeof(double), by_size);
    printf(
        "a verdict by %zu CAs on a server never seen: %.1f us; X509_verify_cert %.1f us; ratio %.3f (at most "
        "1.1)\n",
        cas, fresh[ROUNDS / 2], bare[ROUNDS / 2], fresh_ratio[ROUNDS / 2]);
    printf("the same on a known server: %.1f us; X509_verify_cert %.1f us; ratio %.3f (at most 1.1)\n",
           again[ROUNDS / 2], bare[ROUNDS / 2], again_ratio[ROUNDS / 2]);
    printf("the CAs' store was built in %.0f us\n", first);
    exit(0);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static char home[] = "/tmp/bench_chain.XXXXXX";
static struct store *store;

static void clean_up(void)
{
    store_close(store);
    nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
    size_t cas = argc > 1 ? strtoul(argv[1], NULL, 10) : 150;
    unsigned verdicts = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
    struct error err = {0};

    if (cas == 0 || cas > TRUST_CAS_MAX || mkdtemp(home) == NULL)
        return 2;
    store = store_open(home, STORE_WRITE, &err);
    if (store == NULL)
        fail(err.message);
    atexit(clean_up);
    run(store, cas, verdicts);
}
