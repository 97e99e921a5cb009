/* The HTTPS service over real sockets and real TLS; its loop runs in a thread of its own. */
#include "test_net.h"

#include "net/https_server.h"
#include "net/tls.h"

#include <event2/buffer.h>
#include <sys/resource.h>

#define ADDRESS "127.0.0.1"

struct site {
    struct identity *identity;
    struct https_server_limits limits;
    uint16_t port;
    int commands[2]; /* 's' stop, 'r' reply to what is held, 'w' the same in raw bytes */
    pthread_t thread;
    struct event_base *base;
    struct https_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct https_exchange *held;
    bool up;
};

/* Bytes of our own making. */
static void reply_raw(struct https_exchange *exchange, enum https_end end)
{
    struct evbuffer *reply = evbuffer_new();

    evbuffer_add_printf(reply, "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nX-End: %d\r\n\r\nhal", (int)end);
    https_reply_raw(exchange, reply, end);
    evbuffer_free(reply);
}

static void serve(void *arg, struct https_exchange *exchange)
{
    struct site *site = arg;
    const char *path = https_exchange_path(exchange);
    const char *word = https_exchange_header(exchange, "X-Word");
    char text[500];
    size_t length;
    const char *body = https_exchange_body(exchange, &length);

    if (strcmp(path, "/held") == 0) {
        pthread_mutex_lock(&site->lock);
        site->held = exchange;
        pthread_cond_broadcast(&site->changed);
        pthread_mutex_unlock(&site->lock);
    } else if (strcmp(path, "/echo") == 0) {
        https_reply(exchange, 200, "application/octet-stream", body, length);
    } else if (strcmp(path, "/big") == 0) {
        char *bytes = calloc(1, 8 << 20);

        https_reply(exchange, 200, "application/octet-stream", bytes, 8 << 20);
        free(bytes);
    } else if (strncmp(path, "/raw/", 5) == 0) {
        reply_raw(exchange, (enum https_end)(path[5] - '0'));
    } else if (strcmp(path, "/pause") == 0 || strcmp(path, "/go") == 0) {
        https_server_pause(site->server, path[1] == 'p');
        https_add_header(exchange, "X-Word", "of ours");
        https_reply(exchange, 204, NULL, NULL, 0);
    } else if (strcmp(path, "/nothing") == 0) {
        https_reply(exchange, 204, NULL, NULL, 0);
    } else {
        snprintf(text, sizeof(text), "%s|%s|%s|%s|%s|%s", https_exchange_method(exchange), path,
                 https_exchange_query(exchange), word ? word : "-", https_exchange_peer(exchange),
                 SSL_get_version(https_exchange_ssl(exchange)));
        https_reply(exchange, 200, "text/plain", text, strlen(text));
    }
}

static void on_command(evutil_socket_t fd, short what, void *arg)
{
    struct site *site = arg;
    char command = 0;

    (void)what;
    assert_int_equal(read(fd, &command, 1), 1);
    if (command == 's')
        event_base_loopbreak(site->base);
    else if (command == 'w')
        reply_raw(site->held, HTTPS_END_CLOSE);
    else
        https_reply(site->held, 200, "text/plain", "late", 4);
}

static void *run_site(void *arg)
{
    struct site *site = arg;
    struct event *command;
    SSL_CTX *context = tls_server_context(site->identity, NULL);
    int socket = https_listen(ADDRESS, 0, NULL);

    assert_non_null(context);
    assert_true(socket >= 0);
    site->port = port_of(socket);
    site->base = event_base_new();
    command = event_new(site->base, site->commands[0], EV_READ | EV_PERSIST, on_command, site);
    event_add(command, NULL);
    site->server = https_server_new(site->base, &socket, 1, context, &site->limits, serve, site, NULL);
    SSL_CTX_free(context);
    assert_non_null(site->server);
    pthread_mutex_lock(&site->lock);
    site->up = true;
    pthread_cond_broadcast(&site->changed);
    pthread_mutex_unlock(&site->lock);
    event_base_dispatch(site->base);
    https_server_free(site->server);
    event_free(command);
    event_base_free(site->base);
    return NULL;
}

