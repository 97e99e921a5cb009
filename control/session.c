#include "control/session.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSING_TIMEOUT_S 5 /* for a caller to take its last line */
#define READ_STEP 65536

struct control_job {
    struct control_session *session;
    struct control_request request;
    struct control_post answer; /* the last post; made beforehand, so that it cannot fail */
};

static void release_server_locked(struct control_server *server)
{
    bool last = --server->references == 0;

    pthread_mutex_unlock(&server->lock);
    if (!last)
        return;
    if (server->woken >= 0)
        close(server->woken);
    pthread_cond_destroy(&server->drained);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

void control_server_release(struct control_server *server)
{
    pthread_mutex_lock(&server->lock);
    release_server_locked(server);
}

static void release_session(struct control_session *session)
{
    bool last;

    pthread_mutex_lock(&session->server->lock);
    last = --session->references == 0;
    pthread_mutex_unlock(&session->server->lock);
    if (last)
        free(session);
}

static void free_job(struct control_job *job)
{
    struct control_server *server = job->session->server;

    control_request_clear(&job->request);
    release_session(job->session);
    free(job);
    control_server_release(server);
}

/* Bytes went to the caller, or will never go. */
static void count_taken(struct control_session *session, size_t length)
{
    struct control_server *server = session->server;

    pthread_mutex_lock(&server->lock);
    session->unread -= length < session->unread ? length : session->unread;
    pthread_cond_broadcast(&server->drained);
    pthread_mutex_unlock(&server->lock);
}

static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *session)
{
    (void)buffer;
    if (info->n_deleted > 0)
        count_taken(session, info->n_deleted);
}

static void close_session(struct control_session *session)
{
    struct control_server *server = session->server;

    if (session->stream == NULL)
        return;
    atomic_store(&session->gone, true);
    evbuffer_remove_cb(bufferevent_get_output(session->stream), on_output, session);
    count_taken(session, SIZE_MAX);
    bufferevent_free(session->stream);
    session->stream = NULL;
    TAILQ_REMOVE(&server->sessions, session, next);
    server->session_count--;
    if (server->handlers.closed != NULL)
        server->handlers.closed(server->handlers.arg, session);
    release_session(session);
}

/* Writes a line; a caller that lets too much lie unread is dropped. */
static void write_line(struct control_session *session, const char *line, size_t length)
{
    struct evbuffer *output = bufferevent_get_output(session->stream);

    if (evbuffer_get_length(output) + length > CONTROL_BACKLOG_MAX ||
        bufferevent_write(session->stream, line, length) != 0)
        close_session(session);
}

static void refuse_request(struct control_session *session, json_int_t id, const struct error *err)
{
    char *line = control_error_line(id, err);

    if (line == NULL)
        close_session(session);
    else
        write_line(session, line, strlen(line));
    free(line);
}

/* Tells why, and closes once that is sent. */
static void hang_up(struct control_session *session, json_int_t id, const struct error *err)
{
    static const struct timeval limit = {.tv_sec = CLOSING_TIMEOUT_S};

    session->closing = true;
    atomic_store(&session->gone, true);
    bufferevent_disable(session->stream, EV_READ);
    bufferevent_set_timeouts(session->stream, NULL, &limit);
    refuse_request(session, id, err);
}

static void start_job(struct control_session *session, struct control_request *request)
{
    struct control_server *server = session->server;
    struct control_job *job = calloc(1, sizeof(*job));
    struct error err = {0};

    if (job == NULL || session->jobs >= CONTROL_JOBS_MAX) {
        error_set(&err, ERROR_BUSY, "%zu requests of this connection are under way already", session->jobs);
        refuse_request(session, request->id, &err);
        control_request_clear(request);
        free(job);
        return;
    }
    job->session = session;
    job->request = *request;
    session->jobs++;
    pthread_mutex_lock(&server->lock);
    session->references++;
    server->references++;
    pthread_mutex_unlock(&server->lock);
    server->handlers.request(server->handlers.arg, job);
}

static void answer_alive(struct control_session *session, json_int_t id)
{
    char *line = control_result_line(id, NULL);

    if (line != NULL)
        write_line(session, line, strlen(line));
    free(line);
}

