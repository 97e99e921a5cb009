#include "ha/link_server.h"

#include "ha/link_json.h"
#include "ha/link_meet.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define PREFIX "/ha/v1/"
#define ROUTES_MAX 48

/* A request that a worker is busy with. */
struct job {
    STAILQ_ENTRY(job) next;
    struct link_server *server;
    struct https_exchange *exchange;
    struct link_caller caller;
    int (*run)(struct job *job, struct error *err);
    const struct link_route *route;
    struct meeting meeting; /* of a challenge or a proof */
    json_t *params;
    json_t *result;
    struct error error;
    bool failed;
};

struct link_server {
    struct link_server_options options;
    const struct link_route *routes[ROUTES_MAX];
    size_t route_count;
    struct meetings *meetings;
    struct event *done_event;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t idle;
    unsigned running; /* jobs that a worker has, or will have */
    bool closed;
    STAILQ_HEAD(, job) done;
};

/* ---- answers ---- */

static int status_of(enum error_code code)
{
    switch (code) {
    case ERROR_INVALID_ARGUMENT:
        return 400;
    case ERROR_DENIED:
    case ERROR_PIN_MISMATCH:
    case ERROR_UNTRUSTED:
        return 403;
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_CONFLICT:
    case ERROR_NOT_ACTIVE:
        return 409;
    case ERROR_BUSY:
        return 429;
    case ERROR_TIMEOUT:
        return 504;
    default:
        return 500;
    }
}

static void reply_json(struct https_exchange *exchange, int status, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);

    if (text == NULL)
        https_reply(exchange, 500, NULL, NULL, 0);
    else
        https_reply(exchange, status, "application/json", text, strlen(text));
    free(text);
    json_decref(body);
}

void link_refuse(struct https_exchange *exchange, const struct error *err)
{
    reply_json(exchange, status_of(err->code), link_json_error(err));
}

static void refuse(struct https_exchange *exchange, enum error_code code, const char *message)
{
    struct error err = {0};

    error_set(&err, code, "%s", message);
    link_refuse(exchange, &err);
}

/* ---- jobs ---- */

static void job_free(struct job *job)
{
    meeting_clear(&job->meeting);
    json_decref(job->params);
    json_decref(job->result);
    free(job);
}

/* On the loop's thread. */
static void on_done(evutil_socket_t fd, short what, void *arg)
{
    struct link_server *server = arg;
    STAILQ_HEAD(, job) done = STAILQ_HEAD_INITIALIZER(done);
    struct job *job;

    (void)fd;
    (void)what;
    pthread_mutex_lock(&server->lock);
    STAILQ_CONCAT(&done, &server->done);
    pthread_mutex_unlock(&server->lock);
    while ((job = STAILQ_FIRST(&done)) != NULL) {
        STAILQ_REMOVE_HEAD(&done, next);
        if (job->failed)
            link_refuse(job->exchange, &job->error);
        else
            reply_json(job->exchange, 200, job->result != NULL ? json_incref(job->result) : json_object());
        job_free(job);
    }
}

