/* The control server and client over a real socket; the server's loop runs in a thread of its own. */
#include "base/clock.h"
#include "base/file.h"
#include "control/client.h"
#include "control/server.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 20000 /* for a condition that must come; only a failure takes so long */
#define LONG_NAME 200

struct node {
    char top[64];
    char home[512];
    struct log *log;
    int stop[2];
    pthread_t thread;
    struct control_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool up;
    struct control_job *held; /* of the method "hold" */
    int closed;
    struct error failure;
};

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* A worker's thread answers "work": some progress, then the result. */
static void *work(void *arg)
{
    struct control_job *job = arg;
    json_int_t steps = json_integer_value(json_object_get(control_job_params(job), "steps"));

    for (json_int_t i = 1; i <= steps; i++)
        control_progress(job, json_pack("{s:I}", "step", i));
    control_answer(job, json_pack("{s:I}", "steps", steps));
    return NULL;
}

static json_t *text_of(size_t length)
{
    char *text = malloc(length);
    json_t *string;

    assert_non_null(text);
    memset(text, 'x', length);
    string = json_stringn(text, length);
    free(text);
    return string;
}

#define LIST_ROWS 800
#define LIST_ROW_BYTES 65000 /* all of them are three times what a caller may leave unread */
#define LIST_UNREAD 1000000

static atomic_int listed;
static atomic_bool list_ended;

/* "list": more than a slow reader may leave unread, but never ahead of it. */
static void *list(void *arg)
{
    struct control_job *job = arg;

    for (int i = 0; i < LIST_ROWS && !control_job_abandoned(job); i++) {
        control_progress(job, json_pack("{s:o}", "row", text_of(LIST_ROW_BYTES)));
        atomic_fetch_add(&listed, 1);
        control_wait_for_reader(job, LIST_UNREAD);
    }
    control_answer(job, NULL);
    atomic_store(&list_ended, true);
    return NULL;
}

static void start_list(struct control_job *job)
{
    pthread_t thread;

    atomic_store(&listed, 0);
    atomic_store(&list_ended, false);
    assert_int_equal(pthread_create(&thread, NULL, list, job), 0);
    pthread_detach(thread);
}

static void start_work(struct control_job *job)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, work, job), 0);
    pthread_detach(thread);
}

static void on_request(void *arg, struct control_job *job)
{
    struct node *node = arg;
    const char *method = control_job_method(job);
    json_t *params = control_job_params(job);
    const struct control_caller *caller = control_job_caller(job);
    struct error err = {0};

    if (strcmp(method, "echo") == 0) {
        control_answer(job, json_incref(params));
    } else if (strcmp(method, "who") == 0) {
        control_answer(job,
                       json_pack("{s:i,s:i,s:i,s:b}", "uid", (int)caller->uid, "gid", (int)caller->gid, "pid",
                                 (int)caller->process.pid, "lives", process_lives(&caller->process)));
    } else if (strcmp(method, "work") == 0) {
        start_work(job);
    } else if (strcmp(method, "list") == 0) {
        start_list(job);
    } else if (strcmp(method, "big") == 0) {
        control_answer(job, json_pack("{s:o}", "text",
                                      text_of((size_t)json_integer_value(json_object_get(params, "size")))));
    } else if (strcmp(method, "hold") == 0) {
        pthread_mutex_lock(&node->lock);
        node->held = job;
        pthread_cond_broadcast(&node->changed);
        pthread_mutex_unlock(&node->lock);
    } else {
        error_set(&err, ERROR_NOT_FOUND, "no method %s", method);
        error_hint(&err, "see the list");
        control_refuse(job, &err);
    }
}

static void on_closed(void *arg, struct control_session *session)
{
    struct node *node = arg;

    (void)session;
    pthread_mutex_lock(&node->lock);
    node->closed++;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(arg);
}

