/* The connection between the nodes: two stores, two certificates, real TLS over loopback. */
#include "test_net.h"

#include "ha/link.h"
#include "ha/link_pipe.h"
#include "ha/link_server.h"
#include "ha/link_source.h"
#include "net/tls.h"
#include "store_fixture.h"

#include <event2/thread.h>
#include <fcntl.h>
#include <stdatomic.h>

#define KEY_A 'a'
#define KEY_B 'b'
#define ROUTES 2

/* The answering node: its loop runs in a thread of its own. */
struct node {
    char home[FIXTURE_PATH_MAX];
    struct link_self self;
    struct identity *identity;
    char key;                  /* 0: none is set */
    struct trust_verdict last; /* that `judged` saw */
    struct https_server *https;
    struct link_server *links;
    struct event_base *base;
    struct event *stop;
    pthread_t thread;
    struct ha_pipe stream;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int started; /* streams */
    int gone;
    atomic_int acknowledged; /* how often */
    uint64_t refused;        /* this revision is not */
};

struct pair {
    struct node pri, sec;
};

static struct proof_key key_of(char letter)
{
    struct proof_key key;

    memset(key.bytes, letter, sizeof(key.bytes));
    return key;
}

static void judged(void *arg, const struct trust_request *request, const struct trust_verdict *verdict)
{
    struct node *node = arg;

    (void)request;
    node->last = *verdict;
}

static int give_key(void *arg, struct proof_key *out, struct error *err)
{
    const struct node *node = arg;

    *out = key_of(node->key);
    return node->key != 0 ? 0 : error_set(err, ERROR_CONFLICT, "none");
}

static const char *give_role(void *arg)
{
    (void)arg;
    return "standalone";
}

struct task {
    void (*run)(void *arg);
    void *arg;
};

static void *run_task(void *arg)
{
    struct task task = *(struct task *)arg;

    free(arg);
    task.run(task.arg);
    return NULL;
}

static int work(void *arg, void (*run)(void *run_arg), void *run_arg, struct error *err)
{
    struct task *task = malloc(sizeof(*task));
    pthread_t thread;

    (void)arg;
    (void)err;
    *task = (struct task){run, run_arg};
    assert_int_equal(pthread_create(&thread, NULL, run_task, task), 0);
    pthread_detach(thread);
    return 0;
}

static int run_echo(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                    struct error *err)
{
    (void)arg;
    if (json_object_get(params, "fail") != NULL) {
        error_set(err, ERROR_NOT_ACTIVE, "the active one is another");
        return error_hint(err, "go there");
    }
    *result = json_pack("{s:s, s:s, s:O}", "node", caller->node, "address", caller->address, "said", params);
    return 0;
}

