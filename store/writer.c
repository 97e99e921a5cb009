#include "store/writer.h"

#include "base/clock.h"
#include "store/feed.h"
#include "store/lmdb_error.h"
#include "store/upgrade.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_MOST 512        /* jobs in one commit */
#define GROW_AHEAD_PERCENT 75 /* of the map in use: grow before a job meets its end */
#define TRIM_PER_JOB 2 /* old entries of the feed deleted for each new one: it shrinks, never in one go */

struct job {
    struct job *next;
    store_job run;
    void *arg;
    store_done done; /* of store_submit() */
    bool waited_for; /* by store_run(): `finished` is posted, and the job is the waiter's */
    sem_t finished;
    int result;
    struct error error;
};

struct writer {
    struct environment *environment;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job *first;
    struct job **last;
    bool stopping;
};

/* Runs one job in a transaction nested in the group's. Returns the code that ends the whole group, or 0. */
static int run_job(struct writer *writer, MDB_txn *group, struct job *job, uint64_t *revision, bool *changed)
{
    struct store_txn txn = {.environment = writer->environment, .writing = true, .revision = *revision + 1};
    int code = mdb_txn_begin(writer->environment->mdb, group, 0, &txn.mdb);

    if (code != 0)
        return code;
    memset(&job->error, 0, sizeof(job->error));
    job->result = job->run(&txn, job->arg, &job->error);
    if (job->result == 0)
        feed_write(&txn);
    if (txn.status != 0) {
        job->result = -1;
        record_status(&txn, &job->error);
    }
    if (job->result != 0 && job->error.code == ERROR_NONE)
        error_set(&job->error, ERROR_INTERNAL, "a change of the store failed without saying why");
    code = txn.status == MDB_MAP_FULL ? MDB_MAP_FULL : 0;
    if (job->result != 0) {
        mdb_txn_abort(txn.mdb);
    } else {
        code = mdb_txn_commit(txn.mdb);
        if (code == 0 && txn.change_count > 0) {
            *changed = true;
            ++*revision;
        }
    }
    arena_free(&txn.arena);
    arena_free(&txn.row);
    return code;
}

static int trim(struct writer *writer, MDB_txn *group, unsigned jobs)
{
    struct store_txn txn = {.environment = writer->environment, .mdb = group, .writing = true};

    feed_trim(&txn, CHANGES_KEPT, clock_wall_ms() - CHANGES_KEPT_MS, TRIM_PER_JOB * jobs);
    arena_free(&txn.arena);
    return txn.status;
}

/* One try at committing the group. Returns LMDB's code. */
static int try_group(struct writer *writer, struct job *jobs)
{
    struct store_txn start = {.environment = writer->environment};
    bool changed = false;
    unsigned count = 0;
    uint64_t revision;
    MDB_txn *group;
    int code = mdb_txn_begin(writer->environment->mdb, NULL, 0, &group);

    if (code != 0)
        return code;
    start.mdb = group;
    revision = upgrade_revision(&start);
    code = start.status;
    for (struct job *job = jobs; job != NULL && code == 0; job = job->next) {
        code = run_job(writer, group, job, &revision, &changed);
        count++;
    }
    if (code == 0 && changed)
        code = trim(writer, group, count);
    if (code == 0 && changed)
        return mdb_txn_commit(group);
    mdb_txn_abort(group);
    return code;
}

/* Makes possible what just failed, if that can be done: true means that it is worth another try. */
static bool cure(struct writer *writer, int code, bool *reopened, struct error *err)
{
    if (code == MDB_MAP_FULL)
        return environment_grow(writer->environment, ENVIRONMENT_DRAIN_MS, err) == 0;
    if ((code == MDB_PANIC || code == MDB_BAD_TXN) && !*reopened) {
        *reopened = true;
        return environment_reopen(writer->environment, err) == 0;
    }
    lmdb_error(err, code, "write", writer->environment->folder);
    return false;
}

