/* The bulk probe against servers of every kind, with a real store and real verdicts. */
#include "test_net_stand_in.h"

#include "net/probe.h"
#include "store/pin.h"

#include <openssl/rsa.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MANY 200

struct report {
    struct probe_result results[MANY];
    atomic_int times[MANY];
    atomic_int inside;
    int count;
    atomic_bool *cancel; /* set after the first report */
};

static void take_report(void *arg, size_t index, const struct probe_result *result)
{
    struct report *report = arg;

    assert_int_equal(atomic_fetch_add(&report->inside, 1), 0); /* one at a time */
    report->results[index] = *result;
    atomic_fetch_add(&report->times[index], 1);
    report->count++;
    if (report->cancel != NULL)
        atomic_store(report->cancel, true);
    atomic_fetch_sub(&report->inside, 1);
}

static struct trust_request request_to(const char *host, uint16_t port)
{
    struct trust_request request = {.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "test"};

    request.host.port = port;
    assert_int_equal(host_parse(host, &request.host.kind, request.host.host, NULL), 0);
    return request;
}

static const struct probe_result *probe_one(struct home *home, const struct trust_request *request,
                                            int timeout_ms)
{
    static struct report report;
    struct probe_options options = {.timeout_ms = timeout_ms};

    report = (struct report){0};
    assert_int_equal(probe_run(home->store, request, 1, &options, take_report, &report, NULL), 0);
    assert_int_equal(report.count, 1);
    return &report.results[0];
}

static void assert_fails(struct home *home, const char *host, uint16_t port, int timeout_ms,
                         enum error_code code, const char *format)
{
    struct trust_request request = request_to(host, port);
    const struct probe_result *result = probe_one(home, &request, timeout_ms);
    char name[HOST_PORT_TEXT_MAX];
    char expected[ERROR_TEXT_MAX];

    host_port_format(&request.host, name);
    assert_int_equal(result->state, PROBE_FAILED);
    snprintf(expected, sizeof(expected), "%s", format);
    if (strstr(format, "%s") != NULL)
        snprintf(expected, sizeof(expected), "%.*s%s%s", (int)(strstr(format, "%s") - format), format, name,
                 strstr(format, "%s") + 2);
    assert_string_equal(result->error.message, expected);
    assert_int_equal(result->error.code, code);
}

static void pins_then_matches_then_refuses(void **state)
{
    struct home *home = *state;
    struct identity *first = make_identity("/C=US/CN=ISE-server");
    struct identity *second = make_identity("/C=US/CN=ISE-server");
    struct stand_in server;
    struct trust_request request;
    const struct probe_result *result;

    stand_in_open(&server, speak_tls, context_of(first));
    request = request_to("127.0.0.1", server.port);
    result = probe_one(home, &request, 0);
    assert_int_equal(result->state, PROBE_JUDGED);
    assert_int_equal(result->verdict.outcome, TRUST_FIRST_USE);
    assert_string_equal(result->verdict.common_name, "ISE-server");
    result = probe_one(home, &request, 0);
    assert_int_equal(result->verdict.outcome, TRUST_MATCH);
    stand_in_close(&server);
    assert_int_equal(atomic_load(&server.handshakes), 2);
    assert_int_equal(server.heard_length, 0);

    stand_in_open_at(&server, speak_tls, context_of(second), "127.0.0.1", request.host.port);
    result = probe_one(home, &request, 0);
    assert_int_equal(result->state, PROBE_JUDGED);
    assert_int_equal(result->verdict.outcome, TRUST_MISMATCH);
    assert_int_equal(result->verdict.error.code, ERROR_PIN_MISMATCH);
    stand_in_close(&server);
    assert_int_equal(server.heard_length, 0);
    identity_free(first);
    identity_free(second);
}

