#include "servers/poller.h"

#include "base/clock.h"
#include "servers/schedule.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_MS 60000   /* the store is looked at so often for what came without a wake (a restore) */
#define NOT_NOW_MS 1000 /* asked again whether it may run */
#define REPEAT_MS 60000 /* where checks come thicker than that, not each of them is written to disk */
#define TASK_MAX 32

struct item {
    enum server_kind kind;
    char host[HOST_TEXT_MAX];
    int64_t edited_ms; /* of the record that its times are for */
    bool seen;         /* in the last look at the store */
};

/* Apart from the item, so that a walk over thousands of them stays in the processor's cache. */
struct slot {
    int64_t due_ms; /* monotonic */
    bool busy;      /* being checked */
    struct item *item;
};

struct poller {
    struct poller_means means;
    int cancel_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake;
    pthread_cond_t idle;
    bool stopping;
    bool look;  /* the store is to be looked at */
    bool woken; /* not to wait before that */
    int64_t looked_ms;
    unsigned running; /* threads that check */
    struct slot *slots;
    size_t count;
    size_t capacity;
};

/* ---- what there is to check ---- */

static struct slot *find(struct poller *poller, const struct server *server)
{
    for (size_t i = 0; i < poller->count; i++) {
        const struct item *item = poller->slots[i].item;

        if (item->kind == server->kind && strcmp(item->host, server->address.host) == 0)
            return &poller->slots[i];
    }
    return NULL;
}

static struct slot *add(struct poller *poller, const struct server *server)
{
    struct item *item;

    if (poller->count == poller->capacity) {
        size_t more = poller->capacity == 0 ? 8 : 2 * poller->capacity;
        struct slot *grown = realloc(poller->slots, more * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        poller->slots = grown;
        poller->capacity = more;
    }
    item = calloc(1, sizeof(*item));
    if (item == NULL)
        return NULL;
    item->kind = server->kind;
    memcpy(item->host, server->address.host, sizeof(item->host));
    poller->slots[poller->count] = (struct slot){.item = item};
    return &poller->slots[poller->count++];
}

/* When a server is due that was just met in the store: where it was left, but soon rather than late. */
static int64_t first_due(const struct poller *poller, const struct server_status *status)
{
    int64_t spread_ms = poller->means.interval_ms / SCHEDULE_RETRY_SHARE;
    int64_t soon_ms = clock_monotonic_ms() + (spread_ms > 0 ? arc4random() % spread_ms : 0);
    int64_t age_ms = clock_wall_ms() - status->tried_ms;

    /* checked a moment ago, by the command that registered it */
    if (age_ms >= 0 && age_ms < spread_ms)
        return clock_monotonic_ms() +
               schedule_delay_ms(poller->means.interval_ms, status->state, status->failures, 0, arc4random());
    return soon_ms;
}

static int take_server(void *arg, const struct server *server, const struct server_status *status)
{
    struct poller *poller = arg;
    struct slot *slot = find(poller, server);
    bool is_new = slot == NULL;

    if (is_new)
        slot = add(poller, server);
    if (slot == NULL)
        return -1; /* out of memory: the next look finds it */
    slot->item->seen = true;
    if (is_new || slot->item->edited_ms != server->edited_ms) {
        slot->item->edited_ms = server->edited_ms;
        slot->due_ms = first_due(poller, status);
    }
    return 0;
}

/* A check under way keeps its item until it ends. */
static void drop_unseen(struct poller *poller)
{
    size_t kept = 0;

    for (size_t i = 0; i < poller->count; i++) {
        if (poller->slots[i].item->seen || poller->slots[i].busy)
            poller->slots[kept++] = poller->slots[i];
        else
            free(poller->slots[i].item);
    }
    poller->count = kept;
}

static void look_at_store(struct poller *poller)
{
    struct store_txn *txn;

    if (!poller->look && clock_monotonic_ms() - poller->looked_ms < LOOK_MS)
        return;
    txn = store_read(poller->means.store, NULL);
    poller->looked_ms = clock_monotonic_ms();
    if (txn == NULL)
        return;
    poller->look = false;
    for (size_t i = 0; i < poller->count; i++)
        poller->slots[i].item->seen = false;
    if (server_each(txn, SERVER_KINDS, take_server, poller, NULL) == 0)
        drop_unseen(poller);
    store_end(txn);
}

/* The one that is due first among those that nobody checks; NULL: none. */
static struct slot *first_slot(const struct poller *poller)
{
    struct slot *first = NULL;

    for (size_t i = 0; i < poller->count; i++) {
        struct slot *slot = &poller->slots[i];

        if (!slot->busy && (first == NULL || slot->due_ms < first->due_ms))
            first = slot;
    }
    return first;
}

static struct slot *due_slot(const struct poller *poller)
{
    struct slot *slot = poller->stopping ? NULL : first_slot(poller);

