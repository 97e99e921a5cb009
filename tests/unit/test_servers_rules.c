/* What the store keeps of servers, which of them there may be, how their secrets are sealed, and when they
 * are checked. */
#include "test_net_stand_in.h"

#include "servers/check.h"
#include "servers/limits.h"
#include "servers/schedule.h"
#include "store/setting.h"

#define INTERVAL 900000LL

static struct server server_named(enum server_kind kind, const char *host)
{
    struct server server = {.kind = kind, .timeout_s = 30, .added_ms = 1, .edited_ms = 1};

    assert_int_equal(host_parse(host, &server.address.kind, server.address.host, NULL), 0);
    server.address.port = 443;
    snprintf(server.user, sizeof(server.user), "admin");
    server.password = (const uint8_t *)"sealed";
    server.password_length = 6;
    return server;
}

struct putting {
    struct server server;
    enum server_node node;
};

static int put_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct putting *putting = arg;
    const struct server_status status = {
        .state = SERVER_REACHABLE, .node = putting->node, .product = "p", .version = "v", .problem = ""};

    if (server_put(txn, &putting->server, err) != 0)
        return -1;
    return server_status_put(txn, putting->server.kind, putting->server.address.host, &status, err);
}

static void put(struct home *home, enum server_kind kind, const char *host, enum server_node node)
{
    struct putting putting = {server_named(kind, host), node};
    struct error err = {0};

    if (store_run(home->store, put_job, &putting, &err) != 0)
        fail_msg("%s", err.message);
}

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct server *server = arg;

    return server_delete(txn, server->kind, server->address.host, err);
}

static int count_one(void *arg, const struct server *server, const struct server_status *status)
{
    (void)server;
    (void)status;
    ++*(int *)arg;
    return 0;
}

static int count(struct home *home, enum server_kind kind)
{
    struct store_txn *txn = store_read(home->store, NULL);
    int found = 0;

    assert_int_equal(server_each(txn, kind, count_one, &found, NULL), 0);
    store_end(txn);
    return found;
}