static void commit_group(struct writer *writer, struct job *jobs)
{
    struct error err = {0};
    bool reopened = false;
    int code;

    do {
        code = writer->environment->mdb == NULL ? MDB_PANIC : try_group(writer, jobs);
    } while (code != 0 && cure(writer, code, &reopened, &err));
    if (code == 0)
        return;
    for (struct job *job = jobs; job != NULL; job = job->next) {
        job->result = -1;
        job->error = err;
    }
}

static void grow_ahead(struct environment *environment)
{
    size_t map_bytes, used_bytes;

    if (environment->mdb == NULL)
        return;
    environment_usage(environment, &map_bytes, &used_bytes);
    if (used_bytes > map_bytes / 100 * GROW_AHEAD_PERCENT)
        environment_grow(environment, 0, NULL); /* somebody reads just now: at the next group */
}

static void report(struct job *jobs)
{
    while (jobs != NULL) {
        struct job *job = jobs;

        jobs = job->next;
        if (job->waited_for) {
            sem_post(&job->finished);
            continue;
        }
        if (job->done != NULL)
            job->done(job->arg, job->result, job->result == 0 ? NULL : &job->error);
        free(job);
    }
}

/* Waits for jobs; NULL when there is nothing more to come. */
static struct job *take_group(struct writer *writer)
{
    struct job *jobs;
    struct job **link = &jobs;

    pthread_mutex_lock(&writer->lock);
    while (writer->first == NULL && !writer->stopping)
        pthread_cond_wait(&writer->work, &writer->lock);
    jobs = writer->first;
    for (int count = 0; *link != NULL && count < GROUP_MOST; count++)
        link = &(*link)->next;
    writer->first = *link;
    if (writer->first == NULL)
        writer->last = &writer->first;
    *link = NULL;
    pthread_mutex_unlock(&writer->lock);
    return jobs;
}

static void *writer_thread(void *arg)
{
    struct writer *writer = arg;
    struct job *jobs;

    while ((jobs = take_group(writer)) != NULL) {
        commit_group(writer, jobs);
        report(jobs);
        grow_ahead(writer->environment);
    }
    return NULL;
}

struct writer *writer_start(struct environment *environment, struct error *err)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    int code;

    if (writer == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    writer->environment = environment;
    writer->last = &writer->first;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->work, NULL);
    code = pthread_create(&writer->thread, NULL, writer_thread, writer);
    if (code == 0)
        return writer;
    error_set_errno(err, code, "cannot start the store's writer");
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
    return NULL;
}

void writer_stop(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

static void enqueue(struct writer *writer, struct job *job)
{
    pthread_mutex_lock(&writer->lock);
    *writer->last = job;
    writer->last = &job->next;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
}

int writer_run(struct writer *writer, store_job run, void *arg, struct error *err)
{
    struct job job = {.run = run, .arg = arg, .waited_for = true};

    if (pthread_equal(writer->thread, pthread_self()))
        return error_set(err, ERROR_INTERNAL, "a job of the store waits for another one");
    if (environment_reads_here(writer->environment))
        return error_set(err, ERROR_INTERNAL, "a thread that reads the store waits for a write");
    sem_init(&job.finished, 0, 0);
    enqueue(writer, &job);
    while (sem_wait(&job.finished) != 0 && errno == EINTR)
        continue;
    sem_destroy(&job.finished);
    if (job.result != 0 && err != NULL)
        *err = job.error;
    return job.result == 0 ? 0 : -1;
}

void writer_submit(struct writer *writer, store_job run, store_done done, void *arg)
{
    struct job *job = calloc(1, sizeof(*job));
    struct error err = {0};

    if (job != NULL) {
        job->run = run;
        job->done = done;
        job->arg = arg;
        enqueue(writer, job);
        return;
    }
    error_set(&err, ERROR_INTERNAL, "out of memory");
    if (done != NULL)
        done(arg, -1, &err);
}
