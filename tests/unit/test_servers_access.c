/* Conversations with servers: what crosses to whom, what comes of each answer, and the poller. */
#include "test_net_stand_in.h"

#include "servers/poller.h"

#include <sys/eventfd.h>

#define VERSION "<product name='x'><version>3.1</version><type_of_node>0</type_of_node></product>"
#define REPLY(status, headers, body) "HTTP/1.1 " status "\r\n" headers "Connection: close\r\n\r\n" body
#define PASSWORD "secret-4711"
#define BASIC "Authorization: Basic YWRtaW46c2VjcmV0LTQ3MTE=" /* admin:secret-4711 */

struct talk {
    struct identity *identity;
    struct stand_in server;
    struct server record;
    struct server_access access;
    char reply[2000];
};

static void talk_open(struct talk *talk, struct home *home, const char *reply)
{
    *talk = (struct talk){.identity = make_identity("/CN=ise")};
    stand_in_open(&talk->server, speak_tls, context_of(talk->identity));
    snprintf(talk->reply, sizeof(talk->reply), "%s", reply);
    talk->server.reply = talk->reply;
    talk->record = (struct server){.kind = SERVER_ISE, .user = "admin", .timeout_s = PATIENCE_S};
    talk->record.address = (struct host_port){.kind = HOST_IPV4, .port = talk->server.port};
    snprintf(talk->record.address.host, HOST_TEXT_MAX, "127.0.0.1");
    talk->access = (struct server_access){
        .store = home->store, .server = &talk->record, .password = PASSWORD, .task = "test"};
}

static void talk_close(struct talk *talk)
{
    stand_in_close(&talk->server);
    identity_free(talk->identity);
}

