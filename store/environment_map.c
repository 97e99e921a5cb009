/* Who reads the map in this process, and what has to wait for them. */
#include "store/environment.h"

#include "base/clock.h"
#include "store/lmdb_error.h"

#define HOLD_BACK_MS 50 /* who wants to move the map lets nobody begin to read for so long, ... */
#define LET_IN_MS 200   /* ... and then everybody, by turns */

static void enter(struct environment *environment, struct reader *reader)
{
    pthread_mutex_lock(&environment->lock);
    while (environment->exclusive)
        pthread_cond_wait(&environment->changed, &environment->lock);
    reader->owner = pthread_self();
    reader->next = environment->readers;
    reader->link = &environment->readers;
    if (reader->next != NULL)
        reader->next->link = &reader->next;
    environment->readers = reader;
    pthread_mutex_unlock(&environment->lock);
}

static void leave(struct environment *environment, struct reader *reader)
{
    pthread_mutex_lock(&environment->lock);
    *reader->link = reader->next;
    if (reader->next != NULL)
        reader->next->link = reader->link;
    if (environment->readers == NULL)
        pthread_cond_broadcast(&environment->changed);
    pthread_mutex_unlock(&environment->lock);
}

bool environment_reads_here(struct environment *environment)
{
    bool found = false;

    pthread_mutex_lock(&environment->lock);
    for (struct reader *reader = environment->readers; reader != NULL; reader = reader->next)
        found |= pthread_equal(reader->owner, pthread_self()) != 0;
    pthread_mutex_unlock(&environment->lock);
    return found;
}

static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

/* Until nobody reads, or until then. True: nobody does. With the lock held. */
static bool wait_for_readers(struct environment *environment, int64_t until_ms)
{
    struct timespec until = clock_deadline(until_ms - clock_monotonic_ms());
    int code = 0;

    while (environment->readers != NULL && code == 0)
        code = pthread_cond_timedwait(&environment->changed, &environment->lock, &until);
    return environment->readers == NULL;
}

/* Holds back who begins to read, but for a moment only: while a long reader goes on, others must too. */
static int exclusive_begin(struct environment *environment, int wait_ms, struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + wait_ms;
    int64_t now_ms = deadline_ms - wait_ms;
    bool alone;

    pthread_mutex_lock(&environment->lock);
    for (;;) {
        while (environment->exclusive)
            pthread_cond_wait(&environment->changed, &environment->lock);
        environment->exclusive = true;
        alone = wait_for_readers(environment, earlier(now_ms + HOLD_BACK_MS, deadline_ms));
        now_ms = clock_monotonic_ms();
        if (alone || now_ms >= deadline_ms)
            break;
        environment->exclusive = false;
        pthread_cond_broadcast(&environment->changed);
        wait_for_readers(environment, earlier(now_ms + LET_IN_MS, deadline_ms));
        now_ms = clock_monotonic_ms();
    }
    if (!alone) {
        environment->exclusive = false;
        pthread_cond_broadcast(&environment->changed);
    }
    pthread_mutex_unlock(&environment->lock);
    return alone ? 0
                 : error_set(err, ERROR_BUSY,
                             "the map of the store in %.200s cannot be moved while it is being read",
                             environment->folder);
}

void environment_drop_idle(struct environment *environment)
{
    while (environment->idle_count > 0)
        mdb_txn_abort(environment->idle[--environment->idle_count]);
}

/* With nobody reading. Where LMDB cannot map the file again nothing is left to work with. */
static int move_map(struct environment *environment, size_t map_bytes)
{
    int code = mdb_env_set_mapsize(environment->mdb, map_bytes);

    if (code != 0) {
        environment_drop_idle(environment);
        mdb_env_close(environment->mdb);
        environment->mdb = NULL;
    }
    return code;
}

static void exclusive_end(struct environment *environment)
{
    pthread_mutex_lock(&environment->lock);
    environment->exclusive = false;
    pthread_cond_broadcast(&environment->changed);
    pthread_mutex_unlock(&environment->lock);
}