static void *run_node(void *arg)
{
    struct node *node = arg;
    struct event_base *base = event_base_new();
    struct event *stop = event_new(base, node->stop[0], EV_READ, on_stop, base);
    struct control_handlers handlers = {
        .request = on_request, .closed = on_closed, .arg = node, .log = node->log};

    event_add(stop, NULL);
    node->server = control_server_new(base, node->home, &handlers, &node->failure);
    pthread_mutex_lock(&node->lock);
    node->up = true;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
    if (node->server != NULL)
        event_base_dispatch(base);
    control_server_free(node->server);
    event_free(stop);
    event_base_free(base);
    return NULL;
}

static void start_node(struct node *node)
{
    node->up = false;
    node->failure = (struct error){0};
    assert_int_equal(pipe(node->stop), 0);
    assert_int_equal(pthread_create(&node->thread, NULL, run_node, node), 0);
    pthread_mutex_lock(&node->lock);
    while (!node->up)
        pthread_cond_wait(&node->changed, &node->lock);
    pthread_mutex_unlock(&node->lock);
}

static void stop_node(struct node *node)
{
    close(node->stop[1]);
    pthread_join(node->thread, NULL);
    close(node->stop[0]);
}

static int make_home(struct node *node, int long_name)
{
    const char *temporary = getenv("TMPDIR");
    char name[LONG_NAME + 1];

    snprintf(node->top, sizeof(node->top), "%.30s/primesh-XXXXXX", temporary ? temporary : "/tmp");
    if (mkdtemp(node->top) == NULL)
        return -1;
    memset(name, 'h', sizeof(name));
    name[long_name ? LONG_NAME : 4] = '\0';
    snprintf(node->home, sizeof(node->home), "%s/%s", node->top, name);
    return file_make_folder(node->home, 0755, NULL);
}

static int setup_named(void **state, int long_name)
{
    struct node *node = calloc(1, sizeof(*node));

    if (node == NULL || make_home(node, long_name) != 0)
        return -1;
    pthread_mutex_init(&node->lock, NULL);
    pthread_cond_init(&node->changed, NULL);
    start_node(node);
    *state = node;
    return node->server != NULL ? 0 : -1;
}

static int setup(void **state)
{
    return setup_named(state, 0);
}

static int setup_long(void **state)
{
    return setup_named(state, 1);
}

static int teardown(void **state)
{
    struct node *node = *state;

    stop_node(node);
    nftw(node->top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    pthread_cond_destroy(&node->changed);
    pthread_mutex_destroy(&node->lock);
    free(node);
    return 0;
}

static void wait_closed(struct node *node, int count)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&node->lock);
    while (node->closed < count)
        assert_int_equal(pthread_cond_timedwait(&node->changed, &node->lock, &until), 0);
    pthread_mutex_unlock(&node->lock);
}

static struct control_job *take_held(struct node *node)
{
    struct control_job *job;

    pthread_mutex_lock(&node->lock);
    while (node->held == NULL)
        pthread_cond_wait(&node->changed, &node->lock);
    job = node->held;
    node->held = NULL;
    pthread_mutex_unlock(&node->lock);
    return job;
}

static struct control_client *connected(struct node *node)
{
    struct error err = {0};
    struct control_client *client = control_connect(node->home, &err);

    if (client == NULL)
        fail_msg("%s", err.message);
    return client;
}

/* One line of a reply, or "" at the end of the connection. */
static void raw_line(int fd, char *line, size_t size)
{
    size_t used = 0;

    while (used + 1 < size) {
        struct pollfd in = {.fd = fd, .events = POLLIN};

        assert_int_equal(poll(&in, 1, PATIENCE_MS), 1);
        if (recv(fd, line + used, 1, 0) != 1 || line[used] == '\n')
            break;
        used++;
    }
    line[used] = '\0';
}

static void raw_closed(int fd)
{
    char byte;
    struct pollfd in = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&in, 1, PATIENCE_MS), 1);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
}

