/* A node's own key and certificate: made, kept, found again, and what happens when they are not as they were.
 */
#include "base/file.h"
#include "identity/identity.h"
#include "x509/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64];
static char folder[80];
static char path[100];
static struct identity *made; /* one key for all tests that need only any */

static const char *const names[] = {"DNS:prime-pri", "IP:127.0.0.11", "IP:::1"};
static const struct identity_spec spec = {.subject =
                                              "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=prime-pri",
                                          .names = names,
                                          .name_count = 3};

static int make_home(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(home, sizeof(home), "%.40s/identity.XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(home) == NULL)
        return -1;
    snprintf(folder, sizeof(folder), "%s/keys", home);
    snprintf(path, sizeof(path), "%s/" IDENTITY_FILE, folder);
    made = identity_generate(&spec, NULL);
    return made == NULL ? -1 : 0;
}

static int remove_home(void **state)
{
    (void)state;
    identity_free(made);
    unlink(path);
    rmdir(folder);
    return rmdir(home);
}

static void makes_what_the_standards_ask_for(void **state)
{
    struct error err = {0};
    struct certificate_facts *facts = x509_describe(made->certificate, &err);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(made->certificate);
    X509_STORE *anchors = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    (void)state;
    assert_non_null(facts);
    assert_string_equal(facts->subject_slash, spec.subject);
    assert_string_equal(facts->issuer_oneline, facts->subject_oneline);
    assert_string_equal(facts->names, "DNS:prime-pri, IP:127.0.0.11, IP:::1");
    assert_string_equal(facts->key, "rsa, 2048 bits");
    assert_string_equal(facts->signature, "sha256WithRSAEncryption");
    assert_int_equal(facts->not_after_ms - facts->not_before_ms, IDENTITY_DAYS * 86400000LL);
    assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER); /* not negative */
    assert_int_equal(ASN1_STRING_length(serial), 20);
    x509_facts_free(facts);

    assert_int_equal(X509_get_version(made->certificate), X509_VERSION_3);
    assert_int_equal(X509_get_extension_flags(made->certificate) & EXFLAG_CA, 0);
    assert_int_equal(X509_get_key_usage(made->certificate), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    assert_int_equal(X509_get_extended_key_usage(made->certificate), XKU_SSL_SERVER | XKU_SSL_CLIENT);
    assert_non_null(X509_get0_subject_key_id(made->certificate));

    /* a peer that knows the certificate verifies it, also with RFC 5280's stricter rules */
    assert_int_equal(X509_STORE_add_cert(anchors, made->certificate), 1);
    assert_int_equal(X509_STORE_CTX_init(context, anchors, made->certificate, NULL), 1);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context),
                                X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    assert_int_equal(X509_verify_cert(context), 1);
    X509_STORE_CTX_free(context);
    X509_STORE_free(anchors);
}

