/* Whether two servers can be a pair: what each says of itself, and what follows from both. */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

/* Facts about this machine. */
struct ha_machine {
    unsigned cpus;
    unsigned long long memory_bytes;
    unsigned long long disk_bytes; /* of the file system that the home is on */
    unsigned long long disk_free_bytes;
    double write_mb_s; /* megabytes a second that reach the disk */
};

/* Writes READINESS_WRITE_BYTES to a file in `folder` to see how fast that is. ERROR_INTERNAL,
 * ERROR_STORE_FULL. */
#define READINESS_WRITE_BYTES (8 * 1024 * 1024)
int ha_machine_look(const char *folder, struct ha_machine *out, struct error *err);

json_t *ha_machine_write(const struct ha_machine *machine); /* for the other node; a new reference */
void ha_machine_read(json_t *object, struct ha_machine *out);

/* What is asked of a machine. Less than that is advice, not a refusal: a lab is small. */
#define READINESS_CPUS 2
#define READINESS_MEMORY (1024ULL << 20)
#define READINESS_DISK_FREE (1024ULL << 20)
#define READINESS_WRITE_MB_S 20.0
#define READINESS_CLOCK_MS 2000

/* A table under way: {"tests": [...], "failed": n}. */
struct ha_readiness {
    json_t *tests;
    unsigned failed;
    bool is_secondary; /* this node is: the other one's column comes first */
};

/* "PASS", "FAIL", "WARNING", or "-": not tested, for something else stands against it. */
enum ha_verdict { HA_PASS, HA_WARNING, HA_FAIL, HA_NOT_TESTED };
void ha_readiness_add(struct ha_readiness *readiness, const char *test, const char *here, const char *there,
                      enum ha_verdict verdict, const char *advice);

/* Why the test that was added last failed, and what is to be done, a line each (`steps` is taken over). */
void ha_readiness_steps(struct ha_readiness *readiness, const char *because, json_t *steps);

/* The tests on what the machines are; `there` NULL: the other one could not be asked. */
void ha_readiness_machines(struct ha_readiness *readiness, const struct ha_machine *here,
                           const struct ha_machine *there);