static void tell(struct site *site, char command)
{
    assert_int_equal(write(site->commands[1], &command, 1), 1);
}

static int setup_limited(void **state, struct https_server_limits limits)
{
    struct site *site = calloc(1, sizeof(*site));

    signal(SIGPIPE, SIG_IGN);
    site->identity = make_identity("/CN=prime-pri");
    site->limits = limits;
    pthread_mutex_init(&site->lock, NULL);
    pthread_cond_init(&site->changed, NULL);
    assert_int_equal(pipe(site->commands), 0);
    assert_int_equal(pthread_create(&site->thread, NULL, run_site, site), 0);
    pthread_mutex_lock(&site->lock);
    while (!site->up)
        pthread_cond_wait(&site->changed, &site->lock);
    pthread_mutex_unlock(&site->lock);
    *state = site;
    return 0;
}

static int setup(void **state)
{
    return setup_limited(state, (struct https_server_limits){0});
}

static int setup_hasty(void **state)
{
    return setup_limited(state, (struct https_server_limits){.timeout_s = 1});
}

static int setup_narrow(void **state)
{
    return setup_limited(state, (struct https_server_limits){.connections_max = 8});
}

static int teardown(void **state)
{
    struct site *site = *state;

    tell(site, 's');
    pthread_join(site->thread, NULL);
    close(site->commands[0]);
    close(site->commands[1]);
    pthread_cond_destroy(&site->changed);
    pthread_mutex_destroy(&site->lock);
    identity_free(site->identity);
    free(site);
    return 0;
}

static void wait_held(struct site *site)
{
    pthread_mutex_lock(&site->lock);
    while (site->held == NULL)
        pthread_cond_wait(&site->changed, &site->lock);
    pthread_mutex_unlock(&site->lock);
}

static void enter(struct site *site, struct peer *peer)
{
    assert_int_equal(peer_handshake(peer, ADDRESS, site->port, 0), 1);
}

static void say(struct peer *peer, const char *text)
{
    assert_int_equal(SSL_write(peer->ssl, text, (int)strlen(text)), strlen(text));
}

/* Reads one reply (headers and the body that Content-Length announces). Its length; 0 at the end. */
static size_t hear(struct peer *peer, char *reply, size_t size, bool head)
{
    size_t used = 0;
    char *end = NULL;
    size_t whole = 0;

    reply[0] = '\0';
    while (used + 1 < size && (end == NULL || used < whole)) {
        int got = SSL_read(peer->ssl, reply + used, end == NULL ? 1 : (int)(whole - used));

        if (got <= 0)
            break;
        used += (size_t)got;
        reply[used] = '\0';
        if (end == NULL && (end = strstr(reply, "\r\n\r\n")) != NULL) {
            const char *length = strstr(reply, "Content-Length: ");

            whole = used + (length == NULL || head ? 0 : strtoul(length + 16, NULL, 10));
        }
    }
    return used;
}

/* The connection ends, and what is still said holds no second reply. */
static bool ends(struct peer *peer)
{
    char rest[4000];
    size_t used = 0;
    int got;

    while ((got = SSL_read(peer->ssl, rest + used, (int)(sizeof(rest) - 1 - used))) > 0)
        used += (size_t)got;
    rest[used] = '\0';
    return SSL_get_error(peer->ssl, got) != SSL_ERROR_WANT_READ /* patience ran out */ &&
           strstr(rest, "HTTP/1.1") == NULL;
}

