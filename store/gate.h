/* Where jobs wait, already on disk here, until the standby has them too. */
#pragma once

#include "store/job.h"

struct gate;

/* NULL: ERROR_INTERNAL. */
struct gate *gate_new(struct error *err);

/* What waits is reported first. */
void gate_free(struct gate *gate);

int gate_open(struct gate *gate, int timeout_ms, void (*lost)(void *arg), void *arg, struct error *err);
void gate_close(struct gate *gate);
void gate_acknowledge(struct gate *gate, uint64_t revision);

/* Waits until the standby has this revision, at most so long; not at all while the gate is closed. One thread
 * at a time. */
void gate_hold(struct gate *gate, uint64_t revision, int most_ms);

/* Takes a successful job that got a revision, in the order of revisions, and reports it in time. */
void gate_pass(struct gate *gate, struct job *job);
