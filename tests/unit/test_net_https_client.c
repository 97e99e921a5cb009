/* HTTPS requests against good and bad servers, with a real store: what crosses, and what must not. */
#include "test_net_stand_in.h"

#include "net/https_client.h"

#include <sys/resource.h>

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define SECRET "Authorization: Basic c2VjcmV0"

static struct https_request request_to(const char *host, uint16_t port)
{
    static const char *const headers[] = {SECRET, NULL};
    struct https_request request = {
        .trust = {.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "test"},
        .method = "GET",
        .path = "/admin/API/mnt/Version",
        .headers = headers,
        .timeout_ms = PATIENCE_S * 1000,
    };

    request.trust.host.port = port;
    assert_int_equal(host_parse(host, &request.trust.host.kind, request.trust.host.host, NULL), 0);
    return request;
}

static void assert_ok(struct home *home, const struct https_request *request, struct https_response *response)
{
    struct error err = {0};

    if (https_perform(home->store, request, response, &err) != 0)
        fail_msg("%s", err.message);
}

static void a_request_crosses_and_an_answer_comes(void **state)
{
    struct identity *identity = make_identity("/CN=ise");
    struct stand_in server;
    struct https_request request;
    struct https_response response;

    setenv("https_proxy", "http://127.0.0.1:9", 1); /* nobody asks it */
    stand_in_open(&server, speak_tls, context_of(identity));
    server.reply = OK_REPLY;
    request = request_to("127.0.0.1", server.port);
    assert_ok(*state, &request, &response);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body_length, 5);
    assert_string_equal(response.body, "hello");
    assert_int_equal(response.verdict.outcome, TRUST_FIRST_USE);
    https_response_free(&response);
    request.method = "POST";
    request.body = "a\0b";
    request.body_length = 3;
    assert_ok(*state, &request, &response);
    assert_int_equal(response.verdict.outcome, TRUST_MATCH);
    https_response_free(&response);
    stand_in_close(&server);
    unsetenv("https_proxy");
    assert_int_equal(atomic_load(&server.connections), 2);
    assert_non_null(strstr(server.heard, "GET /admin/API/mnt/Version HTTP/1.1\r\n"));
    assert_non_null(strstr(server.heard, SECRET "\r\n"));
    assert_non_null(strstr(server.heard, "POST /admin/API/mnt/Version HTTP/1.1\r\n"));
    assert_memory_equal(server.heard + server.heard_length - 3, "a\0b", 3);
    assert_null(strcasestr(server.heard, "user-agent"));
    identity_free(identity);
}

/* The heart of it: a refused certificate gets no byte of the request, nor our own certificate. */
static void a_refused_server_hears_nothing(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct identity *own = make_identity("/CN=prime-pri");
    struct identity *first = make_identity("/CN=ise");
    struct identity *second = make_identity("/CN=ise");

    for (size_t i = 0; i < 4; i++) {
        SSL_CTX *context = context_of(second);
        struct stand_in server;
        struct https_request request;
        struct https_response response;
        struct error err = {0};
        bool mutual = i >= 2;

        stand_in_open(&server, speak_tls, context_of(first));
        server.reply = OK_REPLY;
        request = request_to("127.0.0.1", server.port);
        request.identity = mutual ? own : NULL;
        assert_ok(*state, &request, &response);
        https_response_free(&response);
        stand_in_close(&server);

        SSL_CTX_set_max_proto_version(context, versions[i % 2]);
        SSL_CTX_set_verify(context, mutual ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
        stand_in_open_at(&server, speak_tls, context, "127.0.0.1", request.trust.host.port);
        server.reply = OK_REPLY;
        assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
        assert_int_equal(err.code, ERROR_PIN_MISMATCH);
        assert_int_equal(response.verdict.outcome, TRUST_MISMATCH);
        assert_null(response.body);
        stand_in_close(&server);
        assert_int_equal(atomic_load(&server.connections), 1);
        assert_int_equal(server.heard_length, 0);
        assert_int_equal(atomic_load(&server.client_certificates), 0);
    }
    identity_free(own);
    identity_free(first);
    identity_free(second);
}

static int accept_any(X509_STORE_CTX *chain, void *arg)
{
    (void)chain;
    (void)arg;
    return 1;
}

static void our_certificate_is_shown_to_whom_we_trust(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct identity *own = make_identity("/CN=prime-pri");
    struct identity *identity = make_identity("/CN=peer");

    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *context = context_of(identity);
        struct stand_in server;
        struct https_request request;
        struct https_response response;

        SSL_CTX_set_max_proto_version(context, versions[i]);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_cert_verify_callback(context, accept_any, NULL);
        stand_in_open(&server, speak_tls, context);
        server.reply = OK_REPLY;
        request = request_to("127.0.0.1", server.port);
        request.identity = own;
        assert_ok(*state, &request, &response);
        assert_int_equal(response.status, 200);
        https_response_free(&response);
        stand_in_close(&server);
        assert_int_equal(atomic_load(&server.client_certificates), 1);
    }
    identity_free(own);
    identity_free(identity);
}

static void answers_are_bounded_and_redirects_stay(void **state)
{
    struct identity *identity = make_identity("/CN=ise");
    struct stand_in server;
    struct https_request request;
    struct https_response response;
    struct error err = {0};
    char expected[200];

    stand_in_open(&server, speak_tls, context_of(identity));
    request = request_to("127.0.0.1", server.port);
    server.reply = OK_REPLY;
    request.body_max = 4;
    assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
    snprintf(expected, sizeof(expected), "127.0.0.1_%u answered with more than 4 bytes", server.port);
    assert_string_equal(err.message, expected);
    request.body_max = 5;
    assert_ok(*state, &request, &response);
    https_response_free(&response);
    server.reply = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert_ok(*state, &request, &response);
    assert_int_equal(response.status, 302);
    assert_string_equal(response.body, "");
    https_response_free(&response);
    server.reply = "SSH-2.0-x\033[2J\r\n\r\n\r\n";
    assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    assert_null(strchr(err.message, '\033'));
    stand_in_close(&server);
    identity_free(identity);
}