static void answers_hello(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    char reply[4000];

    for (size_t i = 0; i < 2; i++) {
        struct peer peer;
        X509 *shown;

        assert_int_equal(peer_handshake(&peer, ADDRESS, ((struct site *)*state)->port, versions[i]), 1);
        shown = SSL_get0_peer_certificate(peer.ssl);
        assert_int_equal(X509_cmp(shown, ((struct site *)*state)->identity->certificate), 0);
        say(&peer, "GET /ha/v1/hello?a=b&c HTTP/1.1\r\nHost: x\r\nX-Word: hi\r\n\r\n");
        assert_true(hear(&peer, reply, sizeof(reply), false) > 0);
        assert_non_null(strstr(reply, "HTTP/1.1 200 OK\r\n"));
        assert_non_null(strstr(reply, "GET|/ha/v1/hello|a=b&c|hi|127.0.0.1|TLSv1."));
        assert_null(strcasestr(reply, "server:"));
        /* the connection is kept */
        say(&peer, "DELETE /%2e%2e//x HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(hear(&peer, reply, sizeof(reply), false) > 0);
        assert_non_null(strstr(reply, "DELETE|/%2e%2e//x||-|127.0.0.1|"));
        /* until the client asks for its end; which is said */
        say(&peer, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_true(hear(&peer, reply, sizeof(reply), false) > 0);
        assert_int_equal(SSL_read(peer.ssl, reply, 1), 0);
        assert_int_equal(SSL_get_error(peer.ssl, 0), SSL_ERROR_ZERO_RETURN);
        peer_close(&peer);
    }
}

static void takes_bodies(void **state)
{
    struct peer peer;
    char reply[4000];

    enter(*state, &peer);
    say(&peer, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "\r\n\r\nhello"));
    say(&peer, "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "\r\n\r\nabcde"));
    say(&peer, "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "\r\n\r\nxyz"));
    say(&peer, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), true);
    assert_null(strstr(reply, "HEAD|"));
    assert_non_null(strstr(reply, "Content-Length: "));
    say(&peer, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), true);
    assert_non_null(strstr(reply, " 204 No Content"));
    /* two at once: one after the other */
    say(&peer, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "GET|/1|"));
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "GET|/2|"));
    peer_close(&peer);
}

/* What is refused: by status, and the connection ends, so that nothing behind it is taken for a request. */
static void refuses_the_rest(void **state)
{
#define SMUGGLED "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    static const struct {
        const char *request, *status;
    } rows[] = {
        {"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", " 501 "},
        {"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", " 501 "},
        {"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", " 501 "},
        {"nonsense\r\n\r\n", " 400 "},
        {"GET / HTTP/9.9\r\n\r\n", " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n", " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello" SMUGGLED, " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", " 4"},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", " 413 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 35\r\n\r\n" SMUGGLED,
         " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
         " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: "
         "0\r\n\r\n" SMUGGLED,
         " 400 "},
        {"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n" SMUGGLED, " 400 "},
        {"HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, " 400 "},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" SMUGGLED, " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 35\r\nContent-Length: 0\r\n\r\n" SMUGGLED,
         " 400 "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer peer;
        char reply[4000];

        enter(*state, &peer);
        say(&peer, rows[i].request);
        hear(&peer, reply, sizeof(reply), false);
        if (strstr(reply, rows[i].status) == NULL)
            fail_msg("%s answered with %s", rows[i].request, reply);
        if (!ends(&peer))
            fail_msg("after %s the connection stays: %s", rows[i].request, reply);
        peer_close(&peer);
    }
}

static void headers_are_bounded(void **state)
{
    struct peer peer;
    char reply[4000];
    char line[1024];

    enter(*state, &peer);
    say(&peer, "GET / HTTP/1.1\r\nHost: x\r\n");
    memset(line, 'a', sizeof(line));
    memcpy(line, "X-Long: ", 8);
    memcpy(line + sizeof(line) - 3, "\r\n", 3);
    for (int i = 0; i < 64; i++) {
        if (SSL_write(peer.ssl, line, (int)strlen(line)) <= 0)
            break;
    }
    hear(&peer, reply, sizeof(reply), false);
    if (reply[0] != '\0') /* else the end came before the answer could be read */
        assert_non_null(strstr(reply, "HTTP/1.1 4"));
    assert_true(ends(&peer));
    peer_close(&peer);
}

static void old_tls_and_plain_text_end(void **state)
{
    struct site *site = *state;
    struct peer peer;
    int fd;

    assert_true(peer_handshake(&peer, ADDRESS, site->port, TLS1_1_VERSION) <= 0);
    peer_close(&peer);
    fd = connect_to(ADDRESS, site->port);
    assert_int_equal(send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, 0), 27);
    wait_for_end(fd);
    close(fd);
    enter(site, &peer);
    peer_close(&peer);
}

