/* primesh's end of the control socket. Blocking, but never blind: the caller's terminal stays watched. */
#pragma once

#include "control/message.h"

#include <stdbool.h>

struct control_client;

/* Connects to <home>/run/control.sock. ERROR_UNREACHABLE: no daemon answers there; ERROR_TIMEOUT: it accepts
 * nobody; ERROR_DENIED. */
struct control_client *control_connect(const char *home, struct error *err);
void control_close(struct control_client *client);
int control_fd(const struct control_client *client);

/* True once the daemon closed the connection, or does not answer on it: it is to be closed, and what failed
 * was not an answer. */
bool control_is_lost(const struct control_client *client);

/* Called while an answer is awaited. Both may be NULL. */
struct control_watch {
    void (*progress)(void *arg, json_t *progress); /* borrowed */
    /* Waits until fd is readable: 1 readable, 0 the user gave up, -1 the time is over. NULL: poll(2) alone.
     */
    int (*wait)(void *arg, int fd, int timeout_ms);
    void *arg;
};

/*
 * Calls a method; params is borrowed and may be NULL; *result (may be NULL) is the caller's to json_decref().
 * Errors: the daemon's own; ERROR_UNREACHABLE when it went away; ERROR_TIMEOUT when nobody is there who
 * reads, as in a daemon that was stopped; ERROR_BUSY with the message "interrupted" when the user gave up
 * (the operation goes on in the daemon). A call may last as long as it likes: when nothing comes for a while
 * the daemon is asked whether it is alive, and only that answer has a limit.
 */
int control_call(struct control_client *client, const char *method, json_t *params,
                 const struct control_watch *watch, json_t **result, struct error *err);
