#include "store/writer.h"

#include "base/clock.h"
#include "store/feed.h"
#include "store/gate.h"
#include "store/lmdb_error.h"
#include "store/upgrade.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_MOST 512        /* jobs in one commit */
#define GROW_AHEAD_PERCENT 75 /* of the map in use: grow before a job meets its end */
#define TRIM_PER_ENTRY 2 /* old entries of the feed deleted for each new one: it shrinks, never in one go */

/* With a standby, jobs come back in the groups in which it got them. While it works on one group and this
 * node on the next, a third would hold what is left: many small ones, each as dear as a large one. So a group
 * waits, and grows, until the last but one is acknowledged; not for long, for a standby may be far away or
 * dying. */
#define HOLD_MOST_MS 10

#define ACTIVE_NAME_MAX 300

struct writer {
    struct environment *environment;
    pthread_t thread;
    pthread_mutex_t turn; /* held by the thread that commits, or moves the map */
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t work;
    struct job *first;
    struct job **last;
    bool stopping;
    bool passive; /* this node is not the active one of its pair */
    char active_name[ACTIVE_NAME_MAX];
    struct gate *gate;
    uint64_t reached; /* the last group's revision, of the writer's thread */
    uint64_t reached_before;
    pthread_mutex_t watching; /* held while the watcher is called */
    void (*committed)(void *arg, uint64_t revision);
    void *committed_arg;
};

/* Whose group this thread is committing; NULL: none. */
static _Thread_local const struct writer *committing;

/* What came of a group so far. */
struct group {
    MDB_txn *mdb;
    uint64_t revision;
    unsigned entries; /* that were added to the feed */
    bool changed;
};

/* The name of the active node where this one is not, in `room`; NULL where it is. */
static const char *who_is_active(struct writer *writer, char room[ACTIVE_NAME_MAX])
{
    bool passive;

    pthread_mutex_lock(&writer->lock);
    passive = writer->passive;
    if (passive)
        memcpy(room, writer->active_name, ACTIVE_NAME_MAX);
    pthread_mutex_unlock(&writer->lock);
    return passive ? room : NULL;
}

/* A job that succeeded has its place in the group. */
static void count_job(struct group *group, struct job *job, const struct store_txn *txn)
{
    group->changed |= txn->change_count > 0 || txn->applied || txn->unnoted;
    if (txn->applied) {
        group->revision = txn->applied_to;
        group->entries += txn->applied_count;
    } else if (txn->pair_changed) {
        job->revision = ++group->revision;
        group->entries++;
    }
}

/* Runs one job in a transaction nested in the group's. Returns the code that ends the whole group, or 0. */
static int run_job(struct writer *writer, struct group *group, struct job *job)
{
    char active_name[ACTIVE_NAME_MAX];
    struct store_txn txn = {.environment = writer->environment,
                            .writing = true,
                            .revision = group->revision + 1,
                            .active_name = who_is_active(writer, active_name)};
    int code;

    if (job->reserve > 0)
        return 0; /* done already, or refused */
    code = mdb_txn_begin(writer->environment->mdb, group->mdb, 0, &txn.mdb);
    if (code != 0)
        return code;
    memset(&job->error, 0, sizeof(job->error));
    job->revision = 0;
    job->result = job->run(&txn, job->arg, &job->error);
    if (job->result == 0 && !txn.applied)
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
        if (code == 0)
            count_job(group, job, &txn);
    }
    arena_free(&txn.arena);
    arena_free(&txn.row);
    return code;
}

static int trim(struct writer *writer, const struct group *group)
{
    struct store_txn txn = {.environment = writer->environment, .mdb = group->mdb, .writing = true};

    feed_trim(&txn, CHANGES_KEPT, clock_wall_ms() - CHANGES_KEPT_MS, TRIM_PER_ENTRY * group->entries);
    arena_free(&txn.arena);
    return txn.status;
}

