/* Two stores, and what the tests of replication do with them. */
#pragma once

#include "store/audit.h"
#include "store/ca.h"
#include "store/certificate.h"
#include "store/config.h"
#include "store/replica.h"
#include "store/setting.h"
#include "store/statement.h"
#include "store_fixture.h"

#include "base/base64.h"

#define FIXTURE_KEY "the key of the pair"

struct pair {
    char home[2][FIXTURE_PATH_MAX];
    struct store *store[2];
    struct seal *seal[2];
};
enum { ACTIVE = 0, STANDBY = 1 };

static inline int begin_line_job(struct store_txn *txn, void *epoch, struct error *err)
{
    return replica_begin_line(txn, *(const uint64_t *)epoch, err);
}

static inline int pair_setup(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    struct error err = {0};
    uint64_t epoch = 1;

    assert_non_null(pair);
    for (int i = 0; i < 2; i++) {
        fixture_home(pair->home[i]);
        assert_ok(seal_make(pair->home[i], &err), err);
        pair->store[i] = store_open(pair->home[i], STORE_WRITE, &err);
        if (pair->store[i] == NULL)
            fail_msg("%s", err.message);
        pair->seal[i] = seal_open(pair->home[i], &err);
        if (pair->seal[i] == NULL)
            fail_msg("%s", err.message);
    }
    assert_ok(store_run(pair->store[ACTIVE], begin_line_job, &epoch, &err), err);
    *state = pair;
    return 0;
}

static inline int pair_teardown(void **state)
{
    struct pair *pair = *state;

    for (int i = 0; i < 2; i++) {
        seal_close(pair->seal[i]);
        store_close(pair->store[i]);
        fixture_remove(pair->home[i]);
    }
    free(pair);
    return 0;
}

static inline struct replica_state state_of(struct store *store)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    struct replica_state state;

    assert_non_null(txn);
    assert_ok(replica_state_get(txn, &state, &err), err);
    store_end(txn);
    return state;
}

static inline void digest_of(struct pair *pair, int which, uint8_t out[REPLICA_DIGEST_SIZE])
{
    struct error err = {0};
    struct store_txn *txn = store_read(pair->store[which], &err);

    assert_non_null(txn);
    assert_ok(
        replica_digest(txn, pair->seal[which], (const uint8_t *)FIXTURE_KEY, strlen(FIXTURE_KEY), out, &err),
        err);
    store_end(txn);
}

static inline void assert_same(struct pair *pair)
{
    uint8_t digest[2][REPLICA_DIGEST_SIZE];

    digest_of(pair, ACTIVE, digest[0]);
    digest_of(pair, STANDBY, digest[1]);
    assert_memory_equal(digest[0], digest[1], REPLICA_DIGEST_SIZE);
    assert_int_equal(state_of(pair->store[0]).revision, state_of(pair->store[1]).revision);
    assert_int_equal(state_of(pair->store[0]).epoch, state_of(pair->store[1]).epoch);
}

/* A snapshot from the active one to the standby; `rows_most` rows, then it is given up. */
static inline int take_snapshot(struct pair *pair, uint64_t rows_most, struct error *err)
{
    struct replica_export *export = replica_export_open(pair->store[ACTIVE], pair->seal[ACTIVE], err);
    struct replica_import *import = replica_import_begin(pair->store[STANDBY], pair->seal[STANDBY], err);
    struct replica_row row;
    uint64_t rows = 0;
    int more = 1;
    int result = export == NULL || import == NULL ? -1 : 0;

    while (result == 0 && rows < rows_most && (more = replica_export_next(export, &row, err)) == 1) {
        result = replica_import_put(import, &row, 1, err);
        rows++;
    }
    if (result == 0 && more == 0)
        result = replica_import_commit(import, replica_export_state(export), rows, NULL, NULL, err);
    else
        result = -1;
    replica_import_free(import);
    replica_export_close(export);
    return result;
}

struct forward {
    struct pair *pair;
    int count;
    struct error err;
};

static inline int forward_one(void *arg, const struct change *change)
{
    struct forward *forward = arg;
    struct arena arena = {0};
    struct replica_row *rows;
    struct replica_change out = {.revision = change->revision, .when_ms = change->when_ms};
    int result =
        replica_rows_of(&arena, forward->pair->seal[ACTIVE], change, &rows, &out.row_count, &forward->err);

    out.rows = rows;
    if (result == 0)
        result = replica_apply(forward->pair->store[STANDBY], forward->pair->seal[STANDBY], &out, 1,
                               &forward->err);
    arena_wipe(&arena);
    forward->count++;
    return result;
}

