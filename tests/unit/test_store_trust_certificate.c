/* Trust stores: kept, listed, and deleted in the scope that was asked for. */
#include "store/change.h"
#include "store/trust_certificate.h"
#include "store_fixture.h"

static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x05};

struct job {
    const char *store;
    const char *file;
    enum store_scope scope;
};

static int put(struct store_txn *txn, void *arg, struct error *err)
{
    const struct job *job = arg;
    const struct trust_certificate certificate = {.store = job->store,
                                                  .file = job->file,
                                                  .der = der,
                                                  .der_length = sizeof(der),
                                                  .node = "",
                                                  .purpose = "",
                                                  .when_ms = 7,
                                                  .who = "admin",
                                                  .scope = job->scope};

    return trust_certificate_put(txn, &certificate, err);
}

static int remove_one(struct store_txn *txn, void *arg, struct error *err)
{
    const struct job *job = arg;

    return trust_certificate_delete(txn, job->store, job->file, job->scope, err);
}

static int count_one(void *arg, const struct trust_certificate *certificate)
{
    assert_non_null(certificate->store);
    assert_int_equal(certificate->der_length, sizeof(der));
    (*(size_t *)arg)++;
    return 0;
}

static size_t count(struct store *store, const char *name)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    size_t found = 0;

    assert_ok(trust_certificate_each(txn, name, count_one, &found, &err), err);
    store_end(txn);
    return found;
}

static void certificates_are_kept_by_store(void **state)
{
    struct fixture *fixture = *state;
    struct job jobs[] = {{"tomcat-trust", "a.pem", STORE_SCOPE_PAIR},
                         {"tomcat-trust", "b.pem", STORE_SCOPE_PAIR},
                         {"CAPF-trust", "a.pem", STORE_SCOPE_NODE}};
    struct trust_certificate found;
    struct error err = {0};
    struct store_txn *txn;

    for (size_t i = 0; i < 3; i++)
        assert_ok(store_run(fixture->store, put, &jobs[i], &err), err);
    assert_int_equal(count(fixture->store, "tomcat-trust"), 2);
    assert_int_equal(count(fixture->store, "CAPF-trust"), 1);
    assert_int_equal(count(fixture->store, "tomcat"), 0);
    assert_int_equal(count(fixture->store, NULL), 3);
    txn = store_read(fixture->store, &err);
    assert_ok(trust_certificate_get(txn, "CAPF-trust", "a.pem", &found, &err), err);
    assert_memory_equal(found.der, der, sizeof(der));
    assert_string_equal(found.who, "admin");
    assert_int_equal(trust_certificate_get(txn, "CAPF-trust", "b.pem", &found, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    store_end(txn);
}

struct last {
    enum store_scope scope;
    bool deleted;
    size_t records;
};

static int take(void *arg, const struct change *change)
{
    struct last *last = arg;

    for (size_t i = 0; i < change->record_count; i++) {
        if (strcmp(change->records[i].database, "settings") == 0) {
            last->scope = change->records[i].scope;
            last->deleted = change->records[i].value == NULL;
            last->records++;
        }
    }
    return 0;
}

static struct last last_change(struct store *store)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    struct last last = {0};

    assert_ok(change_each(txn, store_revision(txn) - 1, take, &last, &err), err);
    store_end(txn);
    return last;
}

/* CAPF-trust: imported for this node, deleted everywhere. */
static void a_deletion_reaches_further_than_the_import(void **state)
{
    struct fixture *fixture = *state;
    struct job job = {"CAPF-trust", "a.pem", STORE_SCOPE_NODE};
    struct error err = {0};
    struct last last;

    struct store_stats stats;

    assert_ok(store_run(fixture->store, put, &job, &err), err);
    assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(stats.revision, 0); /* nobody else's business */
    job.scope = STORE_SCOPE_PAIR;
    assert_ok(store_run(fixture->store, remove_one, &job, &err), err);
    last = last_change(fixture->store);
    assert_int_equal(last.scope, STORE_SCOPE_PAIR);
    assert_true(last.deleted);
    assert_int_equal(store_run(fixture->store, remove_one, &job, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void an_imported_certificate_travels_with_its_value(void **state)
{
    struct fixture *fixture = *state;
    struct job job = {"tomcat-trust", "a.pem", STORE_SCOPE_PAIR};
    struct error err = {0};
    struct last last;

    assert_ok(store_run(fixture->store, put, &job, &err), err);
    last = last_change(fixture->store);
    assert_int_equal(last.scope, STORE_SCOPE_PAIR);
    assert_false(last.deleted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(certificates_are_kept_by_store, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_deletion_reaches_further_than_the_import, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_imported_certificate_travels_with_its_value, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