    return slot != NULL && slot->due_ms <= clock_monotonic_ms() ? slot : NULL;
}

/* After a check: the slots may have moved meanwhile. */
static void settle(struct poller *poller, const struct item *item, int64_t delay_ms)
{
    for (size_t i = 0; i < poller->count; i++) {
        if (poller->slots[i].item == item) {
            poller->slots[i].busy = false;
            poller->slots[i].due_ms = clock_monotonic_ms() + delay_ms;
            return;
        }
    }
}

/* ---- one check ---- */

struct checking {
    const struct poller_means *means;
    char task[TASK_MAX];
};

static void tell_judged(void *arg, const struct trust_request *trust, const struct trust_verdict *verdict)
{
    const struct checking *checking = arg;

    if (checking->means->judged != NULL)
        checking->means->judged(checking->means->arg, checking->task, trust, verdict);
}

/* Without the lock. How long until the next one. */
static int64_t check(const struct poller *poller, const struct item *item)
{
    struct checking checking = {.means = &poller->means};
    struct examination examination = {
        .store = poller->means.store,
        .seal = poller->means.seal,
        .kind = item->kind,
        .host = item->host,
        .task = checking.task,
        .cancel_fd = poller->cancel_fd,
        .repeat_ms = REPEAT_MS,
        .judged = tell_judged,
        .arg = &checking,
    };
    int64_t interval_ms = poller->means.interval_ms;

    poller->means.name_task(poller->means.arg, checking.task, sizeof(checking.task));
    if (server_examine(&examination, NULL) != 0 || examination.found.gave_up)
        return interval_ms; /* gone, changed, or the store is full: another look tells */
    if (poller->means.checked != NULL)
        poller->means.checked(poller->means.arg, checking.task, &examination.server, &examination.found,
                              &examination.turn);
    return schedule_delay_ms(interval_ms, examination.found.state, examination.turn.failures,
                             examination.found.retry_after_s, arc4random());
}

static bool may_run(const struct poller *poller)
{
    return poller->means.may_run == NULL || poller->means.may_run(poller->means.arg);
}

/* Checks what is due until nothing is. */
static void *run_checks(void *arg)
{
    struct poller *poller = arg;
    struct slot *slot;

    pthread_mutex_lock(&poller->lock);
    while (may_run(poller) && (slot = due_slot(poller)) != NULL) {
        const struct item *item = slot->item;
        int64_t delay_ms;

        slot->busy = true;
        pthread_mutex_unlock(&poller->lock);
        delay_ms = check(poller, item);
        pthread_mutex_lock(&poller->lock);
        settle(poller, item, delay_ms);
    }
    poller->running--;
    pthread_cond_signal(&poller->wake); /* somebody has to wait for the next one */
    pthread_cond_broadcast(&poller->idle);
    pthread_mutex_unlock(&poller->lock);
    return NULL;
}

/* With the lock. */
static void start_thread(struct poller *poller)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, run_checks, poller) == 0)
        poller->running++;
    pthread_attr_destroy(&attributes);
}

static unsigned count_due(const struct poller *poller)
{
    int64_t now_ms = clock_monotonic_ms();
    unsigned due = 0;

    for (size_t i = 0; i < poller->count && due < poller->means.parallel; i++)
        due += !poller->slots[i].busy && poller->slots[i].due_ms <= now_ms;
    return due;
}

/* ---- the thread that waits ---- */

/* With the lock: starts what is due; how long to wait then. */
static int64_t start_due(struct poller *poller)
{
    const struct slot *next;
    unsigned due;

    if (!may_run(poller)) {
        poller->look = true; /* who checks them meanwhile may register others */
        return NOT_NOW_MS;
    }
    look_at_store(poller);
    for (due = count_due(poller); due > 0 && poller->running < poller->means.parallel; due--)
        start_thread(poller);
    next = first_slot(poller);
    if (next == NULL)
        return LOOK_MS;
    if (next->due_ms <= clock_monotonic_ms())
        return NOT_NOW_MS; /* all threads are busy; each tells when it ends */
    return next->due_ms - clock_monotonic_ms() < LOOK_MS ? next->due_ms - clock_monotonic_ms() : LOOK_MS;
}

static void *watch(void *arg)
{
    struct poller *poller = arg;

    pthread_mutex_lock(&poller->lock);
    while (!poller->stopping) {
        int64_t wait_ms = start_due(poller);
        struct timespec until = clock_deadline(wait_ms > 0 ? wait_ms : 1);

        if (!poller->stopping && !poller->woken)
            pthread_cond_timedwait(&poller->wake, &poller->lock, &until);
        poller->woken = false;
    }
    while (poller->running > 0)
        pthread_cond_wait(&poller->idle, &poller->lock);
    pthread_mutex_unlock(&poller->lock);
    return NULL;
}

static void destroy(struct poller *poller)
{
    for (size_t i = 0; i < poller->count; i++)
        free(poller->slots[i].item);
    free(poller->slots);
    if (poller->cancel_fd >= 0)
        close(poller->cancel_fd);
    pthread_cond_destroy(&poller->idle);
    pthread_cond_destroy(&poller->wake);
    pthread_mutex_destroy(&poller->lock);
    free(poller);
}

struct poller *poller_start(const struct poller_means *means, struct error *err)
{
    struct poller *poller = calloc(1, sizeof(*poller));
    pthread_condattr_t attributes;
    int failed;

    if (poller == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    poller->means = *means;
    if (poller->means.parallel == 0)
        poller->means.parallel = POLLER_PARALLEL;
    poller->look = true;
    pthread_mutex_init(&poller->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&poller->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_cond_init(&poller->idle, NULL);
    poller->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    failed = poller->cancel_fd < 0 ? errno : pthread_create(&poller->thread, NULL, watch, poller);
    if (failed == 0)
        return poller;
    error_set_errno(err, failed, "cannot start the checks of the registered servers");
    destroy(poller);
    return NULL;
}

void poller_wake(struct poller *poller)
{
    if (poller == NULL)
        return;
    pthread_mutex_lock(&poller->lock);
    poller->look = true;
    poller->woken = true;
    pthread_cond_signal(&poller->wake);
    pthread_mutex_unlock(&poller->lock);
}

void poller_stop(struct poller *poller)
{
    if (poller == NULL)
        return;
    pthread_mutex_lock(&poller->lock);
    poller->stopping = true;
    pthread_cond_signal(&poller->wake);
    pthread_mutex_unlock(&poller->lock);
    eventfd_write(poller->cancel_fd, 1);
    pthread_join(poller->thread, NULL);
    destroy(poller);
}
