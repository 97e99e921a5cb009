/* What an admin and the node itself do to pins, and what the history says of it. */
#include "tests/unit/test_trust_fixture.h"

#include <stdbool.h>

static const char host[] = "127.0.0.21_443";

enum what { ADD, DELETE, ACCEPT, SELF, SET_POLICY };

struct change {
    enum what what;
    struct trust_request request;
    X509 *certificate;
    const uint8_t *sha256;
    struct policy_change policy;
};

static int change_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct change *change = arg;
    char name[HOST_PORT_TEXT_MAX];

    host_port_format(&change->request.host, name);
    switch (change->what) {
    case ADD:
        return trust_pin_add(txn, &change->request, change->certificate, PIN_EVENT_ADDED, "admin", err);
    case DELETE:
        return trust_pin_delete(txn, name, "admin", err);
    case ACCEPT:
        return trust_pin_accept(txn, name, change->sha256, "admin", err);
    case SELF:
        return trust_pin_self(txn, &change->request.host, change->certificate, err);
    case SET_POLICY:
        return trust_set_policy(txn, change->policy.zone, change->policy.policy, err);
    }
    return -1;
}

static enum error_code run(struct fixture *fixture, struct change change)
{
    struct error err = {0};
    int result = store_run(fixture->store, change_job, &change, &err);

    assert_int_equal(result == 0, err.code == ERROR_NONE);
    if (result != 0)
        assert_true(err.message[0] != '\0');
    return err.code;
}

static enum trust_outcome judge(struct fixture *fixture, size_t which)
{
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;

    trust_judge(fixture->store, &request, shown[which], &verdict);
    return verdict.outcome;
}

static void adding_never_replaces(void **state)
{
    struct fixture *fixture = *state;
    struct change add = {.what = ADD, .request = request_for(host), .certificate = shown[0]};
    struct events events;

    add.request.expected_sha256 = shown_sha256[1];
    assert_int_equal(run(fixture, add), ERROR_UNTRUSTED);
    assert_int_equal(events_of(fixture->store, host).count, 0);
    add.request.expected_sha256 = shown_sha256[0];
    assert_int_equal(run(fixture, add), ERROR_NONE);
    add.request.expected_sha256 = NULL;
    add.certificate = shown[1];
    assert_int_equal(run(fixture, add), ERROR_CONFLICT);
    assert_int_equal(judge(fixture, 0), TRUST_MATCH);
    events = events_of(fixture->store, host);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.last.kind, PIN_EVENT_ADDED);
    assert_string_equal(events.last_who, "admin");
}

static void accepting_needs_the_right_fingerprint(void **state)
{
    struct fixture *fixture = *state;
    struct change accept = {.what = ACCEPT, .request = request_for(host), .sha256 = shown_sha256[1]};
    struct pin before;
    struct pin after;
    struct pin_refused refused;
    struct events events;

    assert_int_equal(run(fixture, accept), ERROR_NOT_FOUND);
    judge(fixture, 0);
    assert_int_equal(run(fixture, accept), ERROR_NOT_FOUND);
    assert_true(pin_of(fixture->store, host, &before));
    judge(fixture, 1);
    assert_true(refused_of(fixture->store, host, &refused));
    accept.sha256 = shown_sha256[2];
    assert_int_equal(run(fixture, accept), ERROR_CONFLICT);
    accept.sha256 = shown_sha256[0]; /* pinned, but not what was refused */
    assert_int_equal(run(fixture, accept), ERROR_CONFLICT);
    assert_int_equal(judge(fixture, 0), TRUST_MATCH);

    accept.sha256 = shown_sha256[1];
    assert_int_equal(run(fixture, accept), ERROR_NONE);
    assert_int_equal(judge(fixture, 1), TRUST_MATCH);
    assert_true(pin_of(fixture->store, host, &after));
    assert_int_equal(after.sequence, before.sequence);
    assert_int_equal(after.accepted_count, 1);
    assert_int_equal(after.first_seen_ms, refused.first_seen_ms);
    assert_false(refused_of(fixture->store, host, &refused));
    events = events_of(fixture->store, host);
    assert_int_equal(events.last.kind, PIN_EVENT_ACCEPTED);
    assert_memory_equal(events.last.old_sha256, shown_sha256[0], FINGERPRINT_SIZE);
    assert_memory_equal(events.last.new_sha256, shown_sha256[1], FINGERPRINT_SIZE);
    assert_int_equal(judge(fixture, 0), TRUST_MISMATCH); /* the old one is out */
}