static void answers_and_knows_the_caller(void **state)
{
    struct node *node = *state;
    struct control_client *client = connected(node);
    json_t *params = json_pack("{s:s}", "word", "größe\n");
    json_t *result;
    struct error err = {0};

    assert_int_equal(control_call(client, "echo", params, NULL, &result, &err), 0);
    assert_true(json_equal(params, result));
    json_decref(result);
    json_decref(params);
    assert_int_equal(control_call(client, "who", NULL, NULL, &result, &err), 0);
    assert_int_equal(json_integer_value(json_object_get(result, "uid")), getuid());
    assert_int_equal(json_integer_value(json_object_get(result, "gid")), getgid());
    assert_int_equal(json_integer_value(json_object_get(result, "pid")), getpid());
    assert_true(json_is_true(json_object_get(result, "lives")));
    json_decref(result);
    assert_int_equal(control_call(client, "nothing", NULL, NULL, &result, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.message, "no method nothing");
    assert_string_equal(err.hint, "see the list");
    assert_null(result);
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, &err), 0);
    control_close(client);
}

static void the_socket_is_for_owner_and_group(void **state)
{
    struct node *node = *state;
    char path[600];
    struct stat info;

    snprintf(path, sizeof(path), "%s/run/control.sock", node->home);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
    assert_int_equal(info.st_mode & 07777, 0660);
}

static void count_step(void *arg, json_t *progress)
{
    json_int_t *last = arg;

    assert_int_equal(json_integer_value(json_object_get(progress, "step")), *last + 1);
    ++*last;
}

static void progress_comes_in_order_from_a_worker(void **state)
{
    struct control_client *client = connected(*state);
    json_int_t last = 0;
    struct control_watch watch = {.progress = count_step, .arg = &last};
    json_t *params = json_pack("{s:i}", "steps", 5000);
    struct error err = {0};

    assert_int_equal(control_call(client, "work", params, &watch, NULL, &err), 0);
    assert_int_equal(last, 5000);
    json_decref(params);
    control_close(client);
}

struct crowd {
    struct node *node;
    atomic_int good;
};

static void *call_often(void *arg)
{
    struct crowd *crowd = arg;
    struct control_client *client = control_connect(crowd->node->home, NULL);
    json_t *params = json_pack("{s:i}", "steps", 3);

    for (int i = 0; client != NULL && i < 100; i++) {
        json_t *result = NULL;

        if (control_call(client, i % 2 ? "work" : "echo", params, NULL, &result, NULL) == 0 &&
            json_equal(params, result))
            atomic_fetch_add(&crowd->good, 1);
        json_decref(result);
    }
    json_decref(params);
    control_close(client);
    return NULL;
}

static void many_callers_at_once(void **state)
{
    struct crowd crowd = {.node = *state};
    pthread_t threads[16];

    for (size_t i = 0; i < 16; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &crowd), 0);
    for (size_t i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.good), 1600);
}

static void an_abandoned_job_goes_on(void **state)
{
    struct node *node = *state;
    struct control_client *client = connected(node);
    struct control_job *job;
    char *line = control_request_line(1, "hold", NULL);

    assert_int_equal(send(control_fd(client), line, strlen(line), 0), strlen(line));
    job = take_held(node);
    assert_false(control_job_abandoned(job));
    control_close(client);
    wait_closed(node, 1);
    assert_true(control_job_abandoned(job));
    assert_string_equal(control_job_method(job), "hold");
    control_progress(job, json_object());
    control_answer(job, json_object());
    free(line);
    client = connected(node); /* the server is well */
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, NULL), 0);
    control_close(client);
}

static void a_job_may_outlive_the_server(void **state)
{
    struct node *node = *state;
    struct control_client *client = connected(node);
    char *line = control_request_line(1, "hold", NULL);
    struct control_job *job;
    struct error err = {0};

    assert_int_equal(send(control_fd(client), line, strlen(line), 0), strlen(line));
    job = take_held(node);
    stop_node(node);
    assert_true(control_job_abandoned(job));
    control_progress(job, json_object());
    error_set(&err, ERROR_INTERNAL, "too late");
    control_refuse(job, &err);
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    control_close(client);
    free(line);
    start_node(node);
    assert_non_null(node->server);
}