/* Another process made the map greater: takes over its size. */
static int follow_map(struct environment *environment, struct error *err)
{
    int code;

    if (environment_reads_here(environment))
        return error_set(err, ERROR_BUSY, "the store in %.200s has grown; end the other reading first",
                         environment->folder);
    if (exclusive_begin(environment, ENVIRONMENT_DRAIN_MS, err) != 0)
        return -1;
    code = environment->mdb == NULL ? MDB_PANIC : move_map(environment, 0);
    exclusive_end(environment);
    return code == 0 ? 0 : lmdb_error(err, code, "read", environment->folder);
}

/* Begins a transaction, or one of the idle again. */
static int begin(struct environment *environment, MDB_txn **out)
{
    MDB_txn *idle = NULL;
    int code;

    pthread_mutex_lock(&environment->lock);
    if (environment->idle_count > 0)
        idle = environment->idle[--environment->idle_count];
    pthread_mutex_unlock(&environment->lock);
    if (idle == NULL)
        return mdb_txn_begin(environment->mdb, NULL, MDB_RDONLY, out);
    code = mdb_txn_renew(idle);
    if (code == 0)
        *out = idle;
    else
        mdb_txn_abort(idle);
    return code == 0 ? 0 : mdb_txn_begin(environment->mdb, NULL, MDB_RDONLY, out);
}

int environment_read_begin(struct environment *environment, struct reader *reader, MDB_txn **out,
                           struct error *err)
{
    bool cleared = false;

    for (;;) {
        int code;
        int dead = 0;

        enter(environment, reader);
        if (environment->mdb == NULL) {
            leave(environment, reader);
            return error_set(err, ERROR_INTERNAL,
                             "the store in %.200s could not be opened again after a failure",
                             environment->folder);
        }
        code = begin(environment, out);
        if (code == 0)
            return 0;
        if (code == MDB_READERS_FULL && !cleared && mdb_reader_check(environment->mdb, &dead) == 0)
            cleared = true;
        else if (code != MDB_MAP_RESIZED) {
            leave(environment, reader);
            return lmdb_error(err, code, "read", environment->folder);
        }
        leave(environment, reader);
        if (code == MDB_MAP_RESIZED && follow_map(environment, err) != 0)
            return -1;
    }
}

void environment_read_end(struct environment *environment, struct reader *reader, MDB_txn *txn)
{
    bool kept = false;

    mdb_txn_reset(txn);
    pthread_mutex_lock(&environment->lock);
    if (environment->idle_count < ENVIRONMENT_IDLE_MOST) {
        environment->idle[environment->idle_count++] = txn;
        kept = true;
    }
    pthread_mutex_unlock(&environment->lock);
    if (!kept)
        mdb_txn_abort(txn);
    leave(environment, reader);
}

/* ---- what the writer does to the map ---- */

void environment_usage(struct environment *environment, size_t *map_bytes, size_t *used_bytes)
{
    MDB_envinfo info = {0};
    MDB_stat stat = {0};

    if (environment->mdb != NULL) {
        mdb_env_info(environment->mdb, &info);
        mdb_env_stat(environment->mdb, &stat);
    }
    *map_bytes = info.me_mapsize;
    *used_bytes = (info.me_last_pgno + 1) * stat.ms_psize;
}

void environment_forget_dead(struct environment *environment)
{
    struct reader reader;
    int dead;

    enter(environment, &reader);
    if (environment->mdb != NULL)
        mdb_reader_check(environment->mdb, &dead);
    leave(environment, &reader);
}

int environment_grow(struct environment *environment, int wait_ms, struct error *err)
{
    size_t map_bytes, used_bytes;
    int code;

    environment_forget_dead(environment); /* what they held is used again, before the map is full next time */
    environment_usage(environment, &map_bytes, &used_bytes);
    map_bytes += map_bytes < ENVIRONMENT_MAP_STEP ? map_bytes : ENVIRONMENT_MAP_STEP;
    if (map_bytes > ENVIRONMENT_MAP_MOST)
        return lmdb_error(err, MDB_MAP_FULL, "write", environment->folder);
    if (exclusive_begin(environment, wait_ms, err) != 0)
        return -1;
    code = move_map(environment, map_bytes);
    exclusive_end(environment);
    return code == 0 ? 0 : lmdb_error(err, code, "write", environment->folder);
}

int environment_reopen(struct environment *environment, struct error *err)
{
    int result;

    if (exclusive_begin(environment, ENVIRONMENT_DRAIN_MS, err) != 0)
        return -1;
    result = environment_open_again(environment, err);
    exclusive_end(environment);
    return result;
}
