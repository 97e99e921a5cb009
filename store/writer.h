/* The writer's thread: takes all jobs that wait, commits them together, tells each what came of it. */
#pragma once

#include "store/environment.h"

struct writer;

/* The environment must stay until writer_stop(). ERROR_INTERNAL. */
struct writer *writer_start(struct environment *environment, struct error *err);

/* Does the jobs that wait, then ends the thread. */
void writer_stop(struct writer *writer);

int writer_run(struct writer *writer, store_job job, void *arg, struct error *err);
void writer_submit(struct writer *writer, store_job job, store_done done, void *arg);
