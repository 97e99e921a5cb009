/* primesh's end of the control socket. Blocking, but never blind: the caller's terminal stays watched. */
#pragma once

#include "control/message.h"

#include <stdbool.h>

struct control_client;

/* Connects to <home>/run/control.sock. ERROR_UNREACHABLE: no daemon answers there (hint: how to start it);
 * ERROR_DENIED. */
struct control_client *control_connect(const char *home, struct error *err);
void control_close(struct control_client *client);
int control_fd(const struct control_client *client);

/* Called while an answer is awaited. Both may be NULL. */
struct control_watch {
    void (*progress)(void *arg, json_t *progress); /* borrowed */
    /* Waits until fd is readable: 1 readable, 0 the user gave up. NULL: poll(2) alone. */
    int (*wait)(void *arg, int fd);
    void *arg;
};

/*
 * Calls a method; params is borrowed and may be NULL; *result (may be NULL) is the caller's to json_decref().
 * Errors: the daemon's own; ERROR_UNREACHABLE when it went away; ERROR_BUSY with the message "interrupted"
 * when the user gave up (the operation goes on in the daemon).
 */
int control_call(struct control_client *client, const char *method, json_t *params,
                 const struct control_watch *watch, json_t **result, struct error *err);
