/* A job of the store under way: waiting for the writer, in a group of it, or at the gate. */
#pragma once

#include "store/store.h"

#include <semaphore.h>

struct job {
    struct job *next;
    store_job run;
    void *arg;
    uint64_t reserve; /* bytes of the map to be free; there is no `run` then */
    store_done done;  /* of store_submit() */
    bool waited_for;  /* by store_run(): `finished` is posted, and the job is the waiter's */
    sem_t finished;
    int result;
    struct error error;
    uint64_t revision; /* that it got; 0: it changed no pair record */
    enum store_reach reach;
    int64_t deadline_ms; /* at the gate; monotonic */
};

/* Tells whoever waits for it. A job that nobody waits for is freed. */
void job_report(struct job *job, enum store_reach reach);
