/* The one verdict: first contact, match, refusal, and whatever keeps it from judging. */
#include "tests/unit/test_trust_fixture.h"

#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define TASKS 64
static const char host[] = "127.0.0.21_443";

static enum trust_outcome judge(struct fixture *fixture, const struct trust_request *request,
                                X509 *certificate, struct trust_verdict *verdict)
{
    trust_judge(fixture->store, request, certificate, verdict);
    assert_int_equal(verdict->error.code == ERROR_NONE,
                     trust_is_accepted(verdict->outcome) || verdict->outcome == TRUST_NO_PIN);
    return verdict->outcome;
}

static void first_contact_is_pinned_then_matches(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    struct pin pin;
    struct events events;
    uint64_t revision;

    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_FIRST_USE);
    assert_memory_equal(verdict.pinned_sha256, shown_sha256[0], FINGERPRINT_SIZE);
    assert_string_equal(verdict.subject_reversed,
                        "CN=ISE-server, OU=Prime Infra, O=Cisco Systems, L=SJ, ST=CA, C=US");
    assert_string_equal(verdict.common_name, "ISE-server");
    assert_int_equal(verdict.not_after_ms - verdict.not_before_ms, 86400 * 1000);
    assert_true(pin_of(fixture->store, host, &pin));
    assert_int_equal(pin.accepted_count, 1);
    assert_int_equal(pin.scope, STORE_SCOPE_PAIR);
    events = events_of(fixture->store, host);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.of_kind[PIN_EVENT_FIRST_USE], 1);
    assert_string_equal(events.last_who, "HealthMonitorThread");

    revision = revision_of(fixture->store);
    for (int i = 0; i < 100; i++)
        assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_MATCH);
    assert_int_equal(verdict.pinned_since_ms, pin.first_seen_ms);
    wait_for_jobs(fixture->store);
    assert_int_equal(revision_of(fixture->store), revision); /* matching writes nothing */
}

struct task {
    pthread_barrier_t *start;
    struct fixture *fixture;
    X509 *certificate;
    struct trust_verdict verdict;
};

static void *run_task(void *arg)
{
    struct task *task = arg;
    struct trust_request request = request_for(host);

    pthread_barrier_wait(task->start);
    trust_judge(task->fixture->store, &request, task->certificate, &task->verdict);
    return NULL;
}

/* All at once; `different` of them show another certificate. Gives how many were first. */
static size_t judge_at_once(struct fixture *fixture, struct task tasks[TASKS], size_t different)
{
    pthread_t threads[TASKS];
    pthread_barrier_t start;
    size_t first = 0;

    pthread_barrier_init(&start, NULL, TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        tasks[i] = (struct task){&start, fixture, shown[i < different ? 1 : 0], {0}};
        assert_int_equal(pthread_create(&threads[i], NULL, run_task, &tasks[i]), 0);
    }
    for (size_t i = 0; i < TASKS; i++) {
        pthread_join(threads[i], NULL);
        first += tasks[i].verdict.outcome == TRUST_FIRST_USE;
    }
    pthread_barrier_destroy(&start);
    return first;
}

static void first_contact_of_many_tasks_is_one_pin(void **state)
{
    struct fixture *fixture = *state;
    struct task *tasks = calloc(TASKS, sizeof(*tasks));

    assert_int_equal(judge_at_once(fixture, tasks, 0), 1);
    for (size_t i = 0; i < TASKS; i++) {
        assert_true(trust_is_accepted(tasks[i].verdict.outcome));
        assert_memory_equal(tasks[i].verdict.pinned_sha256, shown_sha256[0], FINGERPRINT_SIZE);
    }
    assert_int_equal(events_of(fixture->store, host).count, 1);
    free(tasks);
}

static void who_loses_the_first_contact_is_compared(void **state)
{
    struct fixture *fixture = *state;
    struct task *tasks = calloc(TASKS, sizeof(*tasks));
    struct pin pin;
    struct events events;

    assert_int_equal(judge_at_once(fixture, tasks, TASKS / 2), 1);
    assert_true(pin_of(fixture->store, host, &pin));
    for (size_t i = 0; i < TASKS; i++) {
        const struct trust_verdict *verdict = &tasks[i].verdict;
        bool same = memcmp(verdict->shown_sha256, pin.certificate, FINGERPRINT_SIZE) == 0;

        assert_int_equal(trust_is_accepted(verdict->outcome), same);
        if (!same)
            assert_int_equal(verdict->outcome, TRUST_MISMATCH);
    }
    events = events_of(fixture->store, host);
    assert_int_equal(events.of_kind[PIN_EVENT_FIRST_USE], 1);
    assert_int_equal(events.of_kind[PIN_EVENT_REFUSED], 1);
    free(tasks);
}

