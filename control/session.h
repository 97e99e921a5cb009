/* The connections of the control server. Only for this folder. */
#pragma once

#include "control/address.h"
#include "control/server.h"

#include <event2/bufferevent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define CONTROL_SESSIONS_MAX 512
#define CONTROL_JOBS_MAX 64                    /* requests of one connection under way */
#define CONTROL_BACKLOG_MAX (16 * 1024 * 1024) /* bytes that a caller may leave unread */

/* A line on its way from whichever thread to the loop. */
struct control_post {
    STAILQ_ENTRY(control_post) next;
    struct control_job *job;
    char *line; /* NULL: memory ran out */
    size_t length;
    bool last;
};

struct control_server {
    struct event_base *base;
    struct control_handlers handlers;
    struct control_address address;
    int listening;
    ino_t inode; /* of the socket file; 0 until it is made */
    struct event *accepting;
    struct event *resuming;
    int spare;             /* a descriptor to turn callers away with, when there is no other; or -1 */
    int64_t deaf_ms;       /* monotonic: nobody could be accepted since then; 0: that is not so */
    int64_t complained_ms; /* monotonic; 0: not yet */
    TAILQ_HEAD(, control_session) sessions;
    size_t session_count;

    pthread_mutex_t lock; /* guards what follows, and `references` of the sessions */
    STAILQ_HEAD(, control_post) posts;
    bool closed;
    pthread_cond_t drained; /* some session's `unread` became less, or nobody reads it any more */
    size_t references;      /* the owner and each job */
    int woken;              /* eventfd */
    struct event *posting;
};

struct control_session {
    TAILQ_ENTRY(control_session) next;
    struct control_server *server;
    struct bufferevent *stream; /* NULL once closed */
    struct control_caller caller;
    void *data;
    size_t searched;   /* bytes of the input that hold no line end */
    size_t jobs;       /* under way */
    size_t references; /* the open connection and each job */
    size_t unread;     /* bytes posted that the caller has not taken; guarded by the server's lock */
    bool closing;      /* only what is written is still sent */
    atomic_bool gone;
};

/* Takes over an accepted, non-blocking socket. */
void control_session_start(struct control_server *server, int fd);

/* The eventfd's callback: puts the posted lines on their connections. */
void control_session_deliver(evutil_socket_t fd, short what, void *server);

/* Sends what can be sent at once, and closes every connection. */
void control_session_end_all(struct control_server *server);

/* Gives one reference back; the last one frees the server. */
void control_server_release(struct control_server *server);