struct patience {
    struct node *node;
    struct control_job *job;
};

/* The job is known to the daemon, then the user's Ctrl-C arrives. */
static int give_up(void *arg, int fd, int timeout_ms)
{
    struct patience *patience = arg;

    (void)fd;
    (void)timeout_ms;
    patience->job = take_held(patience->node);
    return 0;
}

static void the_user_may_give_up(void **state)
{
    struct patience patience = {.node = *state};
    struct control_watch watch = {.wait = give_up, .arg = &patience};
    struct control_client *client = connected(patience.node);
    struct error err = {0};
    json_t *result = NULL;

    assert_int_equal(control_call(client, "hold", NULL, &watch, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_string_equal(err.message, "interrupted");
    /* a late answer is not taken for that of the next call */
    control_answer(patience.job, json_pack("{s:s}", "late", "answer"));
    assert_int_equal(control_call(client, "echo", NULL, NULL, &result, &err), 0);
    assert_int_equal(json_object_size(result), 0);
    json_decref(result);
    control_close(client);
}

struct quiet {
    struct node *node;
    int waits;
};

/* Nothing comes at first; then the word that the daemon is alive; then the answer. */
static int wait_quietly(void *arg, int fd, int timeout_ms)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    struct quiet *quiet = arg;

    assert_true(timeout_ms > 0);
    quiet->waits++;
    if (quiet->waits == 1)
        return -1;
    if (quiet->waits == 3)
        control_answer(take_held(quiet->node), json_pack("{s:s}", "late", "answer"));
    return poll(&in, 1, PATIENCE_MS);
}

static int hear_nothing(void *arg, int fd, int timeout_ms)
{
    (void)arg;
    (void)fd;
    assert_true(timeout_ms > 0);
    return -1;
}

static void a_call_lasts_as_long_as_the_daemon_is_alive(void **state)
{
    struct quiet quiet = {.node = *state};
    struct control_watch watch = {.wait = wait_quietly, .arg = &quiet};
    struct control_client *client = connected(*state);
    struct error err = {0};
    json_t *result = NULL;

    assert_int_equal(control_call(client, "hold", NULL, &watch, &result, &err), 0);
    assert_string_equal(json_string_value(json_object_get(result, "late")), "answer");
    assert_int_equal(quiet.waits, 3);
    assert_false(control_is_lost(client));
    json_decref(result);
    watch.wait = hear_nothing;
    assert_int_equal(control_call(client, "hold", NULL, &watch, &result, &err), -1);
    assert_int_equal(err.code, ERROR_TIMEOUT);
    assert_non_null(strstr(err.message, "primed does not answer on "));
    assert_non_null(strstr(err.message, "within 10 s"));
    assert_true(control_is_lost(client));
    control_close(client);
    control_answer(take_held(*state), NULL);
}

static void junk_is_answered_and_closed(void **state)
{
    static const char *const rows[] = {"GET / HTTP/1.1\r\n\r\n", "\n", "{\"id\":5}\n", "[]\n{}\n{}\n",
                                       "\xff\xfe\xfd\n"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct control_client *client = connected(*state);
        int fd = control_fd(client);
        char line[1000];
        struct control_reply reply;

        assert_int_equal(send(fd, rows[i], strlen(rows[i]), 0), strlen(rows[i]));
        raw_line(fd, line, sizeof(line));
        assert_int_equal(control_reply_read(line, strlen(line), &reply, NULL), 0);
        assert_int_equal(reply.kind, CONTROL_ERROR);
        assert_int_equal(reply.error.code, ERROR_INVALID_ARGUMENT);
        raw_closed(fd);
        control_reply_clear(&reply);
        control_close(client);
    }
}

/* Sends `length` bytes as far as the server takes them. */
static void send_much(int fd, size_t length, char byte)
{
    char block[4096];

    memset(block, byte, sizeof(block));
    while (length > 0) {
        ssize_t sent = send(fd, block, length < sizeof(block) ? length : sizeof(block), MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        length -= (size_t)sent;
    }
}

static void a_line_is_bounded(void **state)
{
    struct control_client *client = connected(*state);
    char line[1000];
    json_t *params;
    json_t *result;
    struct error err = {0};

    send_much(control_fd(client), 3 * CONTROL_LINE_MAX, 'x');
    raw_line(control_fd(client), line, sizeof(line));
    assert_non_null(strstr(line, "\"error\""));
    assert_non_null(strstr(line, "longer than 1048576 bytes"));
    raw_closed(control_fd(client));
    control_close(client);

    client = connected(*state);
    params = json_pack("{s:o}", "text", text_of(CONTROL_LINE_MAX - 1000));
    assert_int_equal(control_call(client, "echo", params, NULL, &result, &err), 0);
    assert_true(json_equal(params, result));
    json_decref(result);
    json_decref(params);
    params = json_pack("{s:o}", "text", text_of(CONTROL_LINE_MAX));
    assert_int_equal(control_call(client, "echo", params, NULL, &result, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    json_decref(params);
    params = json_pack("{s:i}", "size", CONTROL_REPLY_MAX + 1);
    assert_int_equal(control_call(client, "big", params, NULL, &result, &err), -1);
    assert_int_equal(err.code, ERROR_INTERNAL);
    json_decref(params);
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, &err), 0);
    control_close(client);
}

static void a_line_may_come_in_pieces(void **state)
{
    struct control_client *client = connected(*state);
    static const char two[] = "{\"id\":1,\"method\":\"echo\"}\n{\"id\":2,\"method\":\"echo\"}\n";
    char line[100];

    for (size_t i = 0; i < sizeof(two) - 1; i++)
        assert_int_equal(send(control_fd(client), two + i, 1, 0), 1);
    raw_line(control_fd(client), line, sizeof(line));
    assert_string_equal(line, "{\"id\":1,\"result\":{}}");
    raw_line(control_fd(client), line, sizeof(line));
    assert_string_equal(line, "{\"id\":2,\"result\":{}}");
    control_close(client);
}

/* Who never reads is dropped, and holds up nobody meanwhile. */
static void a_deaf_caller_is_dropped(void **state)
{
    struct node *node = *state;
    struct control_client *deaf = connected(node);
    struct control_client *good = connected(node);
    char request[100];
    struct error err = {0};
    json_t *result = NULL;

    for (int i = 1; i <= 8; i++) {
        snprintf(request, sizeof(request), "{\"id\":%d,\"method\":\"big\",\"params\":{\"size\":4000000}}\n",
                 i);
        send(control_fd(deaf), request, strlen(request), MSG_NOSIGNAL);
        assert_int_equal(control_call(good, "echo", NULL, NULL, &result, &err), 0);
        json_decref(result);
    }
    wait_closed(node, 1);
    assert_int_equal(control_call(good, "echo", NULL, NULL, NULL, &err), 0);
    control_close(good);
    control_close(deaf);
}

static void ask_for_list(struct control_client *client)
{
    static const char request[] = "{\"id\":1,\"method\":\"list\",\"params\":{}}\n";

    assert_int_equal(send(control_fd(client), request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

/* Waits until the list does not go on any more, though nothing of it is read. */
static void wait_for_standstill(void)
{
    int before = -1;

    for (int64_t end_ms = clock_monotonic_ms() + PATIENCE_MS; clock_monotonic_ms() < end_ms;) {
        int now = atomic_load(&listed);

        if (now > 0 && now == before)
            return;
        before = now;
        poll(NULL, 0, 200);
    }
    fail_msg("the list goes on and on");
}

static void a_long_list_waits_for_its_reader(void **state)
{
    struct control_client *client = connected(*state);
    char bytes[65536];
    size_t lines = 0;
    ssize_t got;

    ask_for_list(client);
    wait_for_standstill();
    assert_true(atomic_load(&listed) < LIST_ROWS / 10);
    while (lines < LIST_ROWS + 1 && (got = recv(control_fd(client), bytes, sizeof(bytes), 0)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            lines += bytes[i] == '\n';
    }
    assert_int_equal(lines, LIST_ROWS + 1); /* and the answer */
    control_close(client);
}

static void a_list_ends_with_its_reader(void **state)
{
    struct control_client *client = connected(*state);

    ask_for_list(client);
    wait_for_standstill();
    control_close(client);
    for (int64_t end_ms = clock_monotonic_ms() + PATIENCE_MS; !atomic_load(&list_ended);) {
        assert_true(clock_monotonic_ms() < end_ms);
        poll(NULL, 0, 5);
    }
    assert_true(atomic_load(&listed) < LIST_ROWS);
}

static void requests_under_way_are_bounded(void **state)
{
    struct node *node = *state;
    struct control_client *client = connected(node);
    struct control_job *jobs[64];
    char line[300];

    for (size_t i = 0; i < 64; i++) {
        snprintf(line, sizeof(line), "{\"id\":%zu,\"method\":\"hold\"}\n", i + 1);
        assert_int_equal(send(control_fd(client), line, strlen(line), 0), strlen(line));
        jobs[i] = take_held(node);
    }
    assert_int_equal(send(control_fd(client), line, strlen(line), 0), strlen(line));
    raw_line(control_fd(client), line, sizeof(line));
    assert_non_null(strstr(line, "\"busy\""));
    for (size_t i = 0; i < 64; i++) {
        control_answer(jobs[i], NULL);
        raw_line(control_fd(client), line, sizeof(line));
        assert_non_null(strstr(line, "\"result\":{}"));
    }
    control_close(client);
}

static void connections_are_bounded(void **state)
{
    struct node *node = *state;
    struct control_client *clients[600];
    struct error err = {0};
    int busy = 0;

    for (size_t i = 0; i < 600; i++)
        clients[i] = connected(node);
    for (size_t i = 0; i < 600; i++) {
        if (control_call(clients[i], "echo", NULL, NULL, NULL, &err) != 0) {
            assert_int_equal(err.code, ERROR_BUSY);
            busy++;
        }
    }
    assert_true(busy >= 88);
    for (size_t i = 0; i < 600; i++)
        control_close(clients[i]);
    wait_closed(node, 600);
    clients[0] = connected(node);
    assert_int_equal(control_call(clients[0], "echo", NULL, NULL, NULL, &err), 0);
    control_close(clients[0]);
}

/* A connection that takes the last descriptor. */
static int take_last_descriptor(const struct node *node, struct rlimit *before)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct rlimit small;
    int next = dup(0);
    int fd;

    getrlimit(RLIMIT_NOFILE, before);
    small = *before;
    small.rlim_cur = (rlim_t)next + 1;
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/run/control.sock", node->home);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Out of descriptors: the loop neither spins nor stays deaf. */
static void running_out_of_descriptors_passes(void **state)
{
    struct node *node = *state;
    struct control_client *client = connected(node);
    struct rlimit before;
    struct error err = {0};
    char line[100];
    int fd;

    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, &err), 0); /* it is accepted */
    fd = take_last_descriptor(node, &before);
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, &err), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(send(fd, "{\"id\":1,\"method\":\"echo\"}\n", 25, 0), 25);
    raw_line(fd, line, sizeof(line));
    assert_string_equal(line, "{\"id\":1,\"result\":{}}");
    close(fd);
    control_close(client);
}

/* Callers hear why they are turned away, again and again; the log does once. */
static void out_of_descriptors_is_said(void **state)
{
    struct node *node = *state;
    struct control_client *client = connected(node);
    struct error err = {0};
    char path[600];
    char text[2000] = "";
    FILE *file;

    stop_node(node);
    snprintf(path, sizeof(path), "%.80s/log", node->home);
    node->log = log_open(path, LOG_LEVEL_INFO, &err);
    assert_non_null(node->log);
    start_node(node);
    control_close(client);
    client = connected(node);
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, &err), 0);
    for (int i = 0; i < 2; i++) {
        struct rlimit before;
        char line[400];
        int fd = take_last_descriptor(node, &before);

        raw_line(fd, line, sizeof(line));
        setrlimit(RLIMIT_NOFILE, &before);
        assert_non_null(strstr(line, "{\"id\":0,\"error\":"));
        assert_non_null(strstr(line, "primed is out of descriptors"));
        close(fd);
    }
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, &err), 0);
    control_close(client);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "out of descriptors"));
    assert_ptr_equal(strchr(text, '\n'), strrchr(text, '\n'));
    stop_node(node);
    log_close(node->log);
    node->log = NULL;
    start_node(node);
}