/* The changes that the standby has not, one by one. Returns how many. */
static inline int forward_changes(struct pair *pair)
{
    struct forward forward = {.pair = pair};
    struct error err = {0};
    uint64_t after = state_of(pair->store[STANDBY]).revision;
    struct store_txn *txn = store_read(pair->store[ACTIVE], &err);

    assert_non_null(txn);
    assert_ok(change_each(txn, after, forward_one, &forward, &err), err);
    store_end(txn);
    if (forward.err.code != ERROR_NONE)
        fail_msg("%s", forward.err.message);
    return forward.count;
}

/* One job of a test: which records it writes or deletes. */
enum what { ADD_PIN, UPDATE_PIN, DELETE_PIN, SET, UNSET, ADD_CA, SET_POLICY, SET_SECRET, AUDIT };
struct doing {
    enum what what;
    const char *name;
    enum store_scope scope;
    const char *value;
    const struct seal *seal;
};

static inline int put_certificate_of(struct store_txn *txn, char letter, uint8_t sha256[FINGERPRINT_SIZE],
                                     struct error *err)
{
    char name[2] = {letter, '\0'};
    struct certificate_facts facts = {.common_name = name, .subject_slash = "/CN=x", .serial = "01"};

    memset(facts.sha256, letter, FINGERPRINT_SIZE);
    memcpy(sha256, facts.sha256, FINGERPRINT_SIZE);
    return certificate_put(txn, &facts, (const uint8_t *)name, 1, err);
}

static inline int do_secret(struct store_txn *txn, const struct doing *doing, struct error *err)
{
    uint8_t sealed[200 + SEAL_OVERHEAD];
    char text[BASE64_TEXT_SIZE(sizeof(sealed))];
    size_t length = strlen(doing->value);

    if (seal_wrap(doing->seal, doing->name, doing->value, length, sealed, err) != 0)
        return -1;
    if (statement_find(doing->name) == NULL)
        return setting_set(txn, doing->name, STORE_SCOPE_PAIR, sealed, length + SEAL_OVERHEAD, err);
    base64_encode(sealed, length + SEAL_OVERHEAD, text);
    return config_set(txn, CONFIG_RUNNING, doing->name, text, err);
}

static inline int doing_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct doing *doing = arg;
    uint8_t sha256[FINGERPRINT_SIZE];
    struct ca_certificate ca = {.source = CA_IMPORTED, .subject_slash = "/CN=ca"};
    struct audit_entry audit = {
        .user = "admin", .role = "admin", .origin = "local", .line = "x", .result = "ok"};
    struct pin pin;

    switch (doing->what) {
    case ADD_PIN:
    case UPDATE_PIN:
        fixture_pin(&pin, doing->name);
        pin.scope = doing->scope;
        if (doing->value != NULL)
            pin.subject_slash = doing->value;
        if (put_certificate_of(txn, doing->name[0], sha256, err) != 0)
            return -1;
        return doing->what == ADD_PIN ? pin_add(txn, &pin, err) : pin_update(txn, &pin, err);
    case DELETE_PIN:
        return pin_delete(txn, doing->name, err);
    case SET:
        return setting_set(txn, doing->name, doing->scope, doing->value, strlen(doing->value), err);
    case UNSET:
        return setting_delete(txn, doing->name, err);
    case ADD_CA:
        snprintf(ca.alias, sizeof(ca.alias), "%s", doing->name);
        if (put_certificate_of(txn, doing->name[0], ca.sha256, err) != 0)
            return -1;
        return ca_add(txn, TRUST_ZONE_USER, &ca, err);
    case SET_POLICY:
        return policy_set(txn, TRUST_ZONE_DEVICEMGMT, TRUST_POLICY_DISABLE, err);
    case SET_SECRET:
        return do_secret(txn, doing, err);
    default:
        return audit_append(txn, &audit, err);
    }
}

/* run_ok(store, what, name, scope, value, seal): the last ones may be left out. */
#define run_ok(store, ...)                                                                                \
    do {                                                                                                  \
        _Pragma("GCC diagnostic push")                                                                    \
            _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"") struct doing run_doing = { \
                __VA_ARGS__};                                                                             \
        _Pragma("GCC diagnostic pop") struct error run_err = {0};                                         \
        assert_ok(store_run(store, doing_job, &run_doing, &run_err), run_err);                            \
    } while (0)
