#include "daemon/sessions.h"

#include "base/clock.h"

#include <stdlib.h>

struct sessions {
    json_t *entries[SESSIONS_MAX]; /* NULL: free */
};

struct sessions *sessions_new(struct error *err)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));

    if (sessions == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    return sessions;
}

void sessions_free(struct sessions *sessions)
{
    if (sessions == NULL)
        return;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        json_decref(sessions->entries[i]);
    free(sessions);
}

int sessions_add(struct sessions *sessions, struct control_job *job, const char *user, const char *terminal,
                 const char *origin, struct error *err)
{
    struct control_session *connection = control_job_session(job);

    if (control_session_data(connection) != NULL)
        return error_set(err, ERROR_CONFLICT, "this connection is a session already");
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (sessions->entries[i] != NULL)
            continue;
        sessions->entries[i] = json_pack("{s:s, s:s, s:s, s:I, s:I}", "user", user, "terminal", terminal,
                                         "origin", origin, "pid", (json_int_t)control_job_caller(job)->pid,
                                         "since_ms", (json_int_t)clock_wall_ms());
        if (sessions->entries[i] == NULL)
            return error_set(err, ERROR_INVALID_ARGUMENT, "the terminal's name is no UTF-8");
        control_session_set_data(connection, &sessions->entries[i]);
        return 0;
    }
    error_set(err, ERROR_BUSY, "%d sessions are open, and no more are allowed", SESSIONS_MAX);
    return error_hint(err, "end one first: show users");
}

void sessions_remove(struct sessions *sessions, struct control_session *connection)
{
    json_t **entry = control_session_data(connection);

    (void)sessions;
    if (entry == NULL)
        return;
    json_decref(*entry);
    *entry = NULL;
}

json_t *sessions_list(const struct sessions *sessions)
{
    json_t *list = json_array();

    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (sessions->entries[i] != NULL)
            json_array_append(list, sessions->entries[i]);
    }
    return list;
}
