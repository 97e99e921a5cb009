#include "daemon/saves.h"

#include "base/file.h"
#include "daemon/sessions.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct saving {
    const struct control_session *connection; /* NULL: free */
    struct repository_draft draft;
    int64_t bytes;
    bool busy;   /* a worker has it */
    bool orphan; /* its connection ended meanwhile: that worker abandons it */
};

struct saves {
    pthread_mutex_t lock;
    struct saving slots[SESSIONS_MAX];
};

struct saves *saves_new(struct error *err)
{
    struct saves *saves = calloc(1, sizeof(*saves));

    if (saves == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    else
        pthread_mutex_init(&saves->lock, NULL);
    return saves;
}

void saves_free(struct saves *saves)
{
    if (saves == NULL)
        return;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (saves->slots[i].connection != NULL)
            repository_draft_abandon(&saves->slots[i].draft);
    }
    pthread_mutex_destroy(&saves->lock);
    free(saves);
}

/* The slot of a connection (NULL: a free one). Locked. */
static struct saving *slot_of(struct saves *saves, const struct control_session *connection)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (saves->slots[i].connection == connection)
            return &saves->slots[i];
    }
    return NULL;
}

/* Takes a connection's slot for this worker. */
static struct saving *take(struct saves *saves, struct control_job *job, struct error *err)
{
    struct saving *saving;

    pthread_mutex_lock(&saves->lock);
    saving = slot_of(saves, control_job_session(job));
    if (saving == NULL) {
        error_set(err, ERROR_NOT_FOUND, "nothing is being saved on this connection");
    } else if (saving->busy) {
        error_set(err, ERROR_BUSY, "another piece of the file is being written");
        saving = NULL;
    } else {
        saving->busy = true;
    }
    pthread_mutex_unlock(&saves->lock);
    return saving;
}

/* Gives it back; with `done`, or when the connection ended meanwhile, it is over with it. */
static void give_back(struct saves *saves, struct saving *saving, bool done)
{
    struct repository_draft draft = saving->draft;
    bool over;

    pthread_mutex_lock(&saves->lock);
    over = done || saving->orphan;
    if (over)
        *saving = (struct saving){.connection = NULL};
    else
        saving->busy = false;
    pthread_mutex_unlock(&saves->lock);
    if (over)
        repository_draft_abandon(&draft); /* one that has its name is closed already */
}

static int put_in_slot(struct saves *saves, struct control_job *job, const struct repository_draft *draft,
                       struct error *err)
{
    const struct control_session *connection = control_job_session(job);
    struct saving *saving;

    pthread_mutex_lock(&saves->lock);
    saving = slot_of(saves, connection) == NULL ? slot_of(saves, NULL) : NULL;
    if (saving != NULL)
        *saving = (struct saving){.connection = connection, .draft = *draft};
    pthread_mutex_unlock(&saves->lock);
    return saving != NULL ? 0
                          : error_set(err, ERROR_BUSY, "%d files are being saved, and no more are allowed",
                                      SESSIONS_MAX);
}

int saves_begin(struct saves *saves, struct control_job *job, const char *home,
                const struct repository_path *path, struct error *err)
{
    struct repository_draft draft;

    saves_forget(saves, control_job_session(job));
    if (repository_draft_begin(home, path, true, &draft, err) != 0)
        return -1;
    if (put_in_slot(saves, job, &draft, err) != 0) {
        repository_draft_abandon(&draft);
        return -1;
    }
    /* A connection that ended before it had its slot will not be forgotten any more. */
    if (control_job_abandoned(job))
        saves_forget(saves, control_job_session(job));
    return 0;
}

int saves_add(struct saves *saves, struct control_job *job, const void *bytes, size_t length, int64_t most,
              struct error *err)
{
    struct saving *saving = take(saves, job, err);
    int failed = 0;

    if (saving == NULL)
        return -1;
    if ((int64_t)length > most)
        failed = error_set(err, ERROR_STORE_FULL,
                           "the disk is full: the file has %lld bytes so far, and %lld more "
                           "have no room",
                           (long long)saving->bytes, (long long)length);
    else if (file_write_all(saving->draft.fd, bytes, length) != 0)
        failed = error_set_errno(err, errno, "cannot write the file");
    saving->bytes += (int64_t)length;
    give_back(saves, saving, failed != 0);
    return failed;
}

int saves_end(struct saves *saves, struct control_job *job, bool keep, struct error *err)
{
    struct saving *saving = take(saves, job, err);
    int failed = 0;

    if (saving == NULL)
        return -1;
    if (keep)
        failed = repository_draft_commit(&saving->draft, err);
    give_back(saves, saving, true);
    return failed;
}

void saves_forget(struct saves *saves, const struct control_session *connection)
{
    struct repository_draft draft = {.folder = -1};
    struct saving *saving;

    pthread_mutex_lock(&saves->lock);
    saving = slot_of(saves, connection);
    if (saving != NULL && saving->busy) {
        saving->orphan = true;
    } else if (saving != NULL) {
        draft = saving->draft;
        *saving = (struct saving){.connection = NULL};
    }
    pthread_mutex_unlock(&saves->lock);
    repository_draft_abandon(&draft);
}