static void nobody_there_is_said(void **state)
{
    struct node *node = *state;
    struct error err = {0};

    stop_node(node);
    assert_null(control_connect(node->home, &err));
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    assert_non_null(strstr(err.message, "primed does not answer on "));
    assert_non_null(strstr(err.message, "/run/control.sock"));
    assert_null(control_connect("/nonexistent", &err));
    assert_string_equal(err.message, "primed does not answer on /nonexistent/run/control.sock");
    start_node(node);
}

static void a_second_server_is_refused(void **state)
{
    struct node *node = *state;
    struct event_base *base = event_base_new();
    struct control_handlers handlers = {.request = on_request, .arg = node};
    struct control_client *client;
    struct error err = {0};

    assert_null(control_server_new(base, node->home, &handlers, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.message, "another primed answers on "));
    client = connected(node); /* the first one's socket is still there */
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, NULL), 0);
    control_close(client);
    event_base_free(base);
}

static void a_stale_socket_is_replaced(void **state)
{
    struct node *node = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct control_client *client;
    int fd;

    stop_node(node);
    snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/run/control.sock", node->home);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd); /* as a daemon that was killed leaves it */
    assert_null(control_connect(node->home, NULL));
    start_node(node);
    assert_non_null(node->server);
    client = connected(node);
    assert_int_equal(control_call(client, "echo", NULL, NULL, NULL, NULL), 0);
    control_close(client);
}