static void take_line(struct control_session *session, const char *line, size_t length)
{
    struct control_request request;
    struct error err = {0};

    if (control_request_read(line, length, &request, &err) != 0) {
        hang_up(session, request.id, &err);
    } else if (strcmp(request.method, CONTROL_ALIVE) == 0) {
        answer_alive(session, request.id);
        control_request_clear(&request);
    } else {
        start_job(session, &request);
    }
}

/* Length of the first whole line, its end included; 0 where there is none yet. */
static size_t line_length(struct control_session *session, struct evbuffer *input)
{
    struct evbuffer_ptr start;
    struct evbuffer_ptr end;

    /* A megabyte that comes byte by byte must not be searched from its start each time. */
    if (evbuffer_ptr_set(input, &start, session->searched, EVBUFFER_PTR_SET) != 0)
        return 0;
    end = evbuffer_search(input, "\n", 1, &start);
    session->searched = end.pos < 0 ? evbuffer_get_length(input) : 0;
    return end.pos < 0 ? 0 : (size_t)end.pos + 1;
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct control_session *session = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    struct error err = {0};
    size_t length;

    pthread_mutex_lock(&session->server->lock);
    session->references++; /* a request's handler may end the connection under our feet */
    pthread_mutex_unlock(&session->server->lock);
    while (session->stream != NULL && !session->closing && (length = line_length(session, input)) > 0 &&
           length <= CONTROL_LINE_MAX) {
        const char *line = (const char *)evbuffer_pullup(input, (ev_ssize_t)length);

        if (line == NULL) {
            close_session(session);
            break;
        }
        take_line(session, line, length);
        if (session->stream != NULL)
            evbuffer_drain(input, length);
    }
    if (session->stream != NULL && !session->closing && evbuffer_get_length(input) >= CONTROL_LINE_MAX) {
        error_set(&err, ERROR_INVALID_ARGUMENT, "a request's line is longer than %d bytes", CONTROL_LINE_MAX);
        hang_up(session, 0, &err);
    }
    release_session(session);
}

static void on_written(struct bufferevent *stream, void *arg)
{
    struct control_session *session = arg;

    if (session->closing && evbuffer_get_length(bufferevent_get_output(stream)) == 0)
        close_session(session);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    (void)stream;
    (void)what;
    close_session(arg);
}

static int know_caller(int fd, struct control_caller *out)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return -1;
    *out = (struct control_caller){.uid = peer.uid, .gid = peer.gid, .process = {.pid = peer.pid}};
    process_find(peer.pid, &out->process, NULL);
    return 0;
}