static void servers_are_kept_by_kind_and_host(void **state)
{
    struct home *home = *state;
    struct server_status status;
    struct server server;
    struct store_txn *txn;
    struct error err = {0};

    put(home, SERVER_ISE, "10.0.0.1", SERVER_NODE_PRIMARY);
    put(home, SERVER_ISE, "2001:db8::1", SERVER_NODE_STANDBY);
    put(home, SERVER_DNAC, "10.0.0.1", SERVER_NODE_UNKNOWN);
    assert_int_equal(count(home, SERVER_ISE), 2);
    assert_int_equal(count(home, SERVER_DNAC), 1);
    assert_int_equal(count(home, SERVER_KINDS), 3);
    txn = store_read(home->store, NULL);
    assert_int_equal(server_get(txn, SERVER_ISE, "2001:db8::1", &server, &status, NULL), 0);
    assert_int_equal(server.address.kind, HOST_IPV6);
    assert_int_equal(server.address.port, 443);
    assert_string_equal(server.user, "admin");
    assert_memory_equal(server.password, "sealed", 6);
    assert_int_equal(status.node, SERVER_NODE_STANDBY);
    assert_int_equal(server_get(txn, SERVER_DNAC, "2001:db8::1", &server, &status, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    store_end(txn);
    server = server_named(SERVER_ISE, "10.0.0.1");
    assert_int_equal(store_run(home->store, delete_job, &server, NULL), 0);
    assert_int_equal(count(home, SERVER_KINDS), 2);
    assert_int_equal(store_run(home->store, delete_job, &server, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static int add_events(struct store_txn *txn, void *arg, struct error *err)
{
    const int *most = arg;

    for (int i = 0; i < *most; i++) {
        const struct server_event event = {
            .kind = SERVER_ISE, .host = "h", .port = 1, .who = "a\nb", .what = "added", .text = "x\x1b"};

        if (server_event_append(txn, &event, err) != 0)
            return -1;
    }
    return 0;
}

struct events {
    int count;
    uint64_t first;
};

static int take_event(void *arg, const struct server_event *event)
{
    struct events *events = arg;

    assert_string_equal(event->who, "a\\0ab");
    assert_string_equal(event->text, "x\\1b");
    if (events->count++ == 0)
        events->first = event->number;
    return 0;
}

static void events_are_bounded_and_escaped(void **state)
{
    struct home *home = *state;
    struct events events = {0};
    int most = SERVER_EVENTS_KEPT + 5;
    struct store_txn *txn;

    assert_int_equal(store_run(home->store, add_events, &most, NULL), 0);
    txn = store_read(home->store, NULL);
    assert_int_equal(server_event_each(txn, 0, take_event, &events, NULL), 0);
    assert_int_equal(events.count, SERVER_EVENTS_KEPT);
    assert_int_equal(events.first, 6);
    events = (struct events){0};
    assert_int_equal(server_event_each(txn, 3, take_event, &events, NULL), 0);
    assert_int_equal(events.count, 3);
    store_end(txn);
}

/* The error's code for a further server; ERROR_NONE: it may come. */
static enum error_code judge(struct home *home, enum server_kind kind, const char *host,
                             enum server_node node, bool is_edit)
{
    struct server server = server_named(kind, host);
    struct store_txn *txn = store_read(home->store, NULL);
    struct error err = {0};
    int result = limits_check(txn, &server, node, is_edit, &err);

    store_end(txn);
    assert_int_equal(result == 0, err.code == ERROR_NONE);
    return err.code;
}

static void which_may_stand_beside_which(void **state)
{
    struct home *home = *state;

    assert_int_equal(judge(home, SERVER_ISE, "a.example", SERVER_NODE_UNKNOWN, false), ERROR_NONE);
    assert_int_equal(judge(home, SERVER_ISE, "a.example", SERVER_NODE_NONE, false), ERROR_INVALID_ARGUMENT);
    put(home, SERVER_ISE, "a.example", SERVER_NODE_STANDALONE);
    assert_int_equal(judge(home, SERVER_ISE, "a.example", SERVER_NODE_STANDALONE, false), ERROR_CONFLICT);
    assert_int_equal(judge(home, SERVER_ISE, "a.example", SERVER_NODE_STANDALONE, true), ERROR_NONE);
    for (int node = SERVER_NODE_STANDALONE; node <= SERVER_NODE_STANDBY; node++)
        assert_int_equal(judge(home, SERVER_ISE, "b.example", (enum server_node)node, false), ERROR_CONFLICT);
    put(home, SERVER_ISE, "a.example", SERVER_NODE_PRIMARY);
    assert_int_equal(judge(home, SERVER_ISE, "b.example", SERVER_NODE_PRIMARY, false), ERROR_CONFLICT);
    assert_int_equal(judge(home, SERVER_ISE, "b.example", SERVER_NODE_STANDALONE, false), ERROR_CONFLICT);
    assert_int_equal(judge(home, SERVER_ISE, "b.example", SERVER_NODE_STANDBY, false), ERROR_NONE);
    assert_int_equal(judge(home, SERVER_ISE, "b.example", SERVER_NODE_UNKNOWN, false), ERROR_NONE);
    put(home, SERVER_ISE, "b.example", SERVER_NODE_STANDBY);
    assert_int_equal(judge(home, SERVER_ISE, "c.example", SERVER_NODE_UNKNOWN, false), ERROR_CONFLICT);
    assert_int_equal(judge(home, SERVER_ISE, "b.example", SERVER_NODE_PRIMARY, true), ERROR_CONFLICT);
    assert_int_equal(judge(home, SERVER_DNAC, "a.example", SERVER_NODE_UNKNOWN, false), ERROR_NONE);
    put(home, SERVER_DNAC, "a.example", SERVER_NODE_UNKNOWN);
    assert_int_equal(judge(home, SERVER_DNAC, "b.example", SERVER_NODE_UNKNOWN, false), ERROR_CONFLICT);
    assert_int_equal(judge(home, SERVER_DNAC, "a.example", SERVER_NODE_UNKNOWN, true), ERROR_NONE);
}

struct tokens {
    struct seal *seal;
    struct server server;
    struct dnac_token token;
};

static int token_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct tokens *tokens = arg;

    return token_keep(txn, tokens->seal, &tokens->server, &tokens->token, err);
}

static struct dnac_token load(struct home *home, const struct tokens *tokens)
{
    struct store_txn *txn = store_read(home->store, NULL);
    struct dnac_token token;

    token_load(txn, tokens->seal, &tokens->server, &token);
    store_end(txn);
    return token;
}

static void secrets_open_only_where_they_belong(void **state)
{
    struct home *home = *state;
    struct error err = {0};
    struct tokens tokens = {seal_open(home->path, &err),
                            server_named(SERVER_DNAC, "a.example"),
                            {.text = "a.token", .until_ms = 4711}};
    struct server other = server_named(SERVER_ISE, "a.example");
    uint8_t sealed[SERVER_SEALED_MAX];
    char password[SERVER_PASSWORD_MAX];

    assert_non_null(tokens.seal);
    assert_int_equal(credentials_seal(tokens.seal, &tokens.server, "p\xc3\xa4ss", sealed, &err), 0);
    assert_int_equal(credentials_open(tokens.seal, &tokens.server, password, &err), 0);
    assert_string_equal(password, "p\xc3\xa4ss");
    other.password = tokens.server.password; /* the same bytes under another server's name */
    other.password_length = tokens.server.password_length;
    assert_int_equal(credentials_open(tokens.seal, &other, password, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    sealed[20] ^= 1;
    assert_int_equal(credentials_open(tokens.seal, &tokens.server, password, &err), -1);
    tokens.server.password_length = 3;
    assert_int_equal(credentials_open(tokens.seal, &tokens.server, password, &err), -1);
    assert_int_equal(credentials_seal(tokens.seal, &tokens.server, "", sealed, &err), -1);

    assert_string_equal(load(home, &tokens).text, "");
    assert_int_equal(store_run(home->store, token_job, &tokens, NULL), 0);
    assert_string_equal(load(home, &tokens).text, "a.token");
    assert_int_equal(load(home, &tokens).until_ms, 4711);
    tokens.token.text[0] = '\0';
    assert_int_equal(store_run(home->store, token_job, &tokens, NULL), 0);
    assert_string_equal(load(home, &tokens).text, "");
    seal_close(tokens.seal);
}

static void names_and_passwords_that_are_none(void **state)
{
    static const char *const users[] = {"", "a:b", "a\nb", "a\r\nX: y", "\xff", "a\x7f"};
    static const char *const passwords[] = {"", "a\nb", "\xff", "a\x1b", "\x01"};
    char longest[SERVER_PASSWORD_MAX + 1];
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
        assert_int_equal(server_check_user(users[i], &err), -1);
    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++)
        assert_int_equal(server_check_password(passwords[i], &err), -1);
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(server_check_password(longest, &err), -1);
    assert_null(strstr(err.message, "xxx"));
    longest[sizeof(longest) - 2] = '\0';
    assert_int_equal(server_check_password(longest, &err), 0);
    assert_int_equal(server_check_user("J\xc3\xb6rg \"M\" \\ |", &err), 0);
}

static void checks_come_at_their_time(void **state)
{
    static const uint32_t bits[] = {0, 1, 12345678, UINT32_MAX};
    int64_t last = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        int64_t delay = schedule_delay_ms(INTERVAL, SERVER_REACHABLE, 0, 0, bits[i]);

        assert_in_range(delay, INTERVAL * 9 / 10, INTERVAL * 11 / 10);
        for (unsigned failures = 1; failures < 100; failures++) {
            assert_in_range(schedule_delay_ms(INTERVAL, SERVER_UNREACHABLE, failures, 0, bits[i]),
                            INTERVAL / SCHEDULE_RETRY_SHARE * 9 / 10,
                            INTERVAL * SCHEDULE_INTERVALS_MOST * 11 / 10);
            /* accounts get locked: never before the interval is over */
            assert_in_range(schedule_delay_ms(INTERVAL, SERVER_CREDENTIALS, failures, 0, bits[i]),
                            INTERVAL * 9 / 10, INTERVAL * SCHEDULE_INTERVALS_MOST * 11 / 10);
        }
    }
    for (unsigned failures = 1; failures <= 5; failures++) {
        int64_t delay = schedule_delay_ms(INTERVAL, SERVER_UNREACHABLE, failures, 0, 7);

        assert_true(delay > last);
        last = delay;
    }
    /* what a busy server asks for is granted, within reason */
    assert_true(schedule_delay_ms(INTERVAL, SERVER_BUSY, 1, 1200, 0) >= 1200000);
    assert_true(schedule_delay_ms(INTERVAL, SERVER_BUSY, 1, INT64_MAX / 2, 0) <=
                INTERVAL * SCHEDULE_INTERVALS_MOST * 11 / 10);
    assert_true(schedule_delay_ms(100, SERVER_UNREACHABLE, 1, 0, 3) >= 0);
}

static void a_proxy_is_a_url_without_a_user(void **state)
{
    static const struct {
        const char *typed;
        const char *shown; /* NULL: refused */
    } cases[] = {
        {"none", "none"},
        {"http://proxy.example.com:3128", "http://proxy.example.com:3128"},
        {"http://Proxy.Example.COM.", "http://proxy.example.com:80"},
        {"http://10.0.0.1:8080/", "http://10.0.0.1:8080"},
        {"http://[2001:DB8::1]:3128", "http://[2001:db8::1]:3128"},
        {"http://2001:db8::1", NULL},
        {"https://proxy.example.com:3128", NULL},
        {"socks5://proxy.example.com", NULL},
        {"proxy.example.com:3128", NULL},
        {"http://proxy.example.com:3128/a", NULL},
        {"http://proxy.example.com:65536", NULL},
        {"http://bob@proxy.example.com:3128", NULL},
        {"http://bob:Secret-1@proxy.example.com:3128", NULL},
        {"http://", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char shown[SERVER_PROXY_TEXT_MAX];
        struct error err = {0};
        struct host_port proxy;

        if (server_proxy_parse(cases[i].typed, &proxy, &err) != 0) {
            if (cases[i].shown != NULL)
                fail_msg("%s: %s", cases[i].typed, err.message);
            assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
            assert_null(strstr(err.message, "Secret-1"));
            continue;
        }
        server_proxy_format(&proxy, shown);
        assert_non_null(cases[i].shown);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void a_proxy_is_kept(void **state)
{
    struct home *home = *state;
    struct putting putting = {server_named(SERVER_ISE, "10.0.0.9"), SERVER_NODE_STANDALONE};
    struct server server;
    struct store_txn *txn;
    struct error err = {0};

    assert_int_equal(server_proxy_parse("http://[2001:db8::1]:3128", &putting.server.proxy, &err), 0);
    assert_int_equal(store_run(home->store, put_job, &putting, &err), 0);
    put(home, SERVER_ISE, "10.0.0.10", SERVER_NODE_STANDALONE);
    txn = store_read(home->store, &err);
    assert_int_equal(server_get(txn, SERVER_ISE, "10.0.0.9", &server, NULL, &err), 0);
    assert_string_equal(server.proxy.host, "2001:db8::1");
    assert_int_equal(server.proxy.kind, HOST_IPV6);
    assert_int_equal(server.proxy.port, 3128);
    assert_int_equal(server_get(txn, SERVER_ISE, "10.0.0.10", &server, NULL, &err), 0);
    assert_int_equal(server.proxy.port, 0);
    store_end(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(servers_are_kept_by_kind_and_host, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(events_are_bounded_and_escaped, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(which_may_stand_beside_which, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(secrets_open_only_where_they_belong, home_setup, home_teardown),
        cmocka_unit_test(names_and_passwords_that_are_none),
        cmocka_unit_test(checks_come_at_their_time),
        cmocka_unit_test(a_proxy_is_a_url_without_a_user),
        cmocka_unit_test_setup_teardown(a_proxy_is_kept, home_setup, home_teardown),
    };

    return cmocka_run_group_tests_name("servers_rules", tests, NULL, NULL);
}