static void nobody_renegotiates(void **state)
{
    struct site *site = *state;
    struct peer peer;

    assert_int_equal(peer_handshake(&peer, ADDRESS, site->port, TLS1_2_VERSION), 1);
    SSL_renegotiate(peer.ssl);
    assert_true(SSL_do_handshake(peer.ssl) <= 0);
    peer_close(&peer);
}

static void a_reply_may_come_late(void **state)
{
    struct site *site = *state;
    struct peer peer;
    char reply[4000];

    enter(site, &peer);
    say(&peer, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_held(site);
    tell(site, 'r');
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "\r\n\r\nlate"));
    peer_close(&peer);
}

static void a_caller_may_vanish(void **state)
{
    struct site *site = *state;
    struct peer peer;
    char reply[4000];

    enter(site, &peer);
    say(&peer, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_held(site);
    SSL_shutdown(peer.ssl);
    peer_close(&peer);
    enter(site, &peer); /* the loop turned meanwhile */
    tell(site, 'r');
    say(&peer, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "GET|/x|"));
    peer_close(&peer);
}

/* The server ends with a request unanswered and another half read (what is freed, ASan tells). */
static void the_end_leaves_nothing(void **state)
{
    struct site *site = *state;
    struct peer held;
    struct peer half;
    int open;

    open = connect_to(ADDRESS, site->port);
    enter(site, &half);
    say(&half, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
    enter(site, &held);
    say(&held, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_held(site);
    peer_close(&held);
    peer_close(&half);
    close(open);
}

static void slow_callers_are_cut_off(void **state)
{
    struct site *site = *state;
    struct peer peer;
    int silent = connect_to(ADDRESS, site->port);
    int64_t start = clock_monotonic_ms();
    struct pollfd in;

    enter(site, &peer);
    say(&peer, "GET / HTTP/1.1\r\nX: ");
    in = (struct pollfd){.fd = peer.fd, .events = POLLIN};
    while (poll(&in, 1, 100) == 0) { /* one byte now and then keeps nothing open */
        if (SSL_write(peer.ssl, "a", 1) <= 0)
            break;
        assert_true(clock_monotonic_ms() - start < PATIENCE_S * 1000);
    }
    wait_for_end(peer.fd);
    assert_true(clock_monotonic_ms() - start >= 900);
    wait_for_end(silent);
    close(silent);
    peer_close(&peer);
}

static void who_does_not_read_is_cut_off(void **state)
{
    struct site *site = *state;
    struct peer deaf;
    struct peer good;
    char reply[4000];

    enter(site, &deaf);
    for (int i = 0; i < 4; i++)
        say(&deaf, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    enter(site, &good);
    say(&good, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&good, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "GET|/x|"));
    peer_close(&good);
    peer_close(&deaf);
}

static void half_open_connections_keep_nobody_out(void **state)
{
    struct site *site = *state;
    static int fds[1200];
    struct peer peer;
    char reply[4000];

    for (size_t i = 0; i < 1200; i++)
        fds[i] = connect_to(ADDRESS, site->port);
    enter(site, &peer);
    say(&peer, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "GET|/x|"));
    wait_for_end(fds[0]); /* the oldest made room */
    peer_close(&peer);
    for (size_t i = 0; i < 1200; i++)
        close(fds[i]);
}

static void connections_are_bounded(void **state)
{
    struct site *site = *state;
    struct peer peers[8];
    char reply[4000];
    int further;

    for (size_t i = 0; i < 8; i++) {
        enter(site, &peers[i]);
        say(&peers[i], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"); /* so that the server is through, too */
        hear(&peers[i], reply, sizeof(reply), false);
    }
    further = connect_to(ADDRESS, site->port);
    wait_for_end(further);
    close(further);
    for (size_t i = 0; i < 8; i++) {
        say(&peers[i], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(hear(&peers[i], reply, sizeof(reply), false) > 0);
        peer_close(&peers[i]);
    }
}

static char log_path[] = "/tmp/primesh-test-XXXXXX";

static int setup_logged(void **state)
{
    struct https_server_limits limits = {.log = NULL};
    int fd = mkstemp(log_path);

    assert_true(fd >= 0);
    close(fd);
    limits.log = log_open(log_path, LOG_LEVEL_INFO, NULL);
    assert_non_null(limits.log);
    return setup_limited(state, limits);
}

static int teardown_logged(void **state)
{
    struct log *log = ((struct site *)*state)->limits.log;

    unlink(log_path);
    teardown(state);
    log_close(log);
    return 0;
}

static void assert_said_once(const char *what)
{
    FILE *file = fopen(log_path, "r");
    char text[2000] = "";

    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, what));
    assert_ptr_equal(strchr(text, '\n'), strrchr(text, '\n'));
}

static void running_out_of_descriptors_passes(void **state)
{
    struct site *site = *state;
    struct rlimit before;
    struct rlimit small;
    struct peer peer;
    char reply[4000];
    int next = dup(0);

    getrlimit(RLIMIT_NOFILE, &before);
    small = before;
    small.rlim_cur = (rlim_t)next + 1; /* room for the client's socket alone */
    close(next);
    setrlimit(RLIMIT_NOFILE, &small);
    peer.fd = connect_to(ADDRESS, site->port);
    peer.context = SSL_CTX_new(TLS_client_method());
    peer.ssl = SSL_new(peer.context);
    SSL_set_fd(peer.ssl, peer.fd);
    struct pollfd in = {.fd = peer.fd, .events = POLLIN};
    assert_int_equal(poll(&in, 1, 2500), 0); /* nobody can accept it, at two sweeps or three */
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(SSL_connect(peer.ssl), 1);
    say(&peer, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "GET|/x|"));
    peer_close(&peer);
    assert_said_once("out of descriptors");
}

