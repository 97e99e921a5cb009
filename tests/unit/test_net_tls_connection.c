/* What keeps a connection from being made, in words that say what to do. */
#include "test_net_stand_in.h"

#include "net/socket_address.h"
#include "net/tls_connection.h"

/* TEST-NET-2 (RFC 5737): nobody is there. */
#define ELSEWHERE "198.51.100.1"

/* A machine without a way out says something else, which is no matter here. */
static bool kernel_refuses_loopback_to(const char *address)
{
    union socket_address from;
    union socket_address to;
    socklen_t size = socket_address_read("127.0.0.1", 0, &from);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refuses;

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &from.any, size), 0);
    size = socket_address_read(address, 9, &to);
    refuses = connect(fd, &to.any, size) != 0 && errno == EINVAL;
    close(fd);
    return refuses;
}

static int open_from(struct home *home, const char *source, struct error *err)
{
    struct trust_request trust = {.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_OBSERVE, .task = "test"};
    const struct tls_connection_options options = {.trust = &trust, .source = source};
    struct trust_verdict verdict;
    struct tls_connection *connection;

    trust.host = (struct host_port){.kind = HOST_IPV4, .port = 9};
    snprintf(trust.host.host, HOST_TEXT_MAX, ELSEWHERE);
    connection = tls_connection_open(home->store, &options, NULL, clock_monotonic_ms() + 100, &verdict, err);
    tls_connection_close(connection);
    return connection == NULL ? -1 : 0;
}

static void loopback_reaches_no_other_machine(void **state)
{
    struct error err = {0};

    if (!kernel_refuses_loopback_to(ELSEWHERE))
        skip();
    assert_int_equal(open_from(*state, "127.0.0.1", &err), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    assert_non_null(strstr(err.message, "cannot connect to " ELSEWHERE "_9 from 127.0.0.1: "));
    assert_non_null(strstr(err.message, "a loopback address"));
    assert_non_null(strstr(err.message, "node.conf"));
    assert_non_null(strstr(err.hint, "listen = <address>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loopback_reaches_no_other_machine, home_setup, home_teardown),
    };

    return cmocka_run_group_tests_name("net_tls_connection", tests, NULL, NULL);
}