static int age_refused_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct pin_refused refused;

    (void)arg;
    if (pin_refused_get(txn, host, &refused, err) != 0)
        return -1;
    refused.last_seen_ms -= TRUST_REFUSED_INTERVAL_MS;
    return pin_refused_set(txn, host, &refused, err);
}

static void mismatch_is_refused_remembered_and_counted(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    struct pin_refused refused;
    struct store_txn *txn;
    struct certificate_facts facts;
    uint64_t revision;

    judge(fixture, &request, shown[0], &verdict);
    request.mode = TRUST_OBSERVE; /* observing remembers a refusal too */
    assert_int_equal(judge(fixture, &request, shown[1], &verdict), TRUST_MISMATCH);
    assert_int_equal(verdict.error.code, ERROR_PIN_MISMATCH);
    assert_false(verdict.repeated);
    assert_memory_equal(verdict.pinned_sha256, shown_sha256[0], FINGERPRINT_SIZE);
    assert_memory_equal(verdict.shown_sha256, shown_sha256[1], FINGERPRINT_SIZE);
    assert_true(refused_of(fixture->store, host, &refused));
    assert_memory_equal(refused.sha256, shown_sha256[1], FINGERPRINT_SIZE);
    assert_int_equal(refused.times, 1);
    txn = store_read(fixture->store, NULL);
    assert_int_equal(pin_refused_get(txn, host, &refused, NULL), 0);
    assert_int_equal(pin_refused_certificate(txn, &refused, &facts, NULL, NULL, NULL), 0);
    assert_memory_equal(facts.sha256, shown_sha256[1], FINGERPRINT_SIZE);
    assert_string_equal(facts.common_name, "ISE-server");
    /* it goes with that record: whoever shows ever new ones fills nothing */
    assert_int_equal(certificate_get(txn, shown_sha256[1], &facts, NULL, NULL, NULL), -1);
    store_end(txn);
    assert_int_equal(events_of(fixture->store, host).of_kind[PIN_EVENT_REFUSED], 1);

    revision = revision_of(fixture->store);
    for (int i = 0; i < 50; i++)
        assert_int_equal(judge(fixture, &request, shown[1], &verdict), TRUST_MISMATCH);
    assert_true(verdict.repeated);
    assert_int_equal(revision_of(fixture->store), revision); /* not again within the minute */
    assert_int_equal(store_run(fixture->store, age_refused_job, NULL, NULL), 0);
    assert_int_equal(judge(fixture, &request, shown[1], &verdict), TRUST_MISMATCH);
    assert_true(verdict.repeated);
    assert_true(refused_of(fixture->store, host, &refused));
    assert_int_equal(refused.times, 2);
    assert_int_equal(events_of(fixture->store, host).of_kind[PIN_EVENT_REFUSED], 1);

    assert_int_equal(judge(fixture, &request, shown[2], &verdict), TRUST_MISMATCH);
    assert_false(verdict.repeated);
    assert_true(refused_of(fixture->store, host, &refused));
    assert_memory_equal(refused.sha256, shown_sha256[2], FINGERPRINT_SIZE);
    assert_int_equal(events_of(fixture->store, host).of_kind[PIN_EVENT_REFUSED], 2);
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_MATCH);
}

static void mismatch_says_what_to_do_in_whole_commands(void **state)
{
    struct fixture *fixture = *state;
    static const size_t lengths[] = {1, 60, 253};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char name[HOST_PORT_TEXT_MAX];
        char old[FINGERPRINT_TEXT_MAX];
        char new[FINGERPRINT_TEXT_MAX];
        char delete[400];
        char accept[600];
        struct trust_request request;
        struct trust_verdict verdict;

        memset(name, 'a', lengths[i]);
        for (size_t dot = 60; dot < lengths[i]; dot += 61)
            name[dot] = '.';
        memcpy(name + lengths[i], "_65535", 7);
        request = request_for(name);
        assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_FIRST_USE);
        assert_int_equal(judge(fixture, &request, shown[1], &verdict), TRUST_MISMATCH);
        fingerprint_format(shown_sha256[0], old);
        fingerprint_format(shown_sha256[1], new);
        snprintf(delete, sizeof(delete), "ncs certvalidation tofu-certs deletecert host %s ", name);
        snprintf(accept, sizeof(accept), "ncs certvalidation tofu-certs acceptcert host %s fingerprint %s",
                 name, new);
        assert_non_null(strstr(verdict.error.hint, delete));
        assert_non_null(strstr(verdict.error.hint, accept));
        assert_non_null(strstr(verdict.error.message, name));
        assert_non_null(strstr(verdict.error.message, old));
        assert_non_null(strstr(verdict.error.message, new));
        assert_non_null(strstr(verdict.error.message, "first seen 20"));
    }
}