static int setup_poor(void **state)
{
    struct rlimit before;
    struct rlimit small;
    int result;

    getrlimit(RLIMIT_NOFILE, &before);
    small = before;
    small.rlim_cur = 100;
    setrlimit(RLIMIT_NOFILE, &small);
    result = setup(state);
    setrlimit(RLIMIT_NOFILE, &before);
    return result;
}

/* Where 100 descriptors were to be had in the beginning, connections get 50. */
static void half_of_the_descriptors_are_for_others(void **state)
{
    struct site *site = *state;
    struct peer peers[50];
    char reply[4000];
    int further;

    for (size_t i = 0; i < 50; i++) {
        enter(site, &peers[i]);
        say(&peers[i], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
        hear(&peers[i], reply, sizeof(reply), false);
    }
    further = connect_to(ADDRESS, site->port);
    wait_for_end(further);
    close(further);
    for (size_t i = 0; i < 50; i++)
        peer_close(&peers[i]);
}

static void raw_replies_end_as_asked(void **state)
{
    static const struct {
        enum https_end end;
        int error; /* of the next read */
    } rows[] = {{HTTPS_END_CLOSE, 0}, {HTTPS_END_RESET, ECONNRESET}};
    struct site *site = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer peer;
        char request[64];
        char reply[200];
        char expected[200];
        int got;

        enter(site, &peer);
        snprintf(request, sizeof(request), "GET /raw/%d HTTP/1.1\r\nHost: x\r\n\r\n", (int)rows[i].end);
        say(&peer, request);
        snprintf(expected, sizeof(expected), "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nX-End: %d\r\n\r\nhal",
                 (int)rows[i].end);
        ERR_clear_error();
        hear(&peer, reply, sizeof(reply), false);
        assert_string_equal(reply, expected);
        errno = 0;
        got = SSL_read(peer.ssl, reply, sizeof(reply));
        /* who was reset has heard no good-bye */
        assert_int_equal(SSL_get_error(peer.ssl, got),
                         rows[i].error == 0 ? SSL_ERROR_ZERO_RETURN : SSL_ERROR_SYSCALL);
        peer_close(&peer);
    }
}