static void a_version_is_asked_for(void **state)
{
    struct talk talk;
    struct ise_version version;
    struct error err = {0};

    talk_open(&talk, *state, REPLY("200 OK", "Content-Type: application/xml;charset=utf-8\r\n", VERSION));
    if (ise_ask_version(&talk.access, &version, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(version.version, "3.1");
    talk_close(&talk);
    assert_non_null(strstr(talk.server.heard, "GET /admin/API/mnt/Version HTTP/1.1\r\n"));
    assert_non_null(strstr(talk.server.heard, BASIC "\r\n"));
    assert_non_null(strstr(talk.server.heard, "Accept: application/xml\r\n"));
}

static void a_server_may_be_named_or_have_an_ipv6_address(void **state)
{
    static const struct {
        enum host_kind kind;
        const char *host;
        const char *listen;
        const char *header;
    } places[] = {{HOST_IPV6, "::1", "::1", "Host: [::1]:"},
                  {HOST_NAME, "localhost", "127.0.0.1", "Host: localhost:"}};

    for (size_t i = 0; i < 2; i++) {
        struct talk talk;
        struct ise_version version;
        struct error err = {0};

        talk_open(&talk, *state, REPLY("200 OK", "", VERSION));
        stand_in_close(&talk.server);
        stand_in_open_at(&talk.server, speak_tls, context_of(talk.identity), places[i].listen, 0);
        talk.server.reply = talk.reply;
        talk.record.address = (struct host_port){.kind = places[i].kind, .port = talk.server.port};
        snprintf(talk.record.address.host, HOST_TEXT_MAX, "%s", places[i].host);
        if (ise_ask_version(&talk.access, &version, &err) != 0)
            fail_msg("%s", err.message);
        talk_close(&talk);
        assert_non_null(strstr(talk.server.heard, places[i].header));
    }
}

static void each_answer_has_its_state(void **state)
{
    static const struct {
        const char *reply;
        enum server_state state;
        enum error_code code;
    } answers[] = {
        {REPLY("401 No", "", ""), SERVER_CREDENTIALS, ERROR_DENIED},
        {REPLY("403 No", "", ""), SERVER_CREDENTIALS, ERROR_DENIED},
        {REPLY("404 No", "", VERSION), SERVER_UNEXPECTED, ERROR_UNREACHABLE},
        {REPLY("429 Slow", "Retry-After: 17\r\n", ""), SERVER_BUSY, ERROR_BUSY},
        {REPLY("503 Slow", "", ""), SERVER_BUSY, ERROR_BUSY},
        {REPLY("500 Oh", "", VERSION), SERVER_UNEXPECTED, ERROR_UNREACHABLE},
        {REPLY("204 None", "", ""), SERVER_UNEXPECTED, ERROR_UNREACHABLE},
        {REPLY("304 Same", "", ""), SERVER_UNEXPECTED, ERROR_UNREACHABLE},
        {REPLY("200 OK", "", ""), SERVER_UNEXPECTED, ERROR_UNREACHABLE},
        {REPLY("200 OK", "Content-Type: text/html\r\n", "<html/>"), SERVER_UNEXPECTED, ERROR_UNREACHABLE},
        {REPLY("200 OK", "Content-Type: x; charset=koi8-r\r\n", VERSION), SERVER_UNEXPECTED,
         ERROR_UNREACHABLE},
        {REPLY("200 OK", "Content-Length: 900\r\n", VERSION), SERVER_UNREACHABLE, ERROR_UNREACHABLE},
        {"no HTTP\r\n\r\n", SERVER_UNREACHABLE, ERROR_UNREACHABLE},
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct talk talk;
        struct ise_version version;
        struct error err = {0};

        talk_open(&talk, *state, answers[i].reply);
        assert_int_equal(ise_ask_version(&talk.access, &version, &err), -1);
        talk_close(&talk);
        if (talk.access.state != answers[i].state || err.code != answers[i].code)
            fail_msg("%s: %s, %s", answers[i].reply, server_state_name(talk.access.state), err.message);
        assert_null(strstr(err.message, PASSWORD));
        if (i == 3)
            assert_int_equal(talk.access.retry_after_s, 17);
    }
}

static void note_refusal(void *arg, const struct trust_request *trust, const struct trust_verdict *verdict)
{
    struct host_port *host = arg;

    *host = trust->host;
    assert_int_equal(verdict->outcome, TRUST_MISMATCH);
}

static void a_mismatch_gets_nothing(void **state)
{
    struct host_port refused = {0};
    struct talk talk;
    struct ise_version version;
    struct error err = {0};
    struct identity *second;
    uint16_t port;

    talk_open(&talk, *state, REPLY("200 OK", "", VERSION));
    assert_int_equal(ise_ask_version(&talk.access, &version, &err), 0);
    port = talk.server.port;
    stand_in_close(&talk.server);
    second = make_identity("/CN=ise");
    stand_in_open_at(&talk.server, speak_tls, context_of(second), "127.0.0.1", port);
    talk.server.reply = talk.reply;
    talk.access.judged = note_refusal;
    talk.access.arg = &refused;
    assert_int_equal(ise_ask_version(&talk.access, &version, &err), -1);
    assert_int_equal(talk.access.state, SERVER_MISMATCH);
    assert_int_equal(err.code, ERROR_PIN_MISMATCH);
    assert_int_equal(refused.port, port);
    identity_free(second);
    talk_close(&talk);
    assert_int_equal(talk.server.heard_length, 0);
}

/* Another server, at another address, that would answer as wanted. */
static void a_redirect_takes_no_credentials_along(void **state)
{
    static const char *const statuses[] = {"301 x", "302 x", "303 x", "307 x", "308 x"};

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct identity *other = make_identity("/CN=other");
        struct stand_in elsewhere;
        struct talk talk;
        struct ise_version version;
        struct error err = {0};

        stand_in_open_at(&elsewhere, speak_tls, context_of(other), "127.0.0.2", 0);
        elsewhere.reply = i == 0 ? REPLY("401 No", "", "") : REPLY("200 OK", "", VERSION);
        talk_open(&talk, *state, "");
        snprintf(talk.reply, sizeof(talk.reply), "HTTP/1.1 %s\r\nLocation: https://127.0.0.2:%u/v?x=1\r\n%s",
                 statuses[i], elsewhere.port, "Content-Length: 0\r\nConnection: close\r\n\r\n");
        assert_int_equal(ise_ask_version(&talk.access, &version, &err), i == 0 ? -1 : 0);
        talk_close(&talk);
        stand_in_close(&elsewhere);
        identity_free(other);
        assert_non_null(strstr(talk.server.heard, BASIC));
        assert_non_null(strstr(elsewhere.heard, "GET /v?x=1 HTTP/1.1\r\n"));
        assert_null(strcasestr(elsewhere.heard, "authorization"));
        assert_null(strstr(elsewhere.heard, "YWRtaW4"));
        if (i == 0) {
            assert_int_equal(talk.access.state, SERVER_CREDENTIALS);
            assert_non_null(strstr(err.message, "does not get the credentials"));
        }
    }
}

static void redirects_that_are_not_followed(void **state)
{
    static const char *const places[] = {"http://127.0.0.1/", "ftp://127.0.0.1/",  "file:///etc/passwd",
                                         "https://",          "https://exa mple/", "gopher://x"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct talk talk;
        struct ise_version version;
        struct error err = {0};

        talk_open(&talk, *state, "");
        snprintf(talk.reply, sizeof(talk.reply), REPLY("302 x", "Location: %s\r\n", ""), places[i]);
        assert_int_equal(ise_ask_version(&talk.access, &version, &err), -1);
        assert_int_equal(talk.access.state, SERVER_UNEXPECTED);
        assert_true(err.hint[0] != '\0');
        talk_close(&talk);
        assert_int_equal(atomic_load(&talk.server.connections), 1);
    }
}

static void a_circle_of_redirects_ends(void **state)
{
    struct talk talk;
    struct ise_version version;
    struct error err = {0};

    talk_open(&talk, *state, REPLY("302 x", "Location: /again\r\nContent-Length: 0\r\n", ""));
    assert_int_equal(ise_ask_version(&talk.access, &version, &err), -1);
    assert_non_null(strstr(err.message, "too many"));
    assert_int_equal(talk.access.state, SERVER_UNEXPECTED);
    talk_close(&talk);
    assert_int_equal(atomic_load(&talk.server.connections), SERVER_REDIRECTS_MAX + 1);
    assert_non_null(strstr(talk.server.heard, "GET /again HTTP/1.1"));
}

/* Sends gzip; the stand-in's reply is text, so the bytes are put together here. */
static char packed[200000];
static size_t packed_length;

static void speak_gzip(struct stand_in *server, int fd)
{
    SSL *ssl = SSL_new(server->context);
    char bytes[4000];
    size_t sent = 0;

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, bytes, sizeof(bytes)) > 0) {
        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: "
                                   "application/xml\r\nConnection: close\r\n\r\n";

        SSL_write(ssl, head, sizeof(head) - 1);
        while (sent < packed_length) {
            int part = packed_length - sent > 10000 ? 10000 : (int)(packed_length - sent);

            if (SSL_write(ssl, packed + sent, part) <= 0)
                break;
            sent += (size_t)part;
        }
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    ERR_clear_error();
}