static int age_pin_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct pin pin;

    (void)arg;
    if (pin_get(txn, host, &pin, err) != 0)
        return -1;
    pin.last_seen_ms -= TRUST_SEEN_INTERVAL_MS;
    return pin_update(txn, &pin, err);
}

static void last_sight_is_written_once_an_hour(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    struct pin pin;
    uint64_t revision;
    int64_t began_ms = clock_wall_ms();

    judge(fixture, &request, shown[0], &verdict);
    assert_int_equal(store_run(fixture->store, age_pin_job, NULL, NULL), 0);
    request.mode = TRUST_OBSERVE;
    revision = revision_of(fixture->store);
    judge(fixture, &request, shown[0], &verdict);
    wait_for_jobs(fixture->store);
    assert_int_equal(revision_of(fixture->store), revision);
    request.mode = TRUST_PIN;
    for (int i = 0; i < 20; i++)
        assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_MATCH);
    wait_for_jobs(fixture->store);
    assert_int_equal(revision_of(fixture->store), revision + 1);
    assert_true(pin_of(fixture->store, host, &pin));
    assert_true(pin.last_seen_ms >= began_ms);
}

static void observing_pins_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    uint64_t revision = revision_of(fixture->store);
    struct pin pin;

    request.mode = TRUST_OBSERVE;
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_NO_PIN);
    assert_false(trust_is_accepted(verdict.outcome));
    assert_false(pin_of(fixture->store, host, &pin));
    assert_int_equal(revision_of(fixture->store), revision);
}

static void a_disabled_zone_checks_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    struct pin pin;
    uint64_t revision;

    put_policy(fixture->store, TRUST_ZONE_SYSTEM, TRUST_POLICY_DISABLE);
    revision = revision_of(fixture->store);
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_UNCHECKED);
    assert_false(pin_of(fixture->store, host, &pin));
    assert_int_equal(revision_of(fixture->store), revision);
    request.zone = TRUST_ZONE_USER; /* the other zones go on */
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_FIRST_USE);
}

static void a_pin_stays_unused_while_the_zone_has_cas(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    struct pin pin;

    judge(fixture, &request, shown[0], &verdict);
    put_policy(fixture->store, TRUST_ZONE_SYSTEM, TRUST_POLICY_ENABLE);
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_NO_ISSUER);
    assert_non_null(strstr(verdict.error.message, "the zone system"));
    assert_true(pin_of(fixture->store, host, &pin));
    put_policy(fixture->store, TRUST_ZONE_SYSTEM, TRUST_POLICY_FIRST_USE);
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_MATCH);
}

static void only_the_expected_certificate_is_pinned(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    struct pin pin;

    request.expected_sha256 = shown_sha256[1];
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_NOT_EXPECTED);
    assert_int_equal(verdict.error.code, ERROR_UNTRUSTED);
    assert_memory_equal(verdict.pinned_sha256, shown_sha256[1], FINGERPRINT_SIZE);
    assert_false(pin_of(fixture->store, host, &pin));
    assert_int_equal(judge(fixture, &request, shown[1], &verdict), TRUST_FIRST_USE);
}

static void an_expired_certificate_is_pinned_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *expired = fixture_certificate(key, "/CN=old", -7200, -3600);
    struct trust_verdict verdict;

    assert_int_equal(judge(fixture, &request, expired, &verdict), TRUST_FIRST_USE);
    assert_true(verdict.not_after_ms < clock_wall_ms());
    assert_int_equal(judge(fixture, &request, expired, &verdict), TRUST_MATCH);
    X509_free(expired);
    EVP_PKEY_free(key);
}

static void a_malformed_certificate_is_never_pinned_nor_remembered(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *malformed = fixture_certificate(key, "/CN=odd\\0ahost=forged", 0, 3600);
    struct trust_verdict verdict;
    struct pin pin;
    struct pin_refused refused;

    ASN1_STRING_set(X509_getm_notAfter(malformed), "260102030405+0100", -1);
    X509_sign(malformed, key, EVP_sha256());
    assert_int_equal(judge(fixture, &request, malformed, &verdict), TRUST_MALFORMED);
    assert_int_equal(verdict.error.code, ERROR_UNTRUSTED);
    assert_non_null(strstr(verdict.error.message, "260102030405+0100"));
    assert_string_equal(verdict.common_name, "odd\\0ahost=forged");
    assert_false(pin_of(fixture->store, host, &pin));
    judge(fixture, &request, shown[0], &verdict);
    assert_int_equal(judge(fixture, &request, malformed, &verdict), TRUST_MALFORMED);
    assert_false(refused_of(fixture->store, host, &refused));
    X509_free(malformed);
    EVP_PKEY_free(key);
}

