/* The writer's thread: takes all jobs that wait, commits them together, tells each what came of it. */
#pragma once

#include "store/environment.h"
#include "store/gate.h"

struct writer;

/* The environment must stay until writer_stop(). ERROR_INTERNAL. */
struct writer *writer_start(struct environment *environment, struct error *err);

/* Does the jobs that wait, then ends the thread. */
void writer_stop(struct writer *writer);

int writer_run(struct writer *writer, store_job job, void *arg, enum store_reach *reach, struct error *err);
int writer_run_here(struct writer *writer, store_job job, void *arg, struct error *err);
void writer_submit(struct writer *writer, store_job job, store_done done, void *arg);

/* store_watch(), store_set_active(), store_check_active(), store_reserve(); and the gate. */
void writer_watch(struct writer *writer, void (*committed)(void *arg, uint64_t revision), void *arg);
void writer_set_active(struct writer *writer, bool active, const char *active_name);
int writer_check_active(struct writer *writer, struct error *err);
int writer_reserve(struct writer *writer, uint64_t bytes, struct error *err);
struct gate *writer_gate(struct writer *writer);