static void a_socket_that_cannot_be_made_has_its_reason(void **state)
{
    struct https_request request = request_to("127.0.0.1", 9);
    struct https_response response;
    struct error err = {0};
    struct rlimit before;
    struct rlimit none;

    https_client_init();
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_string_equal(err.message, "cannot connect to 127.0.0.1_9: Too many open files");
}

static void only_observing_pins_and_sends_nothing(void **state)
{
    struct identity *identity = make_identity("/CN=ise");
    struct stand_in server;
    struct https_request request;
    struct https_response response;
    struct error err = {0};

    stand_in_open(&server, speak_tls, context_of(identity));
    request = request_to("127.0.0.1", server.port);
    request.trust.mode = TRUST_OBSERVE;
    assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    assert_true(err.message[0] != '\0');
    assert_int_equal(response.verdict.outcome, TRUST_NO_PIN);
    stand_in_close(&server);
    assert_int_equal(server.heard_length, 0);
    identity_free(identity);
}

static void hears_a_request(struct stand_in *server, int fd)
{
    SSL *ssl = SSL_new(server->context);
    char bytes[1000];

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        SSL_read(ssl, bytes, sizeof(bytes));
    if (server->reply[0] == '\0')
        say_nothing(server, fd);
    SSL_free(ssl);
    ERR_clear_error();
}

static void bad_servers_end_with_one_sentence(void **state)
{
    static const struct {
        behaviour behave;
        const char *reply;
        enum error_code code;
        const char *message;
    } rows[] = {
        {say_nothing, "", ERROR_TIMEOUT, "no TLS handshake with %s within 0.5 s"},
        {drip, "", ERROR_TIMEOUT, "no TLS handshake with %s within 0.5 s"},
        {close_at_once, "", ERROR_UNREACHABLE, "%s closed the connection during the TLS handshake"},
        {close_in_mid_handshake, "", ERROR_UNREACHABLE, "%s closed the connection during the TLS handshake"},
        {speak_http, "", ERROR_UNREACHABLE, "%s does not speak TLS: it answered with plain text"},
        {hears_a_request, "", ERROR_TIMEOUT, "no answer from %s within 0.5 s"},
        {hears_a_request, "x", ERROR_UNREACHABLE, "%s closed the connection without an answer"},
    };
    struct identity *identity = make_identity("/CN=ise");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stand_in server;
        struct https_request request;
        struct https_response response;
        struct error err = {0};
        char host[HOST_PORT_TEXT_MAX];
        char expected[300];
        const char *hole = strstr(rows[i].message, "%s");

        stand_in_open(&server, rows[i].behave, context_of(identity));
        server.reply = rows[i].reply;
        request = request_to("127.0.0.1", server.port);
        if (rows[i].code == ERROR_TIMEOUT)
            request.timeout_ms = 500;
        assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
        host_port_format(&request.trust.host, host);
        snprintf(expected, sizeof(expected), "%.*s%s%s", (int)(hole - rows[i].message), rows[i].message, host,
                 hole + 2);
        assert_string_equal(err.message, expected);
        assert_int_equal(err.code, rows[i].code);
        stand_in_close(&server);
    }
    identity_free(identity);
}

static void nobody_there(void **state)
{
    int fd = https_listen("127.0.0.1", 0, NULL);
    struct https_request request = request_to("127.0.0.1", port_of(fd));
    struct https_response response;
    struct error err = {0};
    char expected[100];

    close(fd);
    assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
    snprintf(expected, sizeof(expected), "cannot connect to 127.0.0.1_%u: Connection refused",
             request.trust.host.port);
    assert_string_equal(err.message, expected);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    request = request_to("no-such-host.invalid", 443);
    assert_int_equal(https_perform(((struct home *)*state)->store, &request, &response, &err), -1);
    assert_string_equal(err.message, "cannot find the address of no-such-host.invalid");
}

static void bad_requests_are_not_sent(void **state)
{
    static const char *const bad_headers[] = {"X: a\r\nY: b", NULL};
    struct https_request request = request_to("127.0.0.1", 9);
    struct https_response response;
    struct error err = {0};
    struct store *store = ((struct home *)*state)->store;

    request.path = "/x y";
    assert_int_equal(https_perform(store, &request, &response, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    request.path = "@evil.example/";
    assert_int_equal(https_perform(store, &request, &response, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    request.path = "/";
    request.headers = bad_headers;
    assert_int_equal(https_perform(store, &request, &response, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    request.headers = NULL;
    request.method = "GET / HTTP/1.1\r\n";
    assert_int_equal(https_perform(store, &request, &response, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
}

int main(void)
{
#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, home_setup, home_teardown)
    const struct CMUnitTest tests[] = {
        WITH_HOME(a_request_crosses_and_an_answer_comes),
        WITH_HOME(a_refused_server_hears_nothing),
        WITH_HOME(our_certificate_is_shown_to_whom_we_trust),
        WITH_HOME(answers_are_bounded_and_redirects_stay),
        WITH_HOME(a_socket_that_cannot_be_made_has_its_reason),
        WITH_HOME(only_observing_pins_and_sends_nothing),
        WITH_HOME(bad_servers_end_with_one_sentence),
        WITH_HOME(nobody_there),
        WITH_HOME(bad_requests_are_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