void control_session_start(struct control_server *server, int fd)
{
    struct control_session *session = calloc(1, sizeof(*session));
    struct error err = {0};

    if (session == NULL || know_caller(fd, &session->caller) != 0 ||
        (session->stream = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
        free(session);
        close(fd);
        return;
    }
    session->server = server;
    session->references = 1;
    atomic_init(&session->gone, false);
    TAILQ_INSERT_TAIL(&server->sessions, session, next);
    server->session_count++;
    bufferevent_setcb(session->stream, on_readable, on_written, on_event, session);
    evbuffer_add_cb(bufferevent_get_output(session->stream), on_output, session);
    /* Reading stops at a line's bound, so that nobody fills the memory. */
    bufferevent_setwatermark(session->stream, EV_READ, 0, CONTROL_LINE_MAX + READ_STEP);
    bufferevent_enable(session->stream, EV_READ | EV_WRITE);
    if (server->session_count <= CONTROL_SESSIONS_MAX)
        return;
    error_set(&err, ERROR_BUSY, "primed has %d connections open already", CONTROL_SESSIONS_MAX);
    hang_up(session, 0, &err);
}

static void deliver(struct control_post *post)
{
    struct control_session *session = post->job->session;
    struct error err = {0};

    if (post->last)
        session->jobs--;
    if (session->stream != NULL && !session->closing) {
        if (post->line == NULL) {
            error_set(&err, ERROR_INTERNAL, "the answer could not be written as JSON");
            refuse_request(session, post->job->request.id, &err);
        } else if (post->length > CONTROL_REPLY_MAX) {
            error_set(&err, ERROR_INTERNAL, "the answer has %zu bytes, more than %d", post->length,
                      CONTROL_REPLY_MAX);
            refuse_request(session, post->job->request.id, &err);
        } else {
            write_line(session, post->line, post->length);
        }
    }
    free(post->line);
    if (post->last)
        free_job(post->job);
    else
        free(post);
}

void control_session_deliver(evutil_socket_t fd, short what, void *arg)
{
    struct control_server *server = arg;
    STAILQ_HEAD(, control_post) posts = STAILQ_HEAD_INITIALIZER(posts);
    struct control_post *post;
    eventfd_t count;

    (void)what;
    if (fd >= 0)
        (void)!read(fd, &count, sizeof(count));
    pthread_mutex_lock(&server->lock);
    STAILQ_CONCAT(&posts, &server->posts);
    pthread_mutex_unlock(&server->lock);
    while ((post = STAILQ_FIRST(&posts)) != NULL) {
        STAILQ_REMOVE_HEAD(&posts, next);
        deliver(post);
    }
}

/* From any thread. Takes the line over; `post` is the job's own one for the answer. After that one the job
 * belongs to the loop. */
static void post_line(struct control_job *job, struct control_post *post, char *line)
{
    struct control_server *server = job->session->server;
    bool last = post == &job->answer;
    bool closed;

    *post = (struct control_post){
        .job = job, .line = line, .length = line == NULL ? 0 : strlen(line), .last = last};
    pthread_mutex_lock(&server->lock);
    closed = server->closed;
    if (!closed) {
        bool was_empty = STAILQ_EMPTY(&server->posts);

        job->session->unread += post->length;
        STAILQ_INSERT_TAIL(&server->posts, post, next);
        if (was_empty)
            eventfd_write(server->woken, 1);
    }
    pthread_mutex_unlock(&server->lock);
    if (!closed)
        return;
    free(line);
    if (last)
        free_job(job);
    else
        free(post);
}

void control_session_end_all(struct control_server *server)
{
    struct control_session *session;

    pthread_mutex_lock(&server->lock);
    server->closed = true;
    pthread_cond_broadcast(&server->drained);
    pthread_mutex_unlock(&server->lock);
    control_session_deliver(-1, 0, server);
    while ((session = TAILQ_FIRST(&server->sessions)) != NULL) {
        evutil_socket_t fd = bufferevent_getfd(session->stream);

        /* The answer to "stop" itself is among what is waiting here. */
        bufferevent_disable(session->stream, EV_READ | EV_WRITE);
        while (evbuffer_write(bufferevent_get_output(session->stream), fd) > 0)
            ;
        close_session(session);
    }
}

const char *control_job_method(const struct control_job *job)
{
    return job->request.method;
}

json_t *control_job_params(const struct control_job *job)
{
    return job->request.params;
}

struct control_session *control_job_session(const struct control_job *job)
{
    return job->session;
}

const struct control_caller *control_job_caller(const struct control_job *job)
{
    return &job->session->caller;
}

void control_session_set_data(struct control_session *session, void *data)
{
    session->data = data;
}

void *control_session_data(const struct control_session *session)
{
    return session->data;
}

void control_progress(struct control_job *job, json_t *progress)
{
    struct control_post *post = control_job_abandoned(job) ? NULL : calloc(1, sizeof(*post));

    if (post != NULL)
        post_line(job, post, control_progress_line(job->request.id, progress));
    json_decref(progress);
}

void control_answer(struct control_job *job, json_t *result)
{
    char *line = control_result_line(job->request.id, result);

    json_decref(result);
    post_line(job, &job->answer, line);
}

void control_refuse(struct control_job *job, const struct error *err)
{
    post_line(job, &job->answer, control_error_line(job->request.id, err));
}

void control_wait_for_reader(struct control_job *job, size_t most)
{
    struct control_server *server = job->session->server;

    pthread_mutex_lock(&server->lock);
    while (job->session->unread > most && !atomic_load(&job->session->gone) && !server->closed)
        pthread_cond_wait(&server->drained, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

bool control_job_abandoned(const struct control_job *job)
{
    return atomic_load(&job->session->gone);
}