/* The file may not grow any more: what a full disk does, without one. */
static void a_full_store_refuses_the_first_contact(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_request other = request_for("127.0.0.22_443");
    struct trust_verdict verdict;
    struct trust_verdict mismatch;
    struct rlimit old;
    struct rlimit none;
    struct pin pin;

    assert_int_equal(judge(fixture, &other, shown[0], &verdict), TRUST_FIRST_USE);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    none = old;
    none.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &none);
    trust_judge(fixture->store, &request, shown[0], &verdict);
    trust_judge(fixture->store, &other, shown[1], &mismatch);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(verdict.outcome, TRUST_UNDECIDED);
    assert_false(trust_is_accepted(verdict.outcome));
    assert_int_not_equal(verdict.error.code, ERROR_NONE);
    assert_false(pin_of(fixture->store, host, &pin));
    assert_int_equal(mismatch.outcome, TRUST_MISMATCH); /* refused, though it could not be remembered */
    assert_int_equal(mismatch.error.code, ERROR_PIN_MISMATCH);
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_FIRST_USE);
    assert_int_equal(judge(fixture, &other, shown[0], &verdict), TRUST_MATCH);
}

struct accepted_change {
    struct pin_fingerprint accepted[PIN_ACCEPTED_MAX];
    size_t count;
};

static int accepted_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct accepted_change *change = arg;
    struct pin pin;

    if (pin_get(txn, host, &pin, err) != 0)
        return -1;
    memcpy(pin.accepted, change->accepted, sizeof(pin.accepted));
    pin.accepted_count = change->count;
    return pin_update(txn, &pin, err);
}

static void only_what_is_current_or_next_matches(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;
    struct accepted_change change = {.count = 3};

    judge(fixture, &request, shown[0], &verdict);
    change.accepted[0] = (struct pin_fingerprint){PIN_CERTIFICATE, PIN_RETIRED, {0}};
    memcpy(change.accepted[0].sha256, shown_sha256[0], FINGERPRINT_SIZE);
    change.accepted[1] = (struct pin_fingerprint){PIN_CERTIFICATE, PIN_NEXT, {0}};
    memcpy(change.accepted[1].sha256, shown_sha256[1], FINGERPRINT_SIZE);
    change.accepted[2] = (struct pin_fingerprint){PIN_KEY, PIN_CURRENT, {0}};
    x509_key_fingerprint(shown[2], change.accepted[2].sha256, NULL);
    assert_int_equal(store_run(fixture->store, accepted_job, &change, NULL), 0);
    assert_int_equal(judge(fixture, &request, shown[0], &verdict), TRUST_MISMATCH);
    assert_int_equal(judge(fixture, &request, shown[1], &verdict), TRUST_MATCH);
    assert_int_equal(judge(fixture, &request, shown[2], &verdict), TRUST_MATCH);
    change.accepted[2].state = PIN_RETIRED;
    change.accepted[1].kind = PIN_KEY; /* a certificate's hash is no key's */
    assert_int_equal(store_run(fixture->store, accepted_job, &change, NULL), 0);
    assert_int_equal(judge(fixture, &request, shown[1], &verdict), TRUST_MISMATCH);
    assert_int_equal(judge(fixture, &request, shown[2], &verdict), TRUST_MISMATCH);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(first_contact_is_pinned_then_matches),
        WITH_STORE(first_contact_of_many_tasks_is_one_pin),
        WITH_STORE(who_loses_the_first_contact_is_compared),
        WITH_STORE(mismatch_is_refused_remembered_and_counted),
        WITH_STORE(mismatch_says_what_to_do_in_whole_commands),
        WITH_STORE(last_sight_is_written_once_an_hour),
        WITH_STORE(observing_pins_nothing),
        WITH_STORE(a_disabled_zone_checks_nothing),
        WITH_STORE(a_pin_stays_unused_while_the_zone_has_cas),
        WITH_STORE(only_the_expected_certificate_is_pinned),
        WITH_STORE(an_expired_certificate_is_pinned_all_the_same),
        WITH_STORE(a_malformed_certificate_is_never_pinned_nor_remembered),
        WITH_STORE(a_full_store_refuses_the_first_contact),
        WITH_STORE(only_what_is_current_or_next_matches),
    };

    return cmocka_run_group_tests(tests, fixture_make_certificates, fixture_free_certificates);
}