static void pack(const char *text, const char *blanks)
{
    char command[400];
    FILE *pipe;

    snprintf(command, sizeof(command), "(printf %%s \"%s\"; head -c %s /dev/zero | tr '\\0' ' ') | gzip -9n",
             text, blanks);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    packed_length = fread(packed, 1, sizeof(packed), pipe);
    assert_int_equal(pclose(pipe), 0);
    assert_true(packed_length > 0 && packed_length < sizeof(packed));
}

static void packed_answers_are_unpacked_and_bounded(void **state)
{
    struct talk talk;
    struct ise_version version;
    struct error err = {0};

    talk_open(&talk, *state, "");
    talk.server.behave = speak_gzip;
    pack(VERSION, "0");
    if (ise_ask_version(&talk.access, &version, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(version.version, "3.1");
    pack("<product>", "100000000"); /* a hundred megabytes in a hundred kilobytes */
    assert_int_equal(ise_ask_version(&talk.access, &version, &err), -1);
    assert_non_null(strstr(err.message, "more than"));
    assert_int_equal(talk.access.state, SERVER_UNEXPECTED);
    pack(VERSION, "0");
    packed[packed_length - 1] ^= 1; /* its length */
    assert_int_equal(ise_ask_version(&talk.access, &version, &err), -1);
    assert_non_null(strstr(err.message, "cannot be unpacked"));
    assert_int_equal(talk.access.state, SERVER_UNEXPECTED);
    talk_close(&talk);
}

static void *cancel_soon(void *fd)
{
    eventfd_write(*(int *)fd, 1);
    return NULL;
}

static void what_is_given_up_ends_at_once(void **state)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int64_t start_ms = clock_monotonic_ms();
    struct talk talk;
    struct ise_version version;
    struct error err = {0};
    pthread_t thread;

    talk_open(&talk, *state, "");
    talk.server.behave = say_nothing;
    talk.access.cancel_fd = fd;
    talk.record.timeout_s = 300;
    pthread_create(&thread, NULL, cancel_soon, &fd);
    assert_int_equal(ise_ask_version(&talk.access, &version, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(talk.access.state, SERVER_UNCHECKED);
    assert_true(clock_monotonic_ms() - start_ms < PATIENCE_S * 1000);
    pthread_join(thread, NULL);
    talk_close(&talk);
    close(fd);
}

/* ---- the poller ---- */

struct polling {
    struct home *home;
    struct seal *seal;
    atomic_int checks;
    atomic_int turns;
    atomic_int last_state;
    atomic_bool may_run;
};

static bool may_run(void *arg)
{
    return atomic_load(&((struct polling *)arg)->may_run);
}

static void name_task(void *arg, char *out, size_t size)
{
    (void)arg;
    snprintf(out, size, "task");
}

static void checked(void *arg, const char *task, const struct server *server,
                    const struct server_found *found, const struct server_turn *turn)
{
    struct polling *polling = arg;

    assert_string_equal(task, "task");
    assert_null(server->password);
    atomic_store(&polling->last_state, found->state);
    atomic_fetch_add(&polling->turns, turn->happened);
    atomic_fetch_add(&polling->checks, 1);
}

static int put_job(struct store_txn *txn, void *arg, struct error *err)
{
    return server_put(txn, arg, err);
}

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct server *server = arg;

    return server_delete(txn, server->kind, server->address.host, err);
}

static void wait_for_checks(struct polling *polling, int count)
{
    int64_t end_ms = clock_monotonic_ms() + PATIENCE_S * 1000;

    while (atomic_load(&polling->checks) < count) {
        if (clock_monotonic_ms() > end_ms)
            fail_msg("%d checks instead of %d", atomic_load(&polling->checks), count);
        usleep(2000);
    }
}

static void a_registered_server_is_polled(void **state)
{
    struct polling polling = {.home = *state};
    struct poller_means means = {.store = polling.home->store,
                                 .interval_ms = 60,
                                 .may_run = may_run,
                                 .name_task = name_task,
                                 .checked = checked,
                                 .arg = &polling};
    uint8_t sealed[SERVER_SEALED_MAX];
    struct poller *poller;
    struct talk talk;
    struct error err = {0};
    int64_t end_ms;

    polling.seal = seal_open(polling.home->path, &err);
    means.seal = polling.seal;
    talk_open(&talk, *state, REPLY("200 OK", "", VERSION));
    talk.record.timeout_s = 20;
    assert_int_equal(credentials_seal(polling.seal, &talk.record, PASSWORD, sealed, &err), 0);
    poller = poller_start(&means, &err);
    assert_non_null(poller);
    assert_int_equal(store_run(polling.home->store, put_job, &talk.record, &err), 0);
    poller_wake(poller); /* it may not run yet, and must not burn the processor meanwhile */
    assert_int_equal(atomic_load(&polling.checks), 0);
    atomic_store(&polling.may_run, true);
    poller_wake(poller);
    wait_for_checks(&polling, 5);
    assert_int_equal(atomic_load(&polling.last_state), SERVER_REACHABLE);
    assert_int_equal(atomic_load(&polling.turns), 1);
    talk.server.behave = say_nothing; /* the next one hangs until it is given up */
    end_ms = clock_monotonic_ms() + PATIENCE_S * 1000;
    while (atomic_load(&talk.server.connections) <= atomic_load(&talk.server.handshakes)) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(2000);
    }
    assert_int_equal(store_run(polling.home->store, delete_job, &talk.record, &err), 0);
    poller_wake(poller);
    poller_stop(poller);
    assert_true(clock_monotonic_ms() < end_ms);
    seal_close(polling.seal);
    talk_close(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_version_is_asked_for, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(a_server_may_be_named_or_have_an_ipv6_address, home_setup,
                                        home_teardown),
        cmocka_unit_test_setup_teardown(each_answer_has_its_state, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(a_mismatch_gets_nothing, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(a_redirect_takes_no_credentials_along, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(redirects_that_are_not_followed, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(a_circle_of_redirects_ends, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(packed_answers_are_unpacked_and_bounded, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(what_is_given_up_ends_at_once, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(a_registered_server_is_polled, home_setup, home_teardown),
    };

    return cmocka_run_group_tests_name("servers_access", tests, NULL, NULL);
}