static void deleting_lets_the_next_contact_be_the_first(void **state)
{
    struct fixture *fixture = *state;
    struct change delete = {.what = DELETE, .request = request_for(host)};
    struct pin_refused refused;
    struct events events;

    assert_int_equal(run(fixture, delete), ERROR_NOT_FOUND);
    judge(fixture, 0);
    judge(fixture, 1);
    assert_int_equal(run(fixture, delete), ERROR_NONE);
    assert_false(refused_of(fixture->store, host, &refused));
    assert_int_equal(judge(fixture, 1), TRUST_FIRST_USE);
    assert_int_equal(judge(fixture, 0), TRUST_MISMATCH);
    events = events_of(fixture->store, host); /* the history outlives the pin */
    assert_int_equal(events.of_kind[PIN_EVENT_FIRST_USE], 2);
    assert_int_equal(events.of_kind[PIN_EVENT_REFUSED], 2);
    assert_int_equal(events.of_kind[PIN_EVENT_DELETED], 1);
}

static void the_pin_of_oneself_follows(void **state)
{
    struct fixture *fixture = *state;
    struct change self = {.what = SELF, .request = request_for(host), .certificate = shown[0]};
    struct pin pin;
    struct pin_refused refused;
    struct events events;
    uint64_t revision;

    assert_int_equal(run(fixture, self), ERROR_NONE);
    assert_true(pin_of(fixture->store, host, &pin));
    assert_int_equal(pin.scope, STORE_SCOPE_NODE);
    revision = revision_of(fixture->store);
    assert_int_equal(run(fixture, self), ERROR_NONE);
    assert_int_equal(revision_of(fixture->store), revision); /* nothing changed, nothing written */

    assert_int_equal(judge(fixture, 1), TRUST_MISMATCH);
    self.certificate = shown[1];
    assert_int_equal(run(fixture, self), ERROR_NONE);
    assert_int_equal(judge(fixture, 1), TRUST_MATCH);
    assert_false(refused_of(fixture->store, host, &refused));
    events = events_of(fixture->store, host);
    assert_int_equal(events.last.kind, PIN_EVENT_SELF_RENEWED);
    assert_memory_equal(events.last.old_sha256, shown_sha256[0], FINGERPRINT_SIZE);
    assert_memory_equal(events.last.new_sha256, shown_sha256[1], FINGERPRINT_SIZE);
}

static void a_self_contact_becomes_the_nodes_own(void **state)
{
    struct fixture *fixture = *state;
    struct change self = {.what = SELF, .request = request_for(host), .certificate = shown[0]};
    struct pin pin;

    judge(fixture, 0);
    assert_int_equal(run(fixture, self), ERROR_NONE);
    assert_true(pin_of(fixture->store, host, &pin));
    assert_int_equal(pin.scope, STORE_SCOPE_NODE);
    assert_int_equal(events_of(fixture->store, host).count, 1);
}

static void a_policy_that_cannot_be_carried_out_is_not_set(void **state)
{
    struct fixture *fixture = *state;
    struct change set = {
        .what = SET_POLICY, .request = request_for(host), .policy = {TRUST_ZONE_SYSTEM, TRUST_POLICY_ENABLE}};

    assert_int_equal(run(fixture, set), ERROR_INVALID_ARGUMENT);
    assert_int_equal(judge(fixture, 0), TRUST_FIRST_USE);
    set.policy.policy = TRUST_POLICY_DISABLE;
    assert_int_equal(run(fixture, set), ERROR_NONE);
    assert_int_equal(judge(fixture, 1), TRUST_UNCHECKED);
    set.policy.policy = TRUST_POLICY_FIRST_USE;
    assert_int_equal(run(fixture, set), ERROR_NONE);
    assert_int_equal(judge(fixture, 1), TRUST_MISMATCH);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(adding_never_replaces),
        WITH_STORE(accepting_needs_the_right_fingerprint),
        WITH_STORE(deleting_lets_the_next_contact_be_the_first),
        WITH_STORE(the_pin_of_oneself_follows),
        WITH_STORE(a_self_contact_becomes_the_nodes_own),
        WITH_STORE(a_policy_that_cannot_be_carried_out_is_not_set),
    };

    return cmocka_run_group_tests(tests, fixture_make_certificates, fixture_free_certificates);
}
