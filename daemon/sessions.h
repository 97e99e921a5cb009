/* The open shell sessions, for `show users`. Only on the loop's thread. */
#pragma once

#include "control/server.h"

#define SESSIONS_MAX 64
#define SESSIONS_OF_ROOT 8 /* more, which are root's alone: somebody has to come in and end the others */

struct sessions;
struct sessions *sessions_new(struct error *err);
void sessions_free(struct sessions *sessions);

/* The job's connection is a session from now on. ERROR_BUSY past SESSIONS_MAX (root has SESSIONS_OF_ROOT
 * more), ERROR_CONFLICT when it is one. */
int sessions_add(struct sessions *sessions, struct control_job *job, const char *user, const char *terminal,
                 const char *origin, struct error *err);

/* The connection ended. */
void sessions_remove(struct sessions *sessions, const struct control_session *connection);

/* [{"user", "terminal", "origin", "pid", "since_ms"}]. New reference. */
json_t *sessions_list(const struct sessions *sessions);
