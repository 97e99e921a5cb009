/* CTL files: what is made is read again; what was changed by a bit is not believed. */
#include "identity/identity.h"
#include "x509/ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct identity *token;
    struct identity *capf;
    uint8_t *file;
    size_t length;
};

static struct identity *make(const char *subject)
{
    const struct identity_spec spec = {.subject = subject};
    struct error err = {0};
    struct identity *identity = identity_generate(&spec, &err);

    if (identity == NULL)
        fail_msg("%s", err.message);
    return identity;
}

static uint8_t *make_file(const struct fixture *fixture, const struct identity *signer, size_t *length,
                          struct error *err)
{
    const struct ctl_entry entries[] = {
        {fixture->token->certificate, CTL_TOKEN, "node", "10.0.0.1"},
        {fixture->token->certificate, CTL_CALL_CONTROL, "node", "2001:db8::1"},
        {fixture->capf->certificate, CTL_CAPF, "node", "10.0.0.1"},
    };

    return ctl_make(entries, 3, signer->certificate, signer->key, 1795227664000, length, err);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error err = {0};

    fixture->token = make("/O=a;b/CN=token");
    fixture->capf = make("/CN=CAPF-1");
    fixture->file = make_file(fixture, fixture->token, &fixture->length, &err);
    if (fixture->file == NULL)
        fail_msg("%s", err.message);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    identity_free(fixture->token);
    identity_free(fixture->capf);
    free(fixture->file);
    free(fixture);
    return 0;
}

static void a_file_is_read_again(void **state)
{
    const struct fixture *fixture = *state;
    struct error err = {0};
    struct ctl *ctl = ctl_read(fixture->file, fixture->length, &err);
    size_t signer = 99;

    if (ctl == NULL)
        fail_msg("%s", err.message);
    assert_int_equal(ctl->record_count, 3);
    assert_true(ctl->signed_ms == 1795227664000);
    assert_string_equal((const char *)ctl->fields[CTL_SIGNERNAME].value, "CN=token;O=a\\3bb");
    assert_int_equal(ctl->records[1].function, CTL_CALL_CONTROL);
    assert_int_equal(ctl->records[0].fields[CTL_IPADDRESS].length, 4);
    assert_int_equal(ctl->records[1].fields[CTL_IPADDRESS].length, 16);
    assert_int_equal(X509_cmp(ctl->records[2].certificate, fixture->capf->certificate), 0);
    assert_int_equal(ctl_verify(ctl, &signer, &err), 0);
    assert_int_equal(signer, 0);
    ctl_free(ctl);
}

/* Every byte of the file counts: whichever is changed, the file is damaged or its signature does not hold. */
static void every_byte_is_guarded(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t *copy = malloc(fixture->length);

    for (size_t i = 0; i < fixture->length; i++) {
        struct error err = {0};
        struct ctl *ctl;
        size_t signer;

        memcpy(copy, fixture->file, fixture->length);
        copy[i] ^= 1 << (i % 8);
        ctl = ctl_read(copy, fixture->length, &err);
        if (ctl != NULL && ctl_verify(ctl, &signer, &err) == 0)
            fail_msg("byte %zu was changed unnoticed", i);
        assert_true(err.message[0] != '\0');
        ctl_free(ctl);
    }
    free(copy);
}

static void a_file_that_is_cut_is_damaged(void **state)
{
    const struct fixture *fixture = *state;

    for (size_t length = 0; length < fixture->length; length++) {
        struct error err = {0};
        /* of its own size, so that a byte read behind it is noticed */
        uint8_t *copy = malloc(length > 0 ? length : 1);
        struct ctl *ctl;
        size_t signer;

        memcpy(copy, fixture->file, length);
        ctl = ctl_read(copy, length, &err);
        if (ctl != NULL && ctl_verify(ctl, &signer, &err) == 0)
            fail_msg("%zu bytes of %zu were believed", length, fixture->length);
        ctl_free(ctl);
        free(copy);
    }
}

static void only_a_token_signs(void **state)
{
    const struct fixture *fixture = *state;
    struct error err = {0};
    size_t length, signer;
    uint8_t *file = make_file(fixture, fixture->capf, &length, &err);
    struct ctl *ctl;

    assert_non_null(file);
    ctl = ctl_read(file, length, &err);
    assert_non_null(ctl);
    assert_int_equal(ctl_verify(ctl, &signer, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    assert_non_null(strstr(err.message, "not one of its security tokens"));
    ctl_free(ctl);
    free(file);
}

static void a_key_of_another_does_not_sign(void **state)
{
    const struct fixture *fixture = *state;
    const struct ctl_entry entry = {fixture->token->certificate, CTL_TOKEN, "node", "10.0.0.1"};
    struct error err = {0};
    size_t length;

    assert_null(ctl_make(&entry, 1, fixture->token->certificate, fixture->capf->key, 0, &length, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_again),           cmocka_unit_test(every_byte_is_guarded),
        cmocka_unit_test(a_file_that_is_cut_is_damaged),  cmocka_unit_test(only_a_token_signs),
        cmocka_unit_test(a_key_of_another_does_not_sign),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
