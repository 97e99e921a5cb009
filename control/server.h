/* primed's end of the control socket: accepts, frames, and knows who calls. Lives on one event loop. */
#pragma once

#include "base/log.h"
#include "base/process.h"
#include "control/message.h"

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

struct control_server;
struct control_session; /* one connection */
struct control_job;     /* one request, to be answered once, from any thread */

/* From the kernel (SO_PEERCRED), not from what the caller says. */
struct control_caller {
    uid_t uid;
    gid_t gid;
    struct process process; /* that opened the connection; start 0: gone, or hidden, at its accept */
};

struct control_handlers {
    /* A request came. Answer now or later, from any thread, with control_answer() or control_refuse(). */
    void (*request)(void *arg, struct control_job *job);
    /* A connection ended. Its jobs go on; their answers are dropped. May be NULL. */
    void (*closed)(void *arg, struct control_session *session);
    void *arg;
    struct log *log; /* where it says that it is out of descriptors; NULL: nowhere */
};

/*
 * Listens on <home>/run/control.sock (mode 0660); a socket file that nobody answers on is replaced.
 * ERROR_BUSY: somebody answers there. ERROR_DENIED, ERROR_CONFLICT, ERROR_INTERNAL. The process ignores
 * SIGPIPE from now on. Out of descriptors for more than a moment it turns callers away with ERROR_BUSY: one
 * is kept for that.
 */
struct control_server *control_server_new(struct event_base *base, const char *home,
                                          const struct control_handlers *handlers, struct error *err);

/* Sends what is ready to be sent, closes every connection and removes the socket. On the loop's thread. Jobs
 * under way may still be answered afterwards, from any thread; nobody hears it, but the job is freed. */
void control_server_free(struct control_server *server);

const char *control_job_method(const struct control_job *job);
json_t *control_job_params(const struct control_job *job); /* an object; borrowed */
struct control_session *control_job_session(const struct control_job *job);
const struct control_caller *control_job_caller(const struct control_job *job);

/* A place for the program's own state of a connection. */
void control_session_set_data(struct control_session *session, void *data);
void *control_session_data(const struct control_session *session);

/* Progress, any number of times, then one answer, which ends the job. The JSON is taken over. */
void control_progress(struct control_job *job, json_t *progress);
void control_answer(struct control_job *job, json_t *result);
void control_refuse(struct control_job *job, const struct error *err);

/* Waits until the caller has left no more than `most` bytes unread, or is gone: for long lists, whose caller
 * would be dropped if it read slower than they are made. Never on the loop's thread. */
void control_wait_for_reader(struct control_job *job, size_t most);

/* True once the caller is gone: long work that only served the caller may stop. */
bool control_job_abandoned(const struct control_job *job);