static void refuses_what_cannot_be_made(void **state)
{
    static const char *const bad[] = {"prime-pri", "DNS:a,IP:1.2.3.4", "DNS:",       "IP:1.2.3",
                                      "DNS:a b",   "DNS:1.2.3.4",      "IP:\033[2J", "email:a@b"};
    struct identity_spec other = spec;
    struct error err = {0};

    (void)state;
    other.name_count = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        other.names = &bad[i];
        err = (struct error){0};
        assert_null(identity_generate(&other, &err));
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        assert_null(strchr(err.message, '\033'));
    }
    other.name_count = 0;
    other.subject = "CN=x";
    assert_null(identity_generate(&other, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    other.subject = "/CN=x";
    other.days = -1;
    assert_null(identity_generate(&other, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
}

static void ensure_makes_once_and_finds_again(void **state)
{
    struct error err = {0};
    struct identity *first;
    struct identity *second;
    struct stat info;
    size_t entries = 0;
    DIR *listing;

    (void)state;
    assert_null(identity_load(folder, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    first = identity_ensure(folder, &spec, &err);
    assert_non_null(first);
    second = identity_ensure(folder, &spec, &err);
    assert_non_null(second);
    assert_int_equal(X509_cmp(first->certificate, second->certificate), 0);
    assert_int_equal(EVP_PKEY_eq(first->key, second->key), 1);
    assert_null(second->chain);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(stat(folder, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    listing = opendir(folder);
    while (readdir(listing) != NULL)
        entries++;
    closedir(listing);
    assert_int_equal(entries, 3); /* ".", ".." and the one file: no temporary file stays */
    identity_free(first);
    identity_free(second);
}

static void keeps_the_chain_in_order(void **state)
{
    struct error err = {0};
    struct identity served = {.key = made->key, .certificate = made->certificate};
    struct identity *other = identity_generate(&spec, &err);
    struct identity *loaded;

    (void)state;
    served.chain = sk_X509_new_null();
    sk_X509_push(served.chain, other->certificate);
    sk_X509_push(served.chain, made->certificate);
    assert_int_equal(identity_save(&served, folder, &err), 0);
    loaded = identity_load(folder, &err);
    assert_non_null(loaded);
    assert_int_equal(sk_X509_num(loaded->chain), 2);
    assert_int_equal(X509_cmp(sk_X509_value(loaded->chain, 0), other->certificate), 0);
    sk_X509_free(served.chain);
    identity_free(loaded);
    identity_free(other);
}

static void refuses_a_key_that_others_can_read(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0601};
    struct error err = {0};

    (void)state;
    assert_int_equal(identity_save(made, folder, &err), 0);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        err = (struct error){0};
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_null(identity_ensure(folder, &spec, &err)); /* and makes no new one over it */
        assert_int_equal(err.code, ERROR_DENIED);
        assert_non_null(strstr(err.hint, "chmod 600 /"));
    }
    assert_int_equal(chmod(path, 0400), 0);
    identity_free(identity_load(folder, &err));
    assert_int_equal(chmod(path, 0600), 0);
}

/* The file in parts, put together wrongly. The key must never be replaced by itself: peers have pinned it. */
static void says_what_to_do_about_a_damaged_file(void **state)
{
    struct error err = {0};
    char *data = NULL;
    size_t length = 0;
    struct identity *other = identity_generate(&spec, &err);
    const char *certificate;
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;

    (void)state;
    assert_int_equal(identity_save(made, folder, &err), 0);
    assert_int_equal(file_read(path, 100000, &data, &length, &err), 0);
    certificate = strstr(data, "-----BEGIN CERTIFICATE");
    assert_non_null(certificate);

    assert_int_equal(file_write(path, data, (size_t)(certificate - data), 0600, &err), 0);
    assert_null(identity_ensure(folder, &spec, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "holds no certificate"));
    assert_non_null(strstr(err.hint, "move it away"));

    assert_int_equal(file_write(path, certificate, strlen(certificate), 0600, &err), 0);
    assert_null(identity_ensure(folder, &spec, &err));
    assert_non_null(strstr(err.message, "holds no private key"));

    for (size_t cut = 0; cut < length - 1; cut += 7) {
        assert_int_equal(file_write(path, data, cut, 0600, &err), 0);
        assert_null(identity_load(folder, &err));
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    }

    assert_int_equal(file_write(path, data, (size_t)(certificate - data), 0600, &err), 0);
    PEM_write_bio_PKCS8PrivateKey(bio, made->key, NULL, NULL, 0, NULL, NULL);
    PEM_write_bio_X509(bio, other->certificate);
    length = (size_t)BIO_get_mem_data(bio, &pem);
    assert_int_equal(file_write(path, pem, length, 0600, &err), 0);
    assert_null(identity_ensure(folder, &spec, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.hint, path));
    BIO_free(bio);
    free(data);
    identity_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_what_the_standards_ask_for),
        cmocka_unit_test(refuses_what_cannot_be_made),
        cmocka_unit_test(ensure_makes_once_and_finds_again),
        cmocka_unit_test(keeps_the_chain_in_order),
        cmocka_unit_test(refuses_a_key_that_others_can_read),
        cmocka_unit_test(says_what_to_do_about_a_damaged_file),
    };

    return cmocka_run_group_tests(tests, make_home, remove_home);
}