/* One try at committing the group. Returns LMDB's code. */
static int try_group(struct writer *writer, struct job *jobs, uint64_t *revision)
{
    struct store_txn start = {.environment = writer->environment};
    struct group group = {0};
    int code = mdb_txn_begin(writer->environment->mdb, NULL, 0, &group.mdb);

    if (code != 0)
        return code;
    start.mdb = group.mdb;
    group.revision = upgrade_revision(&start);
    code = start.status;
    for (struct job *job = jobs; job != NULL && code == 0; job = job->next)
        code = run_job(writer, &group, job);
    if (code == 0 && group.entries > 0)
        code = trim(writer, &group);
    if (code != 0 || !group.changed) {
        mdb_txn_abort(group.mdb);
        return code;
    }
    *revision = group.entries > 0 ? group.revision : 0;
    return mdb_txn_commit(group.mdb);
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

/* As long as there is less than that free. */
static int make_room(struct environment *environment, uint64_t bytes, struct error *err)
{
    size_t map_bytes, used_bytes;

    if (environment->mdb == NULL)
        return 0; /* committing opens it again, or says why not */
    environment_usage(environment, &map_bytes, &used_bytes);
    while (map_bytes - used_bytes < bytes) {
        if (environment_grow(environment, ENVIRONMENT_DRAIN_MS, err) != 0)
            return -1;
        environment_usage(environment, &map_bytes, &used_bytes);
    }
    return 0;
}

static void fail_all(struct job *jobs, const struct error *err)
{
    for (struct job *job = jobs; job != NULL; job = job->next) {
        job->result = -1;
        job->error = *err;
    }
}

/* With the turn held. Returns the revision that the group reached; 0: it raised none. */
static uint64_t commit_in_turn(struct writer *writer, struct job *jobs)
{
    struct error err = {0};
    bool reopened = false;
    uint64_t revision;
    int code;

    for (struct job *job = jobs; job != NULL; job = job->next) {
        if (job->reserve > 0)
            job->result = make_room(writer->environment, job->reserve, &job->error);
    }
    do {
        revision = 0;
        code = writer->environment->mdb == NULL ? MDB_PANIC : try_group(writer, jobs, &revision);
    } while (code != 0 && cure(writer, code, &reopened, &err));
    if (code == 0)
        return revision;
    fail_all(jobs, &err);
    return 0;
}

static uint64_t commit_group(struct writer *writer, struct job *jobs)
{
    uint64_t revision;

    pthread_mutex_lock(&writer->turn);
    committing = writer;
    revision = commit_in_turn(writer, jobs);
    committing = NULL;
    pthread_mutex_unlock(&writer->turn);
    return revision;
}

static void grow_ahead(struct writer *writer)
{
    struct environment *environment = writer->environment;
    size_t map_bytes, used_bytes;

    pthread_mutex_lock(&writer->turn);
    if (environment->mdb != NULL) {
        environment_usage(environment, &map_bytes, &used_bytes);
        if (used_bytes > map_bytes / 100 * GROW_AHEAD_PERCENT)
            environment_grow(environment, 0, NULL); /* somebody reads just now: at the next group */
    }
    pthread_mutex_unlock(&writer->turn);
}

static void tell_watcher(struct writer *writer, uint64_t revision)
{
    pthread_mutex_lock(&writer->watching);
    if (revision > 0 && writer->committed != NULL)
        writer->committed(writer->committed_arg, revision);
    pthread_mutex_unlock(&writer->watching);
}

void job_report(struct job *job, enum store_reach reach)
{
    job->reach = reach;
    if (job->waited_for) {
        sem_post(&job->finished);
        return;
    }
    if (job->done != NULL)
        job->done(job->arg, job->result, job->result == 0 ? NULL : &job->error);
    free(job);
}

static void report(struct writer *writer, struct job *jobs)
{
    while (jobs != NULL) {
        struct job *job = jobs;

        jobs = job->next;
        if (job->result == 0 && job->revision > 0)
            gate_pass(writer->gate, job);
        else
            job_report(job, STORE_REACH_HERE);
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
    pthread_mutex_unlock(&writer->lock);
    gate_hold(writer->gate, writer->reached_before, HOLD_MOST_MS);
    pthread_mutex_lock(&writer->lock);
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

/* Returns the revision that it reached; 0: it raised none. */
static uint64_t do_group(struct writer *writer, struct job *jobs)
{
    uint64_t revision = commit_group(writer, jobs);

    tell_watcher(writer, revision); /* first: the standby's work is what takes long */
    report(writer, jobs);
    grow_ahead(writer);
    return revision;
}

static void *writer_thread(void *arg)
{
    struct writer *writer = arg;
    struct job *jobs;

    while ((jobs = take_group(writer)) != NULL) {
        uint64_t revision = do_group(writer, jobs);

        if (revision == 0)
            continue;
        writer->reached_before = writer->reached;
        writer->reached = revision;
    }
    return NULL;
}

static void writer_free(struct writer *writer)
{
    gate_free(writer->gate);
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->watching);
    pthread_mutex_destroy(&writer->lock);
    pthread_mutex_destroy(&writer->turn);
    free(writer);
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
    pthread_mutex_init(&writer->turn, NULL);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_mutex_init(&writer->watching, NULL);
    pthread_cond_init(&writer->work, NULL);
    writer->gate = gate_new(err);
    code = writer->gate == NULL ? -1 : pthread_create(&writer->thread, NULL, writer_thread, writer);
    if (code == 0)
        return writer;
    if (code > 0)
        error_set_errno(err, code, "cannot start the store's writer");
    writer_free(writer);
    return NULL;
}

void writer_stop(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    writer_free(writer);
}

static void enqueue(struct writer *writer, struct job *job)
{
    pthread_mutex_lock(&writer->lock);
    *writer->last = job;
    writer->last = &job->next;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
}

/* `here`: on this thread; else on the writer's. */
static int wait_for(struct writer *writer, struct job *job, bool here, struct error *err)
{
    if (pthread_equal(writer->thread, pthread_self()) || committing == writer)
        return error_set(err, ERROR_INTERNAL, "a job of the store waits for another one");
    if (environment_reads_here(writer->environment))
        return error_set(err, ERROR_INTERNAL, "a thread that reads the store waits for a write");
    job->waited_for = true;
    sem_init(&job->finished, 0, 0);
    if (here)
        do_group(writer, job);
    else
        enqueue(writer, job);
    while (sem_wait(&job->finished) != 0 && errno == EINTR)
        continue;
    sem_destroy(&job->finished);
    if (job->result != 0 && err != NULL)
        *err = job->error;
    return job->result == 0 ? 0 : -1;
}

int writer_run(struct writer *writer, store_job run, void *arg, enum store_reach *reach, struct error *err)
{
    struct job job = {.run = run, .arg = arg};
    int result = wait_for(writer, &job, false, err);

    if (reach != NULL)
        *reach = job.reach;
    return result;
}

int writer_run_here(struct writer *writer, store_job run, void *arg, struct error *err)
{
    struct job job = {.run = run, .arg = arg};

    return wait_for(writer, &job, true, err);
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

void writer_watch(struct writer *writer, void (*committed)(void *arg, uint64_t revision), void *arg)
{
    pthread_mutex_lock(&writer->watching);
    writer->committed = committed;
    writer->committed_arg = arg;
    pthread_mutex_unlock(&writer->watching);
}

static int do_nothing(struct store_txn *txn, void *arg, struct error *err)
{
    (void)txn;
    (void)arg;
    (void)err;
    return 0;
}

void writer_set_active(struct writer *writer, bool active, const char *active_name)
{
    struct job last = {.run = do_nothing};

    pthread_mutex_lock(&writer->lock);
    writer->passive = !active;
    snprintf(writer->active_name, ACTIVE_NAME_MAX, "%s", active_name != NULL ? active_name : "");
    pthread_mutex_unlock(&writer->lock);
    if (active)
        return;
    wait_for(writer, &last, false, NULL); /* what had started before is on disk, or refused, then */
    gate_close(writer->gate);
}

int writer_check_active(struct writer *writer, struct error *err)
{
    char active_name[ACTIVE_NAME_MAX];
    const char *name = who_is_active(writer, active_name);

    return name == NULL ? 0 : record_not_active(name, err);
}

int writer_reserve(struct writer *writer, uint64_t bytes, struct error *err)
{
    struct job job = {.reserve = bytes};

    return wait_for(writer, &job, false, err);
}

struct gate *writer_gate(struct writer *writer)
{
    return writer->gate;
}