static void work(void *arg)
{
    struct job *job = arg;
    struct link_server *server = job->server;

    job->failed = job->run(job, &job->error) != 0;
    pthread_mutex_lock(&server->lock);
    STAILQ_INSERT_TAIL(&server->done, job, next);
    event_active(server->done_event, EV_TIMEOUT, 0);
    server->running--;
    pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

/* Takes the job over. */
static void start(struct job *job)
{
    struct link_server *server = job->server;
    struct error err = {0};

    pthread_mutex_lock(&server->lock);
    if (server->closed)
        error_set(&err, ERROR_BUSY, "the services of this server are being stopped");
    else
        server->running++;
    pthread_mutex_unlock(&server->lock);
    if (err.code == ERROR_NONE) {
        if (server->options.work(server->options.arg, work, job, &err) == 0)
            return;
        pthread_mutex_lock(&server->lock);
        server->running--;
        pthread_cond_broadcast(&server->idle);
        pthread_mutex_unlock(&server->lock);
    }
    link_refuse(job->exchange, &err);
    job_free(job);
}

/* NULL: the exchange was answered. */
static struct job *job_new(struct link_server *server, struct https_exchange *exchange,
                           int (*run)(struct job *job, struct error *err))
{
    struct job *job = calloc(1, sizeof(*job));
    struct error err = {0};
    size_t length;
    const char *body = https_exchange_body(exchange, &length);

    if (job == NULL) {
        https_reply(exchange, 500, NULL, NULL, 0);
        return NULL;
    }
    job->server = server;
    job->exchange = exchange;
    job->run = run;
    job->params = length == 0 ? json_object() : link_json_read(body, length, &err);
    if (job->params != NULL)
        return job;
    link_refuse(exchange, &err);
    job_free(job);
    return NULL;
}

/* ---- what anybody may ask for ---- */

static void answer_hello(struct link_server *server, struct https_exchange *exchange)
{
    const struct link_self *self = server->options.self;

    if (strcmp(https_exchange_method(exchange), "GET") != 0) {
        https_reply(exchange, 405, NULL, NULL, 0);
        return;
    }
    reply_json(exchange, 200,
               json_pack("{s:s, s:s, s:s, s:s}", "node", self->node, "product", "primesh", "version",
                         self->version, "role", server->options.role(server->options.arg)));
}

static int run_challenge(struct job *job, struct error *err)
{
    return meeting_challenge(job->server->meetings, &job->meeting, job->params, &job->result, err);
}

static int run_prove(struct job *job, struct error *err)
{
    return meeting_prove(job->server->meetings, &job->meeting, job->params, &job->result, err);
}

static void meet(struct link_server *server, struct https_exchange *exchange,
                 int (*run)(struct job *job, struct error *err))
{
    struct job *job;
    struct error err = {0};

    if (strcmp(https_exchange_method(exchange), "POST") != 0) {
        https_reply(exchange, 405, NULL, NULL, 0);
        return;
    }
    job = job_new(server, exchange, run);
    if (job == NULL)
        return;
    if (meeting_begin(server->meetings, &job->meeting, https_exchange_ssl(exchange),
                      https_exchange_peer(exchange), &err) == 0) {
        start(job);
        return;
    }
    link_refuse(exchange, &err);
    job_free(job);
}

/* ---- what only the peer may ask for ---- */

static int run_route(struct job *job, struct error *err)
{
    return job->route->run(job->route->arg, &job->caller, job->params, &job->result, err);
}

static void serve_route(struct link_server *server, const struct link_route *route,
                        const struct link_caller *caller, struct https_exchange *exchange)
{
    struct job *job;

    if (route->serve != NULL) {
        route->serve(route->arg, caller, exchange);
        return;
    }
    job = job_new(server, exchange, run_route);
    if (job == NULL)
        return;
    job->route = route;
    job->caller = *caller;
    start(job);
}

static void serve_proved(struct link_server *server, struct https_exchange *exchange)
{
    const char *path = https_exchange_path(exchange);
    const char *method = https_exchange_method(exchange);
    struct link_caller caller;
    bool known = false;

    if (!meetings_caller(server->meetings, https_exchange_ssl(exchange), &caller)) {
        refuse(exchange, ERROR_DENIED, "this connection has not proved that it comes from the pair");
        return;
    }
    for (size_t i = 0; i < server->route_count; i++) {
        if (strcmp(server->routes[i]->path, path) != 0)
            continue;
        if (strcmp(server->routes[i]->method, method) == 0) {
            serve_route(server, server->routes[i], &caller, exchange);
            return;
        }
        known = true;
    }
    if (known)
        https_reply(exchange, 405, NULL, NULL, 0);
    else
        refuse(exchange, ERROR_NOT_FOUND, "there is nothing of that name");
}

bool link_server_take(struct link_server *server, struct https_exchange *exchange)
{
    const char *path = https_exchange_path(exchange);

    if (strncmp(path, PREFIX, strlen(PREFIX)) != 0)
        return false;
    path += strlen(PREFIX);
    if (strcmp(path, "hello") == 0)
        answer_hello(server, exchange);
    else if (strcmp(path, "challenge") == 0)
        meet(server, exchange, run_challenge);
    else if (strcmp(path, "prove") == 0)
        meet(server, exchange, run_prove);
    else
        serve_proved(server, exchange);
    return true;
}

/* ---- the server itself ---- */

struct link_server *link_server_new(const struct link_server_options *options, struct error *err)
{
    struct link_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    server->options = *options;
    STAILQ_INIT(&server->done);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->idle, NULL);
    server->meetings = meetings_new(options, err);
    server->done_event = event_new(options->base, -1, 0, on_done, server);
    if (server->meetings != NULL && server->done_event != NULL)
        return server;
    if (server->meetings != NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    link_server_free(server);
    return NULL;
}

int link_server_add(struct link_server *server, const struct link_route *routes, size_t count,
                    struct error *err)
{
    if (server->route_count + count > ROUTES_MAX)
        return error_set(err, ERROR_INTERNAL, "there are too many routes between the servers");
    for (size_t i = 0; i < count; i++)
        server->routes[server->route_count++] = &routes[i];
    return 0;
}

void link_server_forget_proofs(struct link_server *server)
{
    meetings_forget(server->meetings);
}

void link_server_close(struct link_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->closed = true;
    while (server->running > 0)
        pthread_cond_wait(&server->idle, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void link_server_free(struct link_server *server)
{
    struct job *job;

    if (server == NULL)
        return;
    if (server->done_event != NULL)
        event_free(server->done_event);
    while ((job = STAILQ_FIRST(&server->done)) != NULL) {
        STAILQ_REMOVE_HEAD(&server->done, next);
        job_free(job); /* its exchange went with the HTTPS server */
    }
    meetings_free(server->meetings);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
