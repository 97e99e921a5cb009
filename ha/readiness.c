#include "ha/readiness.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MB (1024.0 * 1024.0)
#define TRIAL "readiness.trial"

/* The file is gone before it is full: a crash leaves nothing behind. */
static int measure_writing(const char *folder, double *mb_s, struct error *err)
{
    char path[PATH_MAX];
    char *block = calloc(1, READINESS_WRITE_BYTES);
    int64_t start_ms = clock_monotonic_ms();
    int64_t took_ms;
    int result = 0;
    int fd = -1;

    if (block == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    snprintf(path, sizeof(path), "%s/" TRIAL, folder);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || unlink(path) != 0)
        result = error_set_errno(err, errno, "cannot try how fast the disk is");
    else if (write(fd, block, READINESS_WRITE_BYTES) != READINESS_WRITE_BYTES || fdatasync(fd) != 0)
        result = error_set_errno(err, errno, "cannot try how fast the disk is");
    took_ms = clock_monotonic_ms() - start_ms;
    *mb_s = READINESS_WRITE_BYTES / MB * 1000.0 / (double)(took_ms > 0 ? took_ms : 1);
    if (fd >= 0)
        close(fd);
    free(block);
    return result;
}

int ha_machine_look(const char *folder, struct ha_machine *out, struct error *err)
{
    struct statvfs disk;
    long pages = sysconf(_SC_PHYS_PAGES);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    *out = (struct ha_machine){.cpus = cpus > 0 ? (unsigned)cpus : 1};
    if (pages > 0)
        out->memory_bytes = (unsigned long long)pages * (unsigned long long)sysconf(_SC_PAGESIZE);
    if (statvfs(folder, &disk) != 0)
        return error_set_errno(err, errno, "cannot look at the disk");
    out->disk_bytes = (unsigned long long)disk.f_blocks * disk.f_frsize;
    out->disk_free_bytes = (unsigned long long)disk.f_bavail * disk.f_frsize;
    return measure_writing(folder, &out->write_mb_s, err);
}

json_t *ha_machine_write(const struct ha_machine *machine)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:f}", "cpus", (json_int_t)machine->cpus, "memory",
                     (json_int_t)machine->memory_bytes, "disk", (json_int_t)machine->disk_bytes, "disk_free",
                     (json_int_t)machine->disk_free_bytes, "write_mb_s", machine->write_mb_s);
}

void ha_machine_read(json_t *object, struct ha_machine *out)
{
    out->cpus = (unsigned)json_integer_value(json_object_get(object, "cpus"));
    out->memory_bytes = (unsigned long long)json_integer_value(json_object_get(object, "memory"));
    out->disk_bytes = (unsigned long long)json_integer_value(json_object_get(object, "disk"));
    out->disk_free_bytes = (unsigned long long)json_integer_value(json_object_get(object, "disk_free"));
    out->write_mb_s = json_number_value(json_object_get(object, "write_mb_s"));
}

void ha_readiness_add(struct ha_readiness *readiness, const char *test, const char *here, const char *there,
                      enum ha_verdict verdict, const char *advice)
{
    static const char *const words[] = {"PASS", "WARNING", "FAIL", "-"};
    const char *own = readiness->is_secondary ? "secondary" : "primary";
    const char *other = readiness->is_secondary ? "primary" : "secondary";

    json_array_append_new(readiness->tests,
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "test", test, own, here, other, there,
                                    "verdict", words[verdict], "advice", advice));
    readiness->failed += verdict == HA_FAIL;
}

void ha_readiness_steps(struct ha_readiness *readiness, const char *because, json_t *steps)
{
    json_t *last = json_array_get(readiness->tests, json_array_size(readiness->tests) - 1);

    json_object_set_new(last, "because", json_string(because));
    json_object_set_new(last, "steps", steps);
}

#define SHOWN_MAX 48

static void add_machines(struct ha_readiness *readiness, const char *test, const char *here,
                         const char *there, bool here_good, bool there_good, const char *advice)
{
    bool good = here_good && (there == NULL || there_good);

    ha_readiness_add(readiness, test, here, there != NULL ? there : "-", good ? HA_PASS : HA_WARNING,
                     good ? "" : advice);
}

void ha_readiness_machines(struct ha_readiness *readiness, const struct ha_machine *here,
                           const struct ha_machine *there)
{
    const struct ha_machine none = {0};
    const struct ha_machine *other = there != NULL ? there : &none;
    char mine[SHOWN_MAX], theirs[SHOWN_MAX], advice[160];
    const char *second = there != NULL ? theirs : NULL;

    snprintf(mine, sizeof(mine), "%u", here->cpus);
    snprintf(theirs, sizeof(theirs), "%u", other->cpus);
    snprintf(advice, sizeof(advice), "give each server %d or more", READINESS_CPUS);
    add_machines(readiness, "CPU count", mine, second, here->cpus >= READINESS_CPUS,
                 other->cpus >= READINESS_CPUS, advice);
    snprintf(mine, sizeof(mine), "%.0f MB", (double)here->memory_bytes / MB);
    snprintf(theirs, sizeof(theirs), "%.0f MB", (double)other->memory_bytes / MB);
    snprintf(advice, sizeof(advice), "give each server %.0f MB or more", (double)READINESS_MEMORY / MB);
    add_machines(readiness, "RAM size", mine, second, here->memory_bytes >= READINESS_MEMORY,
                 other->memory_bytes >= READINESS_MEMORY, advice);
    snprintf(mine, sizeof(mine), "%.0f MB free", (double)here->disk_free_bytes / MB);
    snprintf(theirs, sizeof(theirs), "%.0f MB free", (double)other->disk_free_bytes / MB);
    snprintf(advice, sizeof(advice), "make %.0f MB free", (double)READINESS_DISK_FREE / MB);
    add_machines(readiness, "Disk size", mine, second, here->disk_free_bytes >= READINESS_DISK_FREE,
                 other->disk_free_bytes >= READINESS_DISK_FREE, advice);
    snprintf(mine, sizeof(mine), "%.0f MB/s", here->write_mb_s);
    snprintf(theirs, sizeof(theirs), "%.0f MB/s", other->write_mb_s);
    snprintf(advice, sizeof(advice), "a disk of %.0f MB/s or more", READINESS_WRITE_MB_S);
    add_machines(readiness, "Disk write rate", mine, second, here->write_mb_s >= READINESS_WRITE_MB_S,
                 other->write_mb_s >= READINESS_WRITE_MB_S, advice);
}
