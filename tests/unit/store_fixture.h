/* What the tests of the store share: a home of their own, and pins to put into it. */
#pragma once

#include "store/pin.h"
#include "store/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>

#define FIXTURE_PATH_MAX 512

struct fixture {
    char home[FIXTURE_PATH_MAX];
    struct store *store;
};

static inline void fixture_path(const char *home, const char *name, char out[FIXTURE_PATH_MAX])
{
    assert_true(snprintf(out, FIXTURE_PATH_MAX, "%.300s/%.200s", home, name) < FIXTURE_PATH_MAX);
}

static inline void fixture_home(char out[FIXTURE_PATH_MAX])
{
    const char *folder = getenv("TMPDIR");

    fixture_path(folder != NULL ? folder : "/tmp", "primesh-store-XXXXXX", out);
    assert_non_null(mkdtemp(out));
}

static inline int fixture_remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void fixture_remove(const char *home)
{
    assert_int_equal(nftw(home, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#define assert_ok(call, err)                          \
    do {                                              \
        if ((call) != 0)                              \
            fail_msg("%s: %s", #call, (err).message); \
    } while (0)

static inline int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error err = {0};

    assert_non_null(fixture);
    fixture_home(fixture->home);
    assert_ok(seal_make(fixture->home, &err), err);
    fixture->store = store_open(fixture->home, STORE_WRITE, &err);
    if (fixture->store == NULL)
        fail_msg("%s", err.message);
    *state = fixture;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture->store);
    fixture_remove(fixture->home);
    free(fixture);
    return 0;
}

static inline void fixture_pin(struct pin *pin, const char *host)
{
    memset(pin, 0, sizeof(*pin));
    snprintf(pin->host, sizeof(pin->host), "%s", host);
    pin->zone = TRUST_ZONE_SYSTEM;
    pin->scope = STORE_SCOPE_PAIR;
    pin->first_seen_ms = 1000;
    pin->last_seen_ms = 2000;
    pin->accepted_count = 1;
    memset(pin->accepted[0].sha256, host[0], FINGERPRINT_SIZE);
    memset(pin->certificate, host[0], FINGERPRINT_SIZE);
    pin->subject_slash = "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=ISE-server";
    pin->subject_oneline = "C = US, ST = CA, L = SJ, O = Cisco Systems, OU = Prime Infra, CN = ISE-server";
    pin->not_after_ms = 3000;
}

static inline int fixture_add_job(struct store_txn *txn, void *pin, struct error *err)
{
    return pin_add(txn, pin, err);
}

/* Adds a pin for a host; its number, or 0 with *err. */
static inline uint64_t fixture_add(struct store *store, const char *host, struct error *err)
{
    struct pin pin;

    fixture_pin(&pin, host);
    return store_run(store, fixture_add_job, &pin, err) == 0 ? pin.sequence : 0;
}
