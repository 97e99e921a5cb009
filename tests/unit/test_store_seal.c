#include "store_fixture.h"

#include "store/seal.h"

#include <fcntl.h>
#include <sys/stat.h>

#define SECRET "correct horse battery staple"
#define SECRET_SIZE (sizeof(SECRET) - 1)

static int home_setup(void **state)
{
    static char home[FIXTURE_PATH_MAX];

    fixture_home(home);
    *state = home;
    return seal_make(home, NULL);
}

static int home_teardown(void **state)
{
    fixture_remove(*state);
    return 0;
}

static void opens_what_it_sealed_and_nothing_else(void **state)
{
    struct error err = {0};
    struct seal *seal = seal_open(*state, &err);
    uint8_t sealed[SECRET_SIZE + SEAL_OVERHEAD], twice[sizeof(sealed)];
    char plain[SECRET_SIZE];

    assert_non_null(seal);
    assert_ok(seal_wrap(seal, "servers/ise", SECRET, SECRET_SIZE, sealed, &err), err);
    assert_ok(seal_wrap(seal, "servers/ise", SECRET, SECRET_SIZE, twice, &err), err);
    assert_memory_not_equal(sealed, twice, sizeof(sealed)); /* a fresh nonce */
    assert_null(memmem(sealed, sizeof(sealed), "horse", 5));
    assert_ok(seal_unwrap(seal, "servers/ise", sealed, sizeof(sealed), plain, &err), err);
    assert_memory_equal(plain, SECRET, SECRET_SIZE);
    seal_close(seal);

    seal = seal_open(*state, &err); /* the key is kept */
    assert_ok(seal_unwrap(seal, "servers/ise", sealed, sizeof(sealed), plain, &err), err);
    assert_int_equal(seal_unwrap(seal, "servers/dnac", sealed, sizeof(sealed), plain, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    assert_null(memmem(plain, sizeof(plain), "horse", 5));
    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 1;
        assert_int_equal(seal_unwrap(seal, "servers/ise", sealed, sizeof(sealed), plain, &err), -1);
        assert_int_equal(err.code, ERROR_UNTRUSTED);
        assert_null(strstr(err.message, "horse"));
        sealed[i] ^= 1;
    }
    for (size_t length = 0; length < sizeof(sealed); length++)
        assert_int_equal(seal_unwrap(seal, "servers/ise", sealed, length, plain, &err), -1);
    assert_ok(seal_wrap(seal, "", NULL, 0, sealed, &err), err);
    assert_ok(seal_unwrap(seal, "", sealed, SEAL_OVERHEAD, plain, &err), err);
    seal_close(seal);
}

static void another_key_opens_nothing(void **state)
{
    struct error err = {0};
    char key[FIXTURE_PATH_MAX];
    uint8_t sealed[SECRET_SIZE + SEAL_OVERHEAD];
    char plain[SECRET_SIZE];
    struct seal *seal = seal_open(*state, &err);

    assert_ok(seal_wrap(seal, "r", SECRET, SECRET_SIZE, sealed, &err), err);
    seal_close(seal);
    fixture_path(*state, "keys/seal.key", key);
    assert_int_equal(unlink(key), 0);
    assert_null(seal_open(*state, &err)); /* one that is lost is not replaced without a word */
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(access(key, F_OK), -1);
    assert_ok(seal_make(*state, &err), err);
    seal = seal_open(*state, &err);
    assert_non_null(seal);
    assert_int_equal(seal_unwrap(seal, "r", sealed, sizeof(sealed), plain, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    seal_close(seal);
}

static void the_key_is_its_owners_alone(void **state)
{
    struct error err = {0};
    char key[FIXTURE_PATH_MAX];
    struct stat info;

    assert_ok(seal_make(*state, &err), err); /* the key stays */
    seal_close(seal_open(*state, &err));
    fixture_path(*state, "keys/seal.key", key);
    assert_int_equal(stat(key, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, 32);
    assert_int_equal(info.st_nlink, 1);
    assert_int_equal(chmod(key, 0640), 0);
    assert_null(seal_open(*state, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_int_equal(chmod(key, 0600), 0);
    assert_int_equal(truncate(key, 31), 0);
    assert_null(seal_open(*state, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(symlink("/dev/zero", key), 0);
    assert_ok(seal_make(*state, &err), err);
    assert_null(seal_open(*state, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, home_setup, home_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opens_what_it_sealed_and_nothing_else),
        TEST(another_key_opens_nothing),
        TEST(the_key_is_its_owners_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