static void a_stalled_reply_stays(void **state)
{
    struct site *site = *state;
    struct peer leaves;
    struct peer stays;
    struct peer *peers[] = {&leaves, &stays};
    char bytes[200];

    for (size_t i = 0; i < 2; i++) {
        struct pollfd in;

        enter(site, peers[i]);
        say(peers[i], "GET /raw/2 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(SSL_read(peers[i]->ssl, bytes, sizeof(bytes)) > 0);
        say(peers[i], "GET /more HTTP/1.1\r\nHost: x\r\n\r\n"); /* read, and not answered */
        in = (struct pollfd){.fd = peers[i]->fd, .events = POLLIN};
        assert_int_equal(poll(&in, 1, 200), 0);
    }
    peer_close(&leaves);
    tell(site, 's'); /* with one of them there */
    wait_for_end(stays.fd);
    peer_close(&stays);
}

static void a_raw_reply_to_nobody(void **state)
{
    struct site *site = *state;
    struct peer peer;
    char reply[200];

    enter(site, &peer);
    say(&peer, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_held(site);
    SSL_shutdown(peer.ssl);
    peer_close(&peer);
    enter(site, &peer); /* by then it is known that the other one has gone */
    say(&peer, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), false);
    tell(site, 'w');
    say(&peer, "GET /y HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&peer, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "GET|/y|"));
    peer_close(&peer);
}

static void a_pause_keeps_newcomers_waiting(void **state)
{
    struct site *site = *state;
    struct peer inside;
    struct peer newcomer;
    struct pollfd in;
    char reply[500];

    enter(site, &inside);
    say(&inside, "GET /pause HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&inside, reply, sizeof(reply), false);
    assert_non_null(strstr(reply, "\r\nX-Word: of ours\r\n"));
    newcomer.fd = connect_to(ADDRESS, site->port);
    newcomer.context = SSL_CTX_new(TLS_client_method());
    newcomer.ssl = SSL_new(newcomer.context);
    SSL_set_fd(newcomer.ssl, newcomer.fd);
    in = (struct pollfd){.fd = newcomer.fd, .events = POLLIN};
    SSL_set_mode(newcomer.ssl, SSL_MODE_AUTO_RETRY);
    assert_int_equal(poll(&in, 1, 1500), 0); /* the sweep, each second, does not let it in either */
    say(&inside, "GET /go HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&inside, reply, sizeof(reply), false);
    assert_int_equal(SSL_connect(newcomer.ssl), 1);
    peer_close(&newcomer);
    peer_close(&inside);
}

static void listening_fails_with_why(void **state)
{
    struct error err = {0};
    struct error *e = &err;
    int fd = https_listen("127.0.0.1", 0, e);
    char expected[100];

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(https_listen("127.0.0.1", port_of(fd), e), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    snprintf(expected, sizeof(expected), "cannot listen on 127.0.0.1 port %u: another program has it",
             port_of(fd));
    assert_string_equal(err.message, expected);
    close(fd);
    assert_int_equal(https_listen("192.0.2.1", 8082, e), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    assert_int_equal(https_listen("nowhere", 8082, e), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
}

int main(void)
{
#define SITE(test, up) cmocka_unit_test_setup_teardown(test, up, teardown)
    const struct CMUnitTest tests[] = {
        SITE(answers_hello, setup),
        SITE(takes_bodies, setup),
        SITE(refuses_the_rest, setup),
        SITE(headers_are_bounded, setup),
        SITE(old_tls_and_plain_text_end, setup),
        SITE(nobody_renegotiates, setup),
        SITE(a_reply_may_come_late, setup),
        SITE(a_caller_may_vanish, setup),
        SITE(the_end_leaves_nothing, setup),
        SITE(slow_callers_are_cut_off, setup_hasty),
        SITE(who_does_not_read_is_cut_off, setup),
        SITE(half_open_connections_keep_nobody_out, setup),
        SITE(connections_are_bounded, setup_narrow),
        cmocka_unit_test_setup_teardown(running_out_of_descriptors_passes, setup_logged, teardown_logged),
        SITE(half_of_the_descriptors_are_for_others, setup_poor),
        SITE(raw_replies_end_as_asked, setup),
        SITE(a_stalled_reply_stays, setup),
        SITE(a_raw_reply_to_nobody, setup),
        SITE(a_pause_keeps_newcomers_waiting, setup),
        cmocka_unit_test(listening_fails_with_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
