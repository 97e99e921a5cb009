/* Many pins for the benchmarks, and the reference beside them: an LMDB environment whose values are the very
 * lines. */
#pragma once

#include "store/pin.h"

#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PINS_PER_JOB 20000
#define OUTPUT_SIZE 65536

static enum store_scope bench_scope = STORE_SCOPE_NODE; /* of the pins that are made */

struct output {
    int fd;
    size_t used;
    uint64_t total;
    char bytes[OUTPUT_SIZE];
};

static inline void check(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "bench: %s\n", what);
        exit(1);
    }
}

static inline double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline void flush(struct output *output)
{
    for (size_t done = 0; done < output->used;) {
        ssize_t written = write(output->fd, output->bytes + done, output->used - done);

        check(written < 0, "write to the pipe");
        done += (size_t)written;
    }
    output->total += output->used;
    output->used = 0;
}

static inline void put(struct output *output, const char *bytes, size_t length)
{
    if (output->used + length > sizeof(output->bytes))
        flush(output);
    memcpy(output->bytes + output->used, bytes, length);
    output->used += length;
}

static inline void put_row(struct output *output, const struct pin_row *row)
{
    size_t length = row->host_length + row->subject_slash_length + 18;
    char *at;

    if (output->used + length > sizeof(output->bytes))
        flush(output);
    at = output->bytes + output->used;
    memcpy(at, "host=", 5);
    memcpy(at + 5, row->host, row->host_length);
    at += 5 + row->host_length;
    memcpy(at, ";  subject= ", 12);
    memcpy(at + 12, row->subject_slash, row->subject_slash_length);
    at[12 + row->subject_slash_length] = '\n';
    output->used += length;
}

static inline int add_many(struct store_txn *txn, void *arg, struct error *err)
{
    uint64_t from = *(uint64_t *)arg;

    for (uint64_t i = from; i < from + PINS_PER_JOB; i++) {
        struct pin pin = {.scope = bench_scope, .accepted_count = 1};
        char slash[200], oneline[200];

        snprintf(pin.host, sizeof(pin.host), "10.%" PRIu64 ".%" PRIu64 ".%" PRIu64 "_443", i >> 16 & 255,
                 i >> 8 & 255, i & 255);
        snprintf(slash, sizeof(slash), "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=server-%" PRIu64,
                 i);
        snprintf(oneline, sizeof(oneline),
                 "C = US, ST = CA, L = SJ, O = Cisco Systems, OU = Prime Infra, CN = server-%" PRIu64, i);
        memcpy(pin.accepted[0].sha256, &i, sizeof(i));
        memcpy(pin.certificate, &i, sizeof(i));
        pin.first_seen_ms = pin.last_seen_ms = 1795000000000 + (int64_t)i;
        pin.not_after_ms = 1895000000000;
        pin.subject_slash = slash;
        pin.subject_oneline = oneline;
        if (i >> 24 == 0 && pin_add(txn, &pin, err) != 0)
            return -1;
    }
    return 0;
}

static inline void fill_pins(struct store *store, uint64_t pins)
{
    struct error err = {0};

    for (uint64_t i = 0; i < pins; i += PINS_PER_JOB)
        check(store_run(store, add_many, &i, &err) != 0, err.message);
}

/* The reference: an environment whose values are the very lines. */
static inline MDB_env *make_reference(struct store *store, const char *folder, uint64_t pins)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    struct pin_cursor *cursor = pin_cursor_open(txn, &err);
    static struct output line;
    struct pin_row row;
    MDB_env *env;
    MDB_txn *write;
    MDB_dbi dbi;
    uint64_t number = 0;

    check(mkdir(folder, 0700) != 0 || mdb_env_create(&env) != 0 ||
              mdb_env_set_mapsize(env, (pins + 100000) * 400) != 0 ||
              mdb_env_open(env, folder, MDB_NOSYNC, 0600) != 0 || mdb_txn_begin(env, NULL, 0, &write) != 0 ||
              mdb_dbi_open(write, NULL, MDB_INTEGERKEY, &dbi) != 0,
          "make the reference");
    while (pin_cursor_next(cursor, &row, &err) == 1) {
        MDB_val key = {sizeof(number), &number};
        MDB_val value;

        number++;
        line.used = 0;
        put_row(&line, &row);
        value = (MDB_val){line.used, line.bytes};
        check(mdb_put(write, dbi, &key, &value, MDB_APPEND) != 0, "fill the reference");
    }
    check(mdb_txn_commit(write) != 0, "commit the reference");
    pin_cursor_close(cursor);
    store_end(txn);
    return env;
}

static inline double list_reference(MDB_env *env, struct output *output)
{
    double start = now_ns();
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;

    check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0 || mdb_dbi_open(txn, NULL, 0, &dbi) != 0 ||
              mdb_cursor_open(txn, dbi, &cursor) != 0,
          "read the reference");
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
        put(output, value.mv_data, value.mv_size);
    flush(output);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return now_ns() - start;
}
