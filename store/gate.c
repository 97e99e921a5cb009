#include "store/gate.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct gate {
    pthread_t thread; /* looks after deadlines, from the first opening on */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_cond_t moved; /* for who holds back: more was acknowledged, or the gate was closed */
    bool started;
    bool stopping;
    bool open;
    int timeout_ms;
    void (*lost)(void *arg);
    void *arg;
    uint64_t acknowledged;
    int64_t wakes_ms;  /* monotonic: when the thread looks next; INT64_MAX: when it is told to */
    struct job *first; /* by revision, and so by deadline */
    struct job **last;
};

struct gate *gate_new(struct error *err)
{
    struct gate *gate = calloc(1, sizeof(*gate));
    pthread_condattr_t attributes;

    if (gate == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&gate->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&gate->changed, &attributes);
    pthread_cond_init(&gate->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    gate->last = &gate->first;
    return gate;
}

/* Takes out what was acknowledged, or all. */
static struct job *take(struct gate *gate, bool all)
{
    struct job *jobs = gate->first;
    struct job **link = &jobs;

    while (*link != NULL && (all || (*link)->revision <= gate->acknowledged))
        link = &(*link)->next;
    gate->first = *link;
    if (gate->first == NULL)
        gate->last = &gate->first;
    *link = NULL;
    pthread_cond_signal(&gate->moved);
    return jobs;
}

static void report(struct job *jobs, uint64_t acknowledged)
{
    while (jobs != NULL) {
        struct job *job = jobs;

        jobs = job->next;
        job_report(job, job->revision <= acknowledged ? STORE_REACH_BOTH : STORE_REACH_MISSED);
    }
}

/* Until the first deadline, though what waits for it may be gone by then: to be told of each job would cost
 * more than to look once in vain. */
static void wait_for_change(struct gate *gate)
{
    struct timespec until;

    if (gate->first == NULL || !gate->open) {
        gate->wakes_ms = INT64_MAX;
        pthread_cond_wait(&gate->changed, &gate->lock);
        return;
    }
    gate->wakes_ms = gate->first->deadline_ms;
    until = clock_deadline(gate->wakes_ms - clock_monotonic_ms());
    pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
}

static void *gate_thread(void *arg)
{
    struct gate *gate = arg;

    pthread_mutex_lock(&gate->lock);
    while (!gate->stopping) {
        struct job *jobs;
        uint64_t acknowledged;
        void (*lost)(void *) = gate->lost;
        void *lost_arg = gate->arg;

        if (!gate->open || gate->first == NULL || gate->first->deadline_ms > clock_monotonic_ms()) {
            wait_for_change(gate);
            continue;
        }
        gate->open = false;
        acknowledged = gate->acknowledged;
        jobs = take(gate, true);
        pthread_mutex_unlock(&gate->lock);
        if (lost != NULL)
            lost(lost_arg); /* first: who asks for the state after a missed change gets the new one */
        report(jobs, acknowledged);
        pthread_mutex_lock(&gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
    return NULL;
}

int gate_open(struct gate *gate, int timeout_ms, void (*lost)(void *arg), void *arg, struct error *err)
{
    int code = 0;

    pthread_mutex_lock(&gate->lock);
    if (!gate->started)
        code = pthread_create(&gate->thread, NULL, gate_thread, gate);
    if (code == 0) {
        if (!gate->open)
            gate->acknowledged = 0; /* of another standby, or of another line */
        gate->started = true;
        gate->open = true;
        gate->timeout_ms = timeout_ms;
        gate->lost = lost;
        gate->arg = arg;
    }
    pthread_mutex_unlock(&gate->lock);
    return code == 0 ? 0 : error_set_errno(err, code, "cannot start a thread");
}

void gate_close(struct gate *gate)
{
    uint64_t acknowledged;
    struct job *jobs;

    pthread_mutex_lock(&gate->lock);
    gate->open = false;
    acknowledged = gate->acknowledged;
    jobs = take(gate, true);
    pthread_mutex_unlock(&gate->lock);
    report(jobs, acknowledged);
}

void gate_acknowledge(struct gate *gate, uint64_t revision)
{
    struct job *jobs = NULL;

    pthread_mutex_lock(&gate->lock);
    if (revision > gate->acknowledged) {
        gate->acknowledged = revision;
        jobs = take(gate, false);
    }
    pthread_mutex_unlock(&gate->lock);
    report(jobs, revision);
}

void gate_hold(struct gate *gate, uint64_t revision, int most_ms)
{
    struct timespec until = clock_deadline(most_ms);
    int code = 0;

    pthread_mutex_lock(&gate->lock);
    while (gate->open && gate->acknowledged < revision && code == 0)
        code = pthread_cond_timedwait(&gate->moved, &gate->lock, &until);
    pthread_mutex_unlock(&gate->lock);
}

void gate_pass(struct gate *gate, struct job *job)
{
    bool waits;
    bool open;

    pthread_mutex_lock(&gate->lock);
    open = gate->open;
    waits = open && job->revision > gate->acknowledged;
    if (waits) {
        job->next = NULL;
        job->deadline_ms = clock_monotonic_ms() + gate->timeout_ms;
        if (gate->wakes_ms > job->deadline_ms)
            pthread_cond_signal(&gate->changed);
        *gate->last = job;
        gate->last = &job->next;
    }
    pthread_mutex_unlock(&gate->lock);
    if (!waits)
        job_report(job, open ? STORE_REACH_BOTH : STORE_REACH_HERE);
}

void gate_free(struct gate *gate)
{
    if (gate == NULL)
        return;
    gate_close(gate);
    pthread_mutex_lock(&gate->lock);
    gate->stopping = true;
    pthread_cond_signal(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    if (gate->started)
        pthread_join(gate->thread, NULL);
    pthread_cond_destroy(&gate->changed);
    pthread_cond_destroy(&gate->moved);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}