static void on_gone(void *arg, const void *pipe_arg)
{
    struct node *node = arg;

    (void)pipe_arg;
    pthread_mutex_lock(&node->lock);
    node->gone++;
    node->stream.end(node->stream.arg);
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

static int on_acknowledged(void *arg, const struct ha_position *position, struct error *err)
{
    struct node *node = arg;

    node->acknowledged++;
    return position->revision == node->refused ? error_set(err, ERROR_CONFLICT, "never sent") : 0;
}

#define PIECE_BYTES 100000
#define PIECES 80

/* Far more than the network holds. */
static void send_much(struct ha_pipe *pipe)
{
    static char piece[PIECE_BYTES];

    for (int i = 0; i < PIECES; i++) {
        memset(piece, 'a' + i % 26, sizeof(piece));
        assert_int_equal(pipe->send(pipe->arg, piece, sizeof(piece)), 0);
    }
    assert_true(pipe->unsent(pipe->arg) > 0);
}

static bool asks(const struct https_exchange *exchange, const char *what)
{
    return strcmp(https_exchange_query(exchange), what) == 0;
}

/* The first pieces at once; the query says whether it ends. */
static void serve_stream(void *arg, const struct link_caller *caller, struct https_exchange *exchange)
{
    struct node *node = arg;
    const struct link_pipe_calls calls = {on_acknowledged, on_gone, node};
    bool much = asks(exchange, "much"), end = asks(exchange, "end"), cut = asks(exchange, "cut");
    int fd = SSL_get_fd(https_exchange_ssl(exchange));
    struct error err = {0};
    struct link_pipe *pipe = link_pipe_new(exchange, &calls, &err);

    (void)caller;
    if (pipe != NULL && asks(exchange, "refuse")) {
        link_pipe_free(pipe);
        pipe = NULL;
        error_set(&err, ERROR_NOT_ACTIVE, "the active one is another");
    }
    if (pipe == NULL) {
        link_refuse(exchange, &err);
        return;
    }
    node->stream = link_pipe_of(pipe);
    assert_int_equal(node->stream.send(node->stream.arg, "one", 3), 0); /* waits for the answer's head */
    pthread_mutex_lock(&node->lock); /* until it is not used here any more: on_gone() ends it */
    link_pipe_start(pipe);
    node->stream.send(node->stream.arg, "two", 3); /* whoever babbles at "one" does not hear it */
    if (much)
        send_much(&node->stream);
    if (cut)
        shutdown(fd, SHUT_RDWR);
    if (much || end)
        node->stream.end(node->stream.arg);
    node->started++;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

static void take(void *arg, struct https_exchange *exchange)
{
    struct node *node = arg;

    if (!link_server_take(node->links, exchange))
        https_reply(exchange, 404, NULL, NULL, 0);
}

static void *run_loop(void *arg)
{
    struct node *node = arg;

    event_base_dispatch(node->base);
    return NULL;
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(arg);
}

static void node_open(struct node *node, const char *name, const char *address)
{
    char subject[64];
    struct error err = {0};

    fixture_home(node->home);
    node->self.store = store_open(node->home, STORE_WRITE, &err);
    assert_non_null(node->self.store);
    snprintf(subject, sizeof(subject), "/CN=%s", name);
    node->identity = make_identity(subject);
    node->self.identity = node->identity;
    snprintf(node->self.address, sizeof(node->self.address), "%s", address);
    snprintf(node->self.node, sizeof(node->self.node), "%s", store_node_id(node->self.store));
    node->self.version = "1.2.3";
    node->self.judged = judged;
    node->self.arg = node;
    node->key = KEY_A;
    pthread_mutex_init(&node->lock, NULL);
    pthread_cond_init(&node->changed, NULL);
}

static const struct link_route *routes_of(struct node *node)
{
    static struct link_route routes[ROUTES];

    routes[0] = (struct link_route){.method = "POST", .path = "/ha/v1/echo", .run = run_echo, .arg = node};
    routes[1] =
        (struct link_route){.method = "GET", .path = "/ha/v1/stream", .serve = serve_stream, .arg = node};
    return routes;
}

static void node_serve(struct node *node)
{
    int socket = https_listen(node->self.address, 0, NULL);
    SSL_CTX *context = tls_server_context(node->identity, NULL);
    struct link_server_options options = {
        .self = &node->self, .key = give_key, .work = work, .role = give_role, .arg = node};
    struct error err = {0};

    assert_true(socket >= 0);
    tls_server_ask_clients(context);
    node->self.port = port_of(socket);
    node->base = options.base = event_base_new();
    node->links = link_server_new(&options, &err);
    assert_non_null(node->links);
    assert_int_equal(link_server_add(node->links, routes_of(node), ROUTES, &err), 0);
    node->https = https_server_new(node->base, &socket, 1, context, NULL, take, node, &err);
    assert_non_null(node->https);
    SSL_CTX_free(context);
    node->stop = event_new(node->base, -1, EV_PERSIST, on_stop, node->base);
    assert_int_equal(pthread_create(&node->thread, NULL, run_loop, node), 0);
}

static void node_stop_serving(struct node *node)
{
    if (node->base == NULL)
        return;
    link_server_close(node->links);
    event_active(node->stop, EV_TIMEOUT, 0);
    pthread_join(node->thread, NULL);
    https_server_free(node->https);
    event_base_loop(node->base, EVLOOP_NONBLOCK);
    link_server_free(node->links);
    event_free(node->stop);
    event_base_free(node->base);
    node->base = NULL;
}

static void node_close(struct node *node)
{
    node_stop_serving(node);
    store_close(node->self.store);
    identity_free(node->identity);
    fixture_remove(node->home);
}

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    char address[32];
    int net = (int)getpid() % 250;

    evthread_use_pthreads();
    snprintf(address, sizeof(address), "127.77.%d.1", net);
    node_open(&pair->pri, "prime-pri", address);
    snprintf(address, sizeof(address), "127.77.%d.2", net);
    node_open(&pair->sec, "prime-sec", address);
    node_serve(&pair->sec);
    pair->pri.self.port = pair->sec.self.port;
    pair->pri.self.is_primary = true;
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    node_close(&pair->sec);
    node_close(&pair->pri);
    free(pair);
    return 0;
}

static void peer_of(const struct node *node, uint16_t port, struct host_port *out)
{
    *out = (struct host_port){.port = port};
    host_parse(node->self.address, &out->kind, out->host, NULL);
}

static struct link *open_to(struct pair *pair, uint16_t port, struct tls_cancel *cancel, struct error *err)
{
    struct proof_key key = key_of(pair->pri.key);
    struct link_options options = {.task = "Test", .key = &key, .cancel = cancel};

    *err = (struct error){0};
    peer_of(&pair->sec, port, &options.peer);
    return link_open(&pair->pri.self, &options, err);
}

static struct link *open_link(struct pair *pair, struct error *err)
{
    return open_to(pair, pair->sec.self.port, NULL, err);
}

static bool has_pin(const struct node *node, const struct node *of)
{
    char host[HOST_PORT_TEXT_MAX];
    struct store_txn *txn = store_read(node->self.store, NULL);
    struct pin pin;
    bool found;

    snprintf(host, sizeof(host), "%s_%u", of->self.address, node->self.port);
    found = pin_get(txn, host, &pin, NULL) == 0;
    if (found)
        assert_int_equal(pin.scope, STORE_SCOPE_NODE);
    store_end(txn);
    return found;
}

static void proves_pins_and_answers(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    struct link *link = open_link(pair, &err);
    json_t *body = json_pack("{s:s}", "word", "hello");
    json_t *reply = NULL;

    if (link == NULL)
        fail_msg("%s", err.message);
    assert_string_equal(link_peer_node(link), pair->sec.self.node);
    assert_string_equal(link_peer_version(link), "1.2.3");
    for (int i = 0; i < 3; i++) {
        assert_ok(link_request(link, "POST", "/ha/v1/echo", body, 5000, &reply, &err), err);
        assert_string_equal(json_string_value(json_object_get(reply, "node")), pair->pri.self.node);
        assert_string_equal(json_string_value(json_object_get(reply, "address")), pair->pri.self.address);
        json_decref(reply);
    }
    json_object_set_new(body, "fail", json_true());
    assert_int_equal(link_request(link, "POST", "/ha/v1/echo", body, 5000, &reply, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_ACTIVE);
    assert_string_equal(err.message, "the active one is another");
    assert_string_equal(err.hint, "go there");
    json_object_del(body, "fail");
    assert_ok(link_request(link, "POST", "/ha/v1/echo", body, 5000, NULL, &err), err);
    json_decref(body);
    link_close(link);
    assert_true(has_pin(&pair->pri, &pair->sec));
    assert_true(has_pin(&pair->sec, &pair->pri));
}

static void refuses_another_key_and_pins_nothing(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    char expected[1000];

    pair->pri.key = KEY_B;
    assert_null(open_link(pair, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    snprintf(expected, sizeof(expected),
             "Authentication key does not match between primary %s and secondary servers %s",
             pair->pri.self.address, pair->sec.self.address);
    assert_string_equal(err.message, expected);
    assert_false(has_pin(&pair->pri, &pair->sec));
    assert_false(has_pin(&pair->sec, &pair->pri));
    pair->sec.key = 0;
    assert_null(open_link(pair, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void makes_wait_who_fails_often(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    struct link *link;

    pair->pri.key = KEY_B;
    for (int i = 0; i < 5; i++) {
        assert_null(open_link(pair, &err));
        assert_int_equal(err.code, ERROR_DENIED);
    }
    pair->pri.key = KEY_A; /* right, but not looked at yet */
    assert_null(open_link(pair, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.message, "too many tries"));
    do {
        link = open_link(pair, &err);
    } while (link == NULL && err.code == ERROR_BUSY);
    assert_non_null(link);
    link_close(link);
}

static void tells_a_caller_that_its_certificate_is_refused(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};

    link_close(open_link(pair, &err));
    identity_free(pair->pri.identity); /* as after `ncs key importsignedcert` and a restart */
    pair->pri.identity = make_identity("/CN=prime-pri");
    pair->pri.self.identity = pair->pri.identity;
    assert_null(open_link(pair, &err));
    assert_int_equal(err.code, ERROR_PIN_MISMATCH);
    assert_non_null(strstr(err.message, "refuses this server: the certificate of "));
    assert_int_equal(strncmp(err.hint, "on 127.", 7), 0);
    assert_non_null(strstr(err.hint, "deletecert host "));
    assert_int_equal(pair->sec.last.outcome, TRUST_MISMATCH);
}

struct other_pin {
    struct trust_request request;
    struct identity *identity;
};

static int pin_other(struct store_txn *txn, void *arg, struct error *err)
{
    const struct other_pin *other = arg;

    return trust_pin_add(txn, &other->request, other->identity->certificate, PIN_EVENT_ADDED, "admin", err);
}

static void refuses_a_server_with_another_certificate(void **state)
{
    struct pair *pair = *state;
    struct other_pin other = {.identity = make_identity("/CN=prime-sec"),
                              .request = {.zone = TRUST_ZONE_SYSTEM, .stays_on_node = true}};
    struct error err = {0};

    peer_of(&pair->sec, pair->sec.self.port, &other.request.host);
    assert_ok(store_run(pair->pri.self.store, pin_other, &other, &err), err);
    assert_null(open_link(pair, &err));
    assert_int_equal(err.code, ERROR_PIN_MISMATCH);
    assert_int_equal(strncmp(err.message, "the certificate of ", 19), 0);
    assert_int_equal(pair->pri.last.outcome, TRUST_MISMATCH);
    assert_int_equal(pair->sec.last.outcome, TRUST_UNCHECKED); /* it was never asked */
    assert_false(has_pin(&pair->sec, &pair->pri));
    identity_free(other.identity);
}

/* Someone who stands in between on the very first contact, with certificates of its own on both sides. */
struct middle {
    struct pair *pair;
    struct identity *identity;
    int listening;
};

static void *stand_between(void *arg)
{
    struct middle *middle = arg;
    SSL_CTX *context = tls_server_context(middle->identity, NULL);
    SSL_CTX *calling = tls_client_context(middle->identity, NULL);
    int victim = accept(middle->listening, NULL, NULL);
    int server = connect_to(middle->pair->sec.self.address, middle->pair->sec.self.port);
    SSL *from, *to;
    char bytes[8192];
    int got;

    tls_server_ask_clients(context);
    from = SSL_new(context);
    to = SSL_new(calling);
    SSL_set_fd(from, victim);
    SSL_set_fd(to, server);
    assert_int_equal(SSL_accept(from), 1);
    assert_int_equal(SSL_connect(to), 1);
    for (;;) {
        struct pollfd fds[] = {{.fd = victim, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        bool up;

        poll(fds, 2, -1);
        up = fds[0].revents != 0;
        got = SSL_read(up ? from : to, bytes, sizeof(bytes));
        if (got <= 0)
            break;
        SSL_write(up ? to : from, bytes, got);
    }
    SSL_free(from);
    SSL_free(to);
    close(victim);
    close(server);
    SSL_CTX_free(context);
    SSL_CTX_free(calling);
    return NULL;
}

static void sees_through_who_stands_between(void **state)
{
    struct pair *pair = *state;
    struct middle middle = {.pair = pair, .identity = make_identity("/CN=prime-sec")};
    struct error err = {0};
    pthread_t thread;
    char host[HOST_PORT_TEXT_MAX];
    struct store_txn *txn;
    struct pin pin;
    uint16_t port;

    middle.listening = https_listen(pair->sec.self.address, 0, NULL);
    fcntl(middle.listening, F_SETFL, 0);
    port = port_of(middle.listening);
    assert_int_equal(pthread_create(&thread, NULL, stand_between, &middle), 0);
    assert_null(open_to(pair, port, NULL, &err));
    assert_int_equal(err.code, ERROR_DENIED); /* both know the key, and the proof fails all the same */
    pthread_join(thread, NULL);
    close(middle.listening);
    snprintf(host, sizeof(host), "%s_%u", pair->sec.self.address, port);
    txn = store_read(pair->pri.self.store, NULL);
    assert_int_equal(pin_get(txn, host, &pin, &err), -1);
    store_end(txn);
    identity_free(middle.identity);
}

/* ---- a caller that does not go by the rules ---- */

static void say(struct peer *peer, const char *method, const char *path, const char *body, char *answer,
                size_t size)
{
    char request[2048];
    int length =
        snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                 method, path, strlen(body), body);
    size_t had = 0, wanted = size;

    assert_int_equal(SSL_write(peer->ssl, request, length), length);
    while (had < wanted) {
        int got = SSL_read(peer->ssl, answer + had, (int)(size - 1 - had));
        const char *announced;

        assert_true(got > 0);
        had += (size_t)got;
        answer[had] = '\0';
        announced = strstr(answer, "Content-Length: ");
        if (strstr(answer, "\r\n\r\n") != NULL)
            wanted = (size_t)(strstr(answer, "\r\n\r\n") - answer) + 4 + strtoul(announced + 16, NULL, 10);
    }
}

static void answers_strangers_with_hello_alone(void **state)
{
    struct pair *pair = *state;
    char answer[4096];
    struct peer peer;
    struct {
        const char *method, *path, *body, *status;
    } tries[] = {
        {"POST", "/ha/v1/echo", "{}", "403"},
        {"GET", "/ha/v1/stream", "", "403"},
        {"GET", "/ha/v1/nothing", "", "403"},
        {"POST", "/ha/v1/hello", "{}", "405"},
        {"GET", "/ha/v1/challenge", "", "405"},
        {"POST", "/ha/v1/prove", "{\"proof\":\"00\"}", "403"}, /* no certificate */
        {"POST", "/ha/v1/challenge", "[[[[[[[[[[[[[[[[[[[[", "400"},
        {"POST", "/ha/v1/challenge", "[]", "400"},
    };

    assert_int_equal(peer_handshake(&peer, pair->sec.self.address, pair->sec.self.port, 0), 1);
    say(&peer, "GET", "/ha/v1/hello", "", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, pair->sec.self.node));
    assert_non_null(strstr(answer, "\"role\":\"standalone\""));
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        say(&peer, tries[i].method, tries[i].path, tries[i].body, answer, sizeof(answer));
        if (strncmp(answer + 9, tries[i].status, 3) != 0)
            fail_msg("%s: %s", tries[i].path, answer);
    }
    peer_close(&peer);
}

/* ---- answers that go on ---- */

struct heard {
    char bytes[64];
    size_t length;
    size_t enough; /* bytes; then it has heard enough */
};

static int hear(void *arg, const void *bytes, size_t length)
{
    struct heard *heard = arg;

    assert_true(heard->length + length < sizeof(heard->bytes));
    memcpy(heard->bytes + heard->length, bytes, length);
    heard->length += length;
    return heard->enough > 0 && heard->length >= heard->enough;
}

static void wait_gone(struct node *node, int times)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&node->lock);
    while (node->gone < times)
        assert_int_equal(pthread_cond_timedwait(&node->changed, &node->lock, &limit), 0);
    pthread_mutex_unlock(&node->lock);
}

static void streams_to_the_end_or_says_that_it_is_cut(void **state)
{
    struct pair *pair = *state;
    struct heard heard = {0};
    struct error err = {0};
    struct link *link = open_link(pair, &err);

    assert_non_null(link);
    assert_ok(link_request(link, "POST", "/ha/v1/echo", NULL, 5000, NULL, &err), err);
    assert_ok(link_stream(link, "/ha/v1/stream?end", 5000, hear, &heard, &err), err);
    assert_string_equal(heard.bytes, "onetwo");
    /* a stream takes the link for itself */
    assert_int_equal(link_request(link, "POST", "/ha/v1/echo", NULL, 5000, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    link_close(link);
    assert_int_equal(pair->sec.gone, 0); /* it ended it itself */
    heard = (struct heard){0};
    link = open_link(pair, &err);
    assert_int_equal(link_stream(link, "/ha/v1/stream?cut", 5000, hear, &heard, &err), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    link_close(link);
    wait_gone(&pair->sec, 1);
}

static void a_refused_stream_leaves_the_link_as_it_was(void **state)
{
    struct pair *pair = *state;
    struct heard heard = {0};
    struct error err = {0};
    struct link *link = open_link(pair, &err);

    assert_int_equal(link_stream(link, "/ha/v1/stream?refuse", 5000, hear, &heard, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_ACTIVE);
    assert_string_equal(err.message, "the active one is another");
    assert_int_equal(link_request(link, "GET", "/ha/v1/stream", NULL, 5000, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "this is answered with `Upgrade: primesh-ha` only");
    assert_int_equal(link_stream(link, "/ha/v1/nothing", 5000, hear, &heard, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(heard.length, 0);
    assert_ok(link_stream(link, "/ha/v1/stream?end", 5000, hear, &heard, &err), err);
    assert_string_equal(heard.bytes, "onetwo");
    link_close(link);
}

struct much {
    size_t length;
    bool wrong;
};

/* "onetwo", then the pieces; slowly at first, so that the sender has to keep what comes. */
static int hear_much(void *arg, const void *bytes, size_t length)
{
    struct timespec pause = {.tv_nsec = 20000000};
    struct much *much = arg;
    const char *text = bytes;

    if (much->length < (size_t)10 * PIECE_BYTES)
        nanosleep(&pause, NULL);
    for (size_t i = 0; i < length; i++) {
        size_t at = much->length++;

        much->wrong |= text[i] != (at < 6 ? "onetwo"[at] : (char)('a' + (at - 6) / PIECE_BYTES % 26));
    }
    return 0;
}

static void keeps_what_the_network_does_not_take_at_once(void **state)
{
    struct pair *pair = *state;
    struct much much = {0};
    struct error err = {0};
    struct link *link = open_link(pair, &err);

    assert_ok(link_stream(link, "/ha/v1/stream?much", 5000, hear_much, &much, &err), err);
    assert_int_equal(much.length, 6 + PIECES * PIECE_BYTES);
    assert_false(much.wrong);
    link_close(link);
    assert_int_equal(pair->sec.gone, 0);
}

static void stops_listening_and_tells_the_sender(void **state)
{
    struct pair *pair = *state;
    struct heard heard = {.enough = 6};
    struct error err = {0};
    struct link *link = open_link(pair, &err);

    assert_int_equal(link_stream(link, "/ha/v1/stream", 5000, hear, &heard, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    link_close(link);
    wait_gone(&pair->sec, 1);
    link = open_link(pair, &err);
    heard.enough = 0;
    heard.length = 0;
    assert_int_equal(link_stream(link, "/ha/v1/stream", 200, hear, &heard, &err), -1);
    assert_int_equal(err.code, ERROR_TIMEOUT);
    link_close(link);
    wait_gone(&pair->sec, 2);
}

static void wait_started(struct node *node, int times)
{
    pthread_mutex_lock(&node->lock);
    while (node->started < times)
        pthread_cond_wait(&node->changed, &node->lock);
    pthread_mutex_unlock(&node->lock);
}

static void *cancel_later(void *arg)
{
    struct pair *pair = ((void **)arg)[0];

    wait_started(&pair->sec, 1);
    tls_cancel(((void **)arg)[1]);
    return NULL;
}

static void ends_a_wait_from_another_thread(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    struct tls_cancel *cancel = tls_cancel_new(&err);
    struct link *link = open_to(pair, pair->sec.self.port, cancel, &err);
    void *arg[] = {pair, cancel};
    struct heard heard = {0};
    pthread_t thread;

    assert_non_null(link);
    assert_int_equal(pthread_create(&thread, NULL, cancel_later, arg), 0);
    assert_int_equal(link_stream(link, "/ha/v1/stream", 60000, hear, &heard, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    pthread_join(thread, NULL);
    link_close(link);
    assert_null(open_to(pair, pair->sec.self.port, cancel, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    tls_cancel_free(cancel);
    wait_gone(&pair->sec, 1);
}

/* ---- acknowledging ---- */

static int some_silence(void *arg)
{
    (void)arg;
    return 5000;
}

struct acknowledging {
    struct ha_source source;
    struct ha_position position;
    struct node *node;
};

/* Tells everything up to the one that is refused, as it is heard. */
static int hear_and_tell(void *arg, const void *bytes, size_t length)
{
    struct acknowledging *acknowledging = arg;
    struct error err = {0};

    (void)bytes;
    (void)length;
    while (acknowledging->position.revision < acknowledging->node->refused) {
        acknowledging->position.revision++;
        assert_ok(
            acknowledging->source.acknowledge(acknowledging->source.arg, &acknowledging->position, &err),
            err);
    }
    return 0;
}

static void acknowledges_on_the_stream(void **state)
{
    struct pair *pair = *state;
    struct link_source_options options = {.self = &pair->pri.self,
                                          .task = "Test",
                                          .silence_ms = some_silence,
                                          .key = give_key,
                                          .arg = &pair->pri};
    struct acknowledging acknowledging = {
        .position = {.line = "0123456789abcdef0123456789abcdef", .epoch = 1}, .node = &pair->sec};
    struct error err = {0};
    struct link_source *links;

    peer_of(&pair->sec, pair->sec.self.port, &options.peer);
    links = link_source_new(&options, &err);
    assert_non_null(links);
    acknowledging.source = link_source_of(links);
    pair->sec.refused = 1000;
    assert_int_equal(acknowledging.source.stream(links, "/ha/v1/stream", hear_and_tell, &acknowledging, &err),
                     -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE); /* the other side ended it when it heard the last */
    assert_int_equal(pair->sec.acknowledged, 1000);
    wait_gone(&pair->sec, 1);
    link_source_free(links);
}

/* What a caller that speaks no message of replication is worth. */
static int hear_and_babble(void *arg, const void *bytes, size_t length)
{
    struct link *link = arg;
    struct error err = {0};

    (void)bytes;
    (void)length;
    link_tell(link, "\x03what", 5, 5000, &err);
    return 0;
}

static void ends_a_stream_whose_caller_babbles(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    struct link *link = open_link(pair, &err);

    assert_int_equal(link_stream(link, "/ha/v1/stream", 5000, hear_and_babble, link, &err), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    wait_gone(&pair->sec, 1);
    assert_int_equal(pair->sec.acknowledged, 0);
    link_close(link);
}

static void *listen_on(void *arg)
{
    struct heard heard = {0};

    link_stream(arg, "/ha/v1/stream", 60000, hear, &heard, NULL);
    return NULL;
}

static void a_server_that_goes_ends_its_streams(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    struct link *link = open_link(pair, &err);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, listen_on, link), 0);
    wait_started(&pair->sec, 1);
    node_stop_serving(&pair->sec);
    assert_int_equal(pair->sec.gone, 1);
    pthread_join(thread, NULL);
    link_close(link);
}

static void makes_the_same_key_of_the_same_words(void **state)
{
    struct proof_key one, two, other;
    char longest[PROOF_AUTHKEY_MAX + 2];
    struct error err = {0};

    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[PROOF_AUTHKEY_MAX + 1] = '\0';
    assert_int_equal(proof_authkey_check(longest, &err), -1);
    assert_null(strstr(err.message, "xxx"));
    longest[PROOF_AUTHKEY_MAX] = '\0';
    assert_ok(proof_authkey_check(longest, &err), err);
    assert_int_equal(proof_authkey_check("", &err), -1);
    assert_int_equal(proof_authkey_check("with blank", &err), -1);
    assert_ok(proof_key_derive("cisco123", &one, &err), err);
    assert_ok(proof_key_derive("cisco123", &two, &err), err);
    assert_ok(proof_key_derive("cisco124", &other, &err), err);
    assert_memory_equal(&one, &two, sizeof(one));
    assert_memory_not_equal(&one, &other, sizeof(one));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(proves_pins_and_answers),
        TEST(refuses_another_key_and_pins_nothing),
        TEST(makes_wait_who_fails_often),
        TEST(tells_a_caller_that_its_certificate_is_refused),
        TEST(refuses_a_server_with_another_certificate),
        TEST(sees_through_who_stands_between),
        TEST(answers_strangers_with_hello_alone),
        TEST(streams_to_the_end_or_says_that_it_is_cut),
        TEST(stops_listening_and_tells_the_sender),
        TEST(ends_a_wait_from_another_thread),
        TEST(a_refused_stream_leaves_the_link_as_it_was),
        TEST(keeps_what_the_network_does_not_take_at_once),
        TEST(acknowledges_on_the_stream),
        TEST(ends_a_stream_whose_caller_babbles),
        TEST(a_server_that_goes_ends_its_streams),
        cmocka_unit_test(makes_the_same_key_of_the_same_words),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
