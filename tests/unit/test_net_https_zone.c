/* HTTPS requests into a zone with CA certificates: the OCSP answer is waited for before anything is sent. */
#include "test_net_stand_in.h"

#include "net/https_client.h"
#include "store/ocsp.h"
#include "x509/x509.h"

#include <openssl/x509v3.h>

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* A certificate of `ca` for 127.0.0.1, with its key. */
static struct identity *issue(const struct identity *ca)
{
    struct identity *made = make_identity("/CN=ise");
    X509 *certificate = X509_dup(made->certificate);
    X509_EXTENSION *names = X509V3_EXT_nconf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

    X509_set_issuer_name(certificate, X509_get_subject_name(ca->certificate));
    while (X509_get_ext_count(certificate) > 0)
        X509_EXTENSION_free(X509_delete_ext(certificate, 0));
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(certificate, ca->key, EVP_sha256()) > 0);
    X509_free(made->certificate);
    made->certificate = certificate;
    return made;
}

/* Its own issuer, and nothing said of what it may do. */
static struct identity *make_ca(void)
{
    struct identity *ca = make_identity("/CN=ca");
    X509_EXTENSION *constraints = X509V3_EXT_nconf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    X509 *certificate = X509_dup(ca->certificate);

    while (X509_get_ext_count(certificate) > 0)
        X509_EXTENSION_free(X509_delete_ext(certificate, 0));
    X509_add_ext(certificate, constraints, -1);
    X509_EXTENSION_free(constraints);
    assert_true(X509_sign(certificate, ca->key, EVP_sha256()) > 0);
    X509_free(ca->certificate);
    ca->certificate = certificate;
    return ca;
}

struct zone_setup {
    X509 *ca;
    bool hard;
};

static int set_up_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct zone_setup *setup = arg;
    struct ocsp_setting ocsp = {.custom = true, .hard = setup->hard, .urls = {"http://127.0.0.1:1/", ""}};
    STACK_OF(X509) *bundle = sk_X509_new_null();
    struct trust_ca_count count;
    int result = 0;

    sk_X509_push(bundle, setup->ca);
    if (!setup->hard)
        result = trust_ca_add(txn, TRUST_ZONE_SYSTEM, "ca", bundle, &count, err);
    sk_X509_free(bundle);
    if (result != 0 || ocsp_setting_set(txn, &ocsp, err) != 0)
        return -1;
    return trust_set_policy(txn, TRUST_ZONE_SYSTEM, TRUST_POLICY_ENABLE, err);
}

static void the_answer_is_waited_for(void **state)
{
    struct home *home = *state;
    struct identity *ca = make_ca();
    struct identity *ise = issue(ca);
    struct zone_setup setup = {.ca = ca->certificate};
    struct https_request request = {.trust = {.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "test"},
                                    .method = "GET",
                                    .path = "/",
                                    .timeout_ms = PATIENCE_S * 1000};
    struct https_response response;
    struct stand_in server;
    struct error err = {0};

    if (store_run(home->store, set_up_job, &setup, &err) != 0)
        fail_msg("%s", err.message);
    stand_in_open(&server, speak_tls, context_of(ise));
    server.reply = OK_REPLY;
    request.trust.host.port = server.port;
    assert_int_equal(host_parse("127.0.0.1", &request.trust.host.kind, request.trust.host.host, NULL), 0);
    if (https_perform(home->store, &request, &response, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(response.verdict.outcome, TRUST_VALIDATED);
    assert_non_null(strstr(response.verdict.error.message, "http://127.0.0.1:1/ cannot be reached"));
    https_response_free(&response);
    server.heard_length = 0;
    setup.hard = true;
    assert_int_equal(store_run(home->store, set_up_job, &setup, NULL), 0);
    assert_int_equal(https_perform(home->store, &request, &response, &err), -1);
    assert_int_equal(response.verdict.outcome, TRUST_UNKNOWN_STATUS);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    https_response_free(&response);
    stand_in_close(&server);
    assert_int_equal(server.heard_length, 0);
    identity_free(ise);
    identity_free(ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_answer_is_waited_for, home_setup, home_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
