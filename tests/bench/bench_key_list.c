/* `ncs key listcacerts` with 150 CA certificates, beside `show clock`: whole commands, by turns, medians. */
#include "bench_turns.h"

#include "identity/identity.h"
#include "identity/key.h"
#include "store/certificate.h"
#include "store/own_ca.h"
#include "store/store.h"
#include "x509/x509.h"

#define CERTIFICATES 150
#define TURNS 100

static struct own_ca list[CERTIFICATES];

static int put_one(struct store_txn *txn, int number, struct error *err)
{
    const struct key_kind kind = {KEY_EC, 256};
    char slash[100];
    unsigned char *der = NULL;
    struct certificate_facts *facts;
    struct identity *identity;
    X509_NAME *subject;
    int length;

    snprintf(slash, sizeof(slash), "/C=US/O=Example Trust Services/CN=Example Root CA %d", number);
    subject = x509_parse_subject(slash, err);
    identity = identity_self_signed(key_generate(&kind, NULL, NULL, err), subject, NULL, 0, err);
    X509_NAME_free(subject);
    facts = x509_describe(identity->certificate, err);
    length = i2d_X509(identity->certificate, &der);
    memcpy(list[number].sha256, facts->sha256, FINGERPRINT_SIZE);
    snprintf(list[number].alias, OWN_CA_ALIAS_MAX, "ca-%d", number + 1);
    length = certificate_put(txn, facts, der, (size_t)length, err);
    OPENSSL_free(der);
    x509_facts_free(facts);
    identity_free(identity);
    return length;
}

static int fill(struct store_txn *txn, void *arg, struct error *err)
{
    (void)arg;
    for (int i = 0; i < CERTIFICATES; i++) {
        if (put_one(txn, i, err) != 0)
            return -1;
    }
    return own_ca_set(txn, list, CERTIFICATES, err);
}

int main(void)
{
    char home[] = "/tmp/bench-key.XXXXXX";
    char *ours[] = {"build/bin/primesh", "--home", home, "-c", "ncs key listcacerts", NULL};
    char *reference[] = {"build/bin/primesh", "--home", home, "-c", "show clock", NULL};
    char *remove[] = {"rm", "-rf", home, NULL};
    struct error err = {0};
    struct store *store;
    double medians[2];

    if (mkdtemp(home) == NULL || (store = store_open(home, STORE_WRITE, &err)) == NULL ||
        store_run(store, fill, NULL, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    store_close(store);
    turns_pair(ours, reference, TURNS, medians);
    printf("listcacerts of %d certificates: %.2f ms; show clock %.2f ms, medians of %d; ratio %.2f (at most "
           "3)\n",
           CERTIFICATES, medians[0], medians[1], TURNS, medians[0] / medians[1]);
    turns_run(remove);
    return 0;
}