static void bad_servers_end_with_one_sentence(void **state)
{
    static const struct {
        behaviour behave;
        enum error_code code;
        const char *message;
    } rows[] = {
        {say_nothing, ERROR_TIMEOUT, "no TLS handshake with %s within 0.3 s"},
        {drip, ERROR_TIMEOUT, "no TLS handshake with %s within 0.3 s"},
        {close_at_once, ERROR_UNREACHABLE, "%s closed the connection during the TLS handshake"},
        {close_in_mid_handshake, ERROR_UNREACHABLE, "%s closed the connection during the TLS handshake"},
        {speak_http, ERROR_UNREACHABLE, "%s does not speak TLS: it answered with plain text"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stand_in server;
        int64_t start = clock_monotonic_ms();

        stand_in_open(&server, rows[i].behave, NULL);
        assert_fails(*state, "127.0.0.1", server.port,
                     rows[i].code == ERROR_TIMEOUT ? 300 : PATIENCE_S * 1000, rows[i].code, rows[i].message);
        if (rows[i].code == ERROR_TIMEOUT)
            assert_true(clock_monotonic_ms() - start >= 300);
        assert_true(clock_monotonic_ms() - start < PATIENCE_S * 1000);
        stand_in_close(&server);
    }
}

static void nobody_there(void **state)
{
    int fd = https_listen("127.0.0.1", 0, NULL);
    uint16_t port = port_of(fd);

    close(fd);
    assert_fails(*state, "127.0.0.1", port, 0, ERROR_UNREACHABLE, "cannot connect to %s: Connection refused");
    assert_fails(*state, "::1", port, 0, ERROR_UNREACHABLE, "cannot connect to %s: Connection refused");
}

static void names_are_looked_up(void **state)
{
    struct identity *identity = make_identity("/CN=x");
    struct stand_in server;
    struct trust_request request;
    const struct probe_result *result;

    stand_in_open(&server, speak_tls, context_of(identity));
    request = request_to("localhost", server.port); /* ::1 too, where it is known: nobody is there */
    result = probe_one(*state, &request, 0);
    if (result->state != PROBE_JUDGED)
        fail_msg("%s", result->error.message);
    assert_int_equal(result->verdict.outcome, TRUST_FIRST_USE);
    request = request_to("no-such-host.invalid", server.port);
    result = probe_one(*state, &request, 0);
    assert_int_equal(result->state, PROBE_FAILED);
    assert_non_null(strstr(result->error.message, "cannot find the address of no-such-host.invalid"));
    stand_in_close(&server);
    identity_free(identity);
}

static int server_name(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    snprintf(arg, 100, "%s", name == NULL ? "none" : name);
    return SSL_TLSEXT_ERR_OK;
}

static void a_name_is_told_and_an_address_is_not(void **state)
{
    struct identity *identity = make_identity("/CN=x");
    SSL_CTX *context = context_of(identity);
    struct stand_in server;
    struct trust_request request;
    char name[100] = "";

    SSL_CTX_set_tlsext_servername_callback(context, server_name);
    SSL_CTX_set_tlsext_servername_arg(context, name);
    stand_in_open(&server, speak_tls, context);
    request = request_to("localhost", server.port);
    assert_int_equal(probe_one(*state, &request, 0)->state, PROBE_JUDGED);
    assert_string_equal(name, "localhost");
    request = request_to("127.0.0.1", server.port);
    assert_int_equal(probe_one(*state, &request, 0)->state, PROBE_JUDGED);
    assert_string_equal(name, "none");
    stand_in_close(&server);
    identity_free(identity);
}

static void old_versions_are_said(void **state)
{
    struct identity *identity = make_identity("/CN=x");
    SSL_CTX *context = context_of(identity);
    struct stand_in server;

    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
    stand_in_open(&server, speak_tls, context);
    assert_fails(*state, "127.0.0.1", server.port, 0, ERROR_UNREACHABLE, "%s does not speak TLS 1.2 or 1.3");
    stand_in_close(&server);
    identity_free(identity);
}

/* A key and a signature that nobody would use today, as old appliances have them. */
static struct identity *make_weak_identity(void)
{
    struct identity *identity = make_identity("/CN=old");

    EVP_PKEY_free(identity->key);
    identity->key = EVP_RSA_gen(1024);
    assert_non_null(identity->key);
    X509_set_pubkey(identity->certificate, identity->key);
    assert_true(X509_sign(identity->certificate, identity->key, EVP_md5()) > 0);
    return identity;
}

static void weak_certificates_reach_the_verdict(void **state)
{
    static const struct {
        int version;
        const char *ciphers;
    } rows[] = {{TLS1_3_VERSION, NULL},
                {TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"},
                {TLS1_2_VERSION, "AES128-SHA:@SECLEVEL=0"}};
    struct identity *weak = make_weak_identity();

    for (size_t i = 0; i < 3; i++) {
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        struct stand_in server;
        struct trust_request request;
        const struct probe_result *result;

        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_max_proto_version(context, rows[i].version);
        if (rows[i].ciphers != NULL)
            assert_int_equal(SSL_CTX_set_cipher_list(context, rows[i].ciphers), 1);
        assert_int_equal(SSL_CTX_use_certificate(context, weak->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, weak->key), 1);
        stand_in_open(&server, speak_tls, context);
        request = request_to("127.0.0.1", server.port);
        result = probe_one(*state, &request, 0);
        if (result->state != PROBE_JUDGED)
            fail_msg("%s", result->error.message);
        assert_int_equal(result->verdict.outcome, TRUST_FIRST_USE);
        stand_in_close(&server);
    }
    identity_free(weak);
}

/* A server that wants a certificate of ours has none to see, and is judged all the same. */
static void servers_that_want_a_certificate_are_judged(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct identity *identity = make_identity("/CN=x");

    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *context = context_of(identity);
        struct stand_in server;
        struct trust_request request;

        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_max_proto_version(context, versions[i]);
        stand_in_open(&server, speak_tls, context);
        request = request_to("127.0.0.1", server.port);
        assert_int_equal(probe_one(*state, &request, 0)->state, PROBE_JUDGED);
        stand_in_close(&server);
        assert_int_equal(atomic_load(&server.handshakes), 0);
    }
    identity_free(identity);
}

/* A server that shows a certificate whose key it does not have must not get it pinned. */
static void a_borrowed_certificate_is_not_judged(void **state)
{
    static const struct {
        const char *ciphers, *why;
    } rows[] = {{NULL, "the TLS handshake with"},
                {"ECDHE-RSA-AES128-GCM-SHA256", "the TLS handshake with"},
                {"AES128-GCM-SHA256", "TLS handshake"}};
    struct identity *owner = make_identity("/CN=owner");
    struct identity *thief = make_identity("/CN=thief");

    for (size_t i = 0; i < 3; i++) {
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        struct stand_in server;
        struct trust_request request;
        const struct probe_result *result;
        struct store_txn *txn;
        struct pin pin;
        char host[HOST_PORT_TEXT_MAX];
        X509 *forged = X509_dup(owner->certificate);

        /* OpenSSL checks that key and certificate fit: so the certificate says the thief's key and is then
         * overwritten by the owner's, which only the wire shows. */
        assert_int_equal(SSL_CTX_use_certificate(context, thief->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, thief->key), 1);
        if (rows[i].ciphers != NULL) {
            SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
            assert_int_equal(SSL_CTX_set_cipher_list(context, rows[i].ciphers), 1);
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        X509_set_pubkey(forged, thief->key);
        assert_int_equal(SSL_CTX_use_certificate(context, forged), 1);
        X509_set_pubkey(SSL_CTX_get0_certificate(context), owner->key);
        stand_in_open(&server, speak_tls, context);
        request = request_to("127.0.0.1", server.port);
        result = probe_one(*state, &request, 0);
        assert_int_equal(result->state, PROBE_FAILED);
        if (strstr(result->error.message, rows[i].why) == NULL)
            fail_msg("%zu: %s", i, result->error.message);
        host_port_format(&request.host, host);
        txn = store_read(((struct home *)*state)->store, NULL);
        assert_int_equal(pin_get(txn, host, &pin, NULL), -1);
        store_end(txn);
        stand_in_close(&server);
        X509_free(forged);
    }
    identity_free(owner);
    identity_free(thief);
}

static void many_at_once_are_each_reported_once(void **state)
{
    struct home *home = *state;
    struct identity *identity = make_identity("/CN=x");
    struct stand_in good;
    struct stand_in bad;
    struct trust_request requests[MANY];
    static struct report report;
    struct probe_options options = {.threads = 3, .concurrency = 50};

    report = (struct report){0};
    stand_in_open_at(&good, speak_tls, context_of(identity), "0.0.0.0", 0);
    stand_in_open_at(&bad, close_at_once, NULL, "0.0.0.0", 0);
    for (int i = 0; i < MANY; i++) {
        char host[40];

        snprintf(host, sizeof(host), "127.7.%d.%d", i / 100, i % 100 + 1);
        requests[i] = request_to(host, i % 4 == 3 ? bad.port : good.port);
    }
    assert_int_equal(probe_run(home->store, requests, MANY, &options, take_report, &report, NULL), 0);
    assert_int_equal(report.count, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(atomic_load(&report.times[i]), 1);
        assert_int_equal(report.results[i].state, i % 4 == 3 ? PROBE_FAILED : PROBE_JUDGED);
        if (i % 4 != 3)
            assert_int_equal(report.results[i].verdict.outcome, TRUST_FIRST_USE);
    }
    stand_in_close(&good);
    stand_in_close(&bad);
    identity_free(identity);
}

/* The same host many times at once: one pin, everybody accepted. */
static void first_contact_by_many_gives_one_pin(void **state)
{
    struct home *home = *state;
    struct identity *identity = make_identity("/CN=x");
    struct stand_in server;
    struct trust_request requests[40];
    static struct report report;
    struct probe_options options = {.threads = 8, .concurrency = 40};
    int first = 0;

    report = (struct report){0};
    stand_in_open(&server, speak_tls, context_of(identity));
    for (size_t i = 0; i < 40; i++)
        requests[i] = request_to("127.0.0.1", server.port);
    assert_int_equal(probe_run(home->store, requests, 40, &options, take_report, &report, NULL), 0);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(report.results[i].state, PROBE_JUDGED);
        assert_true(trust_is_accepted(report.results[i].verdict.outcome));
        first += report.results[i].verdict.outcome == TRUST_FIRST_USE;
    }
    assert_int_equal(first, 1);
    stand_in_close(&server);
    identity_free(identity);
}

static void a_cancelled_probe_ends_soon(void **state)
{
    struct home *home = *state;
    struct stand_in silent;
    struct stand_in quick;
    struct trust_request requests[MANY];
    static struct report report;
    atomic_bool cancel = false;
    struct probe_options options = {.timeout_ms = 600000, .cancel = &cancel, .concurrency = 8};

    report = (struct report){.cancel = &cancel};
    stand_in_open(&silent, say_nothing, NULL);
    stand_in_open(&quick, close_at_once, NULL);
    for (size_t i = 0; i < MANY; i++)
        requests[i] = request_to("127.0.0.1", i == 1 ? quick.port : silent.port);
    assert_int_equal(probe_run(home->store, requests, MANY, &options, take_report, &report, NULL), 0);
    assert_int_equal(report.count, MANY);
    assert_int_equal(report.results[0].error.code, ERROR_TIMEOUT);
    assert_non_null(strstr(report.results[MANY - 1].error.message, "was cancelled"));
    stand_in_close(&silent);
    stand_in_close(&quick);
}

static void a_lack_of_descriptors_only_slows_down(void **state)
{
    struct home *home = *state;
    struct identity *identity = make_identity("/CN=x");
    static struct stand_in server;
    struct trust_request requests[MANY];
    static struct report report;
    struct probe_options options = {.concurrency = MANY, .threads = 2};
    struct rlimit before;
    struct rlimit small;
    pid_t child;
    int next;

    report = (struct report){0};
    server.listening = https_listen("127.0.0.1", 0, NULL);
    server.port = port_of(server.listening);
    for (size_t i = 0; i < MANY; i++)
        requests[i] = request_to("127.0.0.1", server.port);
    child = fork(); /* the server has its own descriptors */
    if (child == 0) {
        fcntl(server.listening, F_SETFL, 0);
        server.behave = speak_tls;
        server.reply = "";
        server.context = context_of(identity);
        pthread_mutex_init(&server.lock, NULL);
        stand_in_run(&server);
        _exit(0);
    }
    next = dup(0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    small = before;
    small.rlim_cur = (rlim_t)next + 20;
    setrlimit(RLIMIT_NOFILE, &small);
    assert_int_equal(probe_run(home->store, requests, MANY, &options, take_report, &report, NULL), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(server.listening);
    for (size_t i = 0; i < MANY; i++) {
        if (report.results[i].state != PROBE_JUDGED)
            fail_msg("%zu: %s", i, report.results[i].error.message);
    }
    identity_free(identity);
}

int main(void)
{
#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, home_setup, home_teardown)
    const struct CMUnitTest tests[] = {
        WITH_HOME(pins_then_matches_then_refuses),
        WITH_HOME(bad_servers_end_with_one_sentence),
        WITH_HOME(nobody_there),
        WITH_HOME(names_are_looked_up),
        WITH_HOME(a_name_is_told_and_an_address_is_not),
        WITH_HOME(old_versions_are_said),
        WITH_HOME(weak_certificates_reach_the_verdict),
        WITH_HOME(servers_that_want_a_certificate_are_judged),
        WITH_HOME(a_borrowed_certificate_is_not_judged),
        WITH_HOME(many_at_once_are_each_reported_once),
        WITH_HOME(first_contact_by_many_gives_one_pin),
        WITH_HOME(a_cancelled_probe_ends_soon),
        WITH_HOME(a_lack_of_descriptors_only_slows_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
