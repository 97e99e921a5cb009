/* What the tests of trust/ share: a store of their own and certificates to show. */
#pragma once

#include "base/file.h"
#include "identity/identity.h"
#include "store/certificate.h"
#include "trust/trust.h"
#include "x509/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#define SHOWN 3 /* certificates to show */

struct fixture {
    char home[64];
    struct store *store;
};

static X509 *shown[SHOWN];
static uint8_t shown_sha256[SHOWN][FINGERPRINT_SIZE];

static X509 *fixture_certificate(EVP_PKEY *key, const char *subject, long from_seconds, long to_seconds)
{
    X509 *certificate = X509_new();
    X509_NAME *name = x509_parse_subject(subject, NULL);
    static long serial = 1;

    assert_non_null(name);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_set_version(certificate, X509_VERSION_3);
    X509_set_subject_name(certificate, name);
    X509_set_issuer_name(certificate, name);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_seconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to_seconds);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    X509_NAME_free(name);
    return certificate;
}

static int fixture_make_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHOWN; i++) {
        EVP_PKEY *key = EVP_EC_gen("P-256");

        shown[i] = fixture_certificate(key, "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=ISE-server",
                                       0, 86400);
        x509_fingerprint(shown[i], shown_sha256[i], NULL);
        EVP_PKEY_free(key);
    }
    return 0;
}

static int fixture_free_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHOWN; i++)
        X509_free(shown[i]);
    return 0;
}

static int fixture_open(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    const char *base = getenv("TMPDIR");
    struct error err = {0};

    snprintf(fixture->home, sizeof(fixture->home), "%.40s/trust.XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(fixture->home) == NULL)
        return -1;
    fixture->store = store_open(fixture->home, STORE_WRITE, &err);
    if (fixture->store == NULL)
        print_error("%s\n", err.message);
    *state = fixture;
    return fixture->store == NULL ? -1 : 0;
}

static int fixture_remove(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static int fixture_close(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture->store);
    nftw(fixture->home, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

static struct trust_request request_for(const char *host_port)
{
    struct trust_request request = {
        .zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "HealthMonitorThread"};
    struct error err = {0};

    assert_int_equal(host_port_parse(host_port, &request.host, &err), 0);
    return request;
}

/* What the store says of one host; false where it has no pin. The pin's texts are not to be used. */
static inline bool pin_of(struct store *store, const char *host, struct pin *pin)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    int result;

    assert_non_null(txn);
    result = pin_get(txn, host, pin, &err);
    store_end(txn);
    assert_true(result == 0 || err.code == ERROR_NOT_FOUND);
    return result == 0;
}

static inline bool refused_of(struct store *store, const char *host, struct pin_refused *refused)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    int result;

    assert_non_null(txn);
    result = pin_refused_get(txn, host, refused, &err);
    store_end(txn);
    assert_true(result == 0 || err.code == ERROR_NOT_FOUND);
    return result == 0;
}

struct events {
    size_t count;
    size_t of_kind[PIN_EVENTS];
    struct pin_event last;
    char last_who[64];
};

static inline int count_event(void *arg, const struct pin_event *event)
{
    struct events *events = arg;

    events->count++;
    events->of_kind[event->kind]++;
    events->last = *event;
    snprintf(events->last_who, sizeof(events->last_who), "%s", event->who);
    return 0;
}

static inline struct events events_of(struct store *store, const char *host)
{
    struct events events = {0};
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);

    assert_non_null(txn);
    assert_int_equal(pin_event_each(txn, host, count_event, &events, &err), 0);
    store_end(txn);
    return events;
}

static inline uint64_t revision_of(struct store *store)
{
    struct store_txn *txn = store_read(store, NULL);
    uint64_t revision;

    assert_non_null(txn);
    revision = store_revision(txn);
    store_end(txn);
    return revision;
}

static inline int nothing_job(struct store_txn *txn, void *arg, struct error *err)
{
    (void)txn, (void)arg, (void)err;
    return 0;
}

/* Jobs run in order: once this one is through, so is all that was submitted before. */
static inline void wait_for_jobs(struct store *store)
{
    assert_int_equal(store_run(store, nothing_job, NULL, NULL), 0);
}

struct policy_change {
    enum trust_zone zone;
    enum trust_policy policy;
};

/* Straight into the store, as another version of this program might. */
static inline int policy_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct policy_change *change = arg;

    return policy_set(txn, change->zone, change->policy, err);
}

static inline void put_policy(struct store *store, enum trust_zone zone, enum trust_policy policy)
{
    struct policy_change change = {zone, policy};
    struct error err = {0};

    assert_int_equal(store_run(store, policy_job, &change, &err), 0);
}