static void something_else_in_the_way_stays(void **state)
{
    struct node *node = *state;
    char path[600];

    stop_node(node);
    snprintf(path, sizeof(path), "%s/run/control.sock", node->home);
    assert_int_equal(file_write(path, "mine", 4, 0600, NULL), 0);
    start_node(node);
    assert_null(node->server);
    assert_int_equal(node->failure.code, ERROR_CONFLICT);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    stop_node(node);
    start_node(node);
    assert_non_null(node->server);
}

int main(void)
{
#define WITH_NODE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_NODE(answers_and_knows_the_caller),
        cmocka_unit_test_setup_teardown(many_callers_at_once, setup_long, teardown),
        WITH_NODE(the_socket_is_for_owner_and_group),
        WITH_NODE(progress_comes_in_order_from_a_worker),
        WITH_NODE(many_callers_at_once),
        WITH_NODE(an_abandoned_job_goes_on),
        WITH_NODE(a_job_may_outlive_the_server),
        WITH_NODE(the_user_may_give_up),
        WITH_NODE(a_call_lasts_as_long_as_the_daemon_is_alive),
        WITH_NODE(junk_is_answered_and_closed),
        WITH_NODE(a_line_is_bounded),
        WITH_NODE(a_line_may_come_in_pieces),
        WITH_NODE(a_deaf_caller_is_dropped),
        WITH_NODE(a_long_list_waits_for_its_reader),
        WITH_NODE(a_list_ends_with_its_reader),
        WITH_NODE(requests_under_way_are_bounded),
        WITH_NODE(connections_are_bounded),
        WITH_NODE(running_out_of_descriptors_passes),
        WITH_NODE(out_of_descriptors_is_said),
        WITH_NODE(nobody_there_is_said),
        cmocka_unit_test_setup_teardown(nobody_there_is_said, setup_long, teardown),
        WITH_NODE(a_second_server_is_refused),
        WITH_NODE(a_stale_socket_is_replaced),
        WITH_NODE(something_else_in_the_way_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
