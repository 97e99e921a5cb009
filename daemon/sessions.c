#include "daemon/sessions.h"

#include "base/clock.h"
#include "daemon/caller.h"

#include <stdlib.h>

#define SLOTS (SESSIONS_MAX + SESSIONS_OF_ROOT)

struct slot {
    json_t *entry; /* NULL: free */
    const struct control_session *connection;
};

struct sessions {
    struct slot slots[SLOTS];
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
    for (size_t i = 0; i < SLOTS; i++)
        json_decref(sessions->slots[i].entry);
    free(sessions);
}

static struct slot *slot_of(struct sessions *sessions, const struct control_session *connection)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (sessions->slots[i].entry != NULL && sessions->slots[i].connection == connection)
            return &sessions->slots[i];
    }
    return NULL;
}

/* Of the machine, however it came in; not somebody's account. */
static bool is_root(struct control_job *job)
{
    const struct caller caller = caller_of(job);

    return caller.account[0] == '\0' && caller.peer.uid == 0;
}

int sessions_add(struct sessions *sessions, struct control_job *job, const char *user, const char *terminal,
                 const char *origin, struct error *err)
{
    const struct control_session *connection = control_job_session(job);
    size_t most = is_root(job) ? SLOTS : SESSIONS_MAX;

    if (slot_of(sessions, connection) != NULL)
        return error_set(err, ERROR_CONFLICT, "this connection is a session already");
    for (size_t i = 0; i < most; i++) {
        struct slot *slot = &sessions->slots[i];

        if (slot->entry != NULL)
            continue;
        slot->entry = json_pack("{s:s, s:s, s:s, s:I, s:I}", "user", user, "terminal", terminal, "origin",
                                origin, "pid", (json_int_t)control_job_caller(job)->process.pid, "since_ms",
                                (json_int_t)clock_wall_ms());
        if (slot->entry == NULL)
            return error_set(err, ERROR_INVALID_ARGUMENT, "the terminal's name is no UTF-8");
        slot->connection = connection;
        return 0;
    }
    error_set(err, ERROR_BUSY, "%d sessions are open, and no more are allowed", SESSIONS_MAX);
    return error_hint(
        err, "each ends with its shell. A single command still gets through, as: show users; root always "
             "comes in, and can end a shell by the number there");
}

void sessions_remove(struct sessions *sessions, const struct control_session *connection)
{
    struct slot *slot = slot_of(sessions, connection);

    if (slot == NULL)
        return;
    json_decref(slot->entry);
    slot->entry = NULL;
}

json_t *sessions_list(const struct sessions *sessions)
{
    json_t *list = json_array();

    for (size_t i = 0; i < SLOTS; i++) {
        if (sessions->slots[i].entry != NULL)
            json_array_append(list, sessions->slots[i].entry);
    }
    return list;
}
