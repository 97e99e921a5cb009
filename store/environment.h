/*
 * The LMDB environment of one store: its databases, and who may use its map at this moment. The map may be
 * moved only while nobody in this process reads it; environment_exclusive_begin() sees to that.
 */
#pragma once

#include "store/store.h"

#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <sys/types.h>

#define ENVIRONMENT_MAP_START (64ULL << 20) /* bytes of a new store's map */
#define ENVIRONMENT_MAP_STEP                                                                               \
    (4ULL << 30)                          /* a greater map grows by this many bytes, a smaller one doubles \
                                           */
#define ENVIRONMENT_MAP_MOST (1ULL << 40) /* bytes */
#define ENVIRONMENT_DRAIN_MS 10000        /* how long a move of the map waits for this process's readers */

enum database {
    DATABASE_META,
    DATABASE_PINS,
    DATABASE_PIN_HOSTS,
    DATABASE_PIN_EVENTS,
    DATABASE_REFUSED,
    DATABASE_CERTIFICATES,
    DATABASE_POLICIES,
    DATABASE_SETTINGS,
    DATABASE_AUDIT,
    DATABASE_CHANGES,
    DATABASE_CA_CERTIFICATES, /* from version 2 on */
    DATABASE_TRUST_STORES,    /* the same */
    DATABASE_SHADOWED,        /* from version 3 on */
    DATABASE_SERVERS,         /* from version 3 on */
    DATABASE_SERVER_STATES,   /* the same */
    DATABASE_SERVER_EVENTS,   /* the same */
    DATABASES
};

/*
 * The databases that hold pair records are there twice: one set is in use, the other takes what is imported,
 * until one transaction changes their roles (store/replica_set.h).
 */
#define ENVIRONMENT_SETS 2

/* A transaction that reads, in its environment's list. */
struct reader {
    pthread_t owner; /* the thread that began it */
    struct reader *next;
    struct reader **link;
};

#define ENVIRONMENT_IDLE_MOST 4 /* reading transactions kept for the next one that reads */

struct environment {
    MDB_env *mdb; /* NULL: could not be opened again after a failure of the disk */
    MDB_dbi databases[ENVIRONMENT_SETS][DATABASES];
    char folder[PATH_MAX];
    enum store_mode mode;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct reader *readers;
    MDB_txn *idle[ENVIRONMENT_IDLE_MOST]; /* ended by mdb_txn_reset(): beginning again costs no memory and
                                             no lock of LMDB's */
    size_t idle_count;
    bool exclusive; /* somebody moves the map, or waits for it */
    dev_t device;   /* which store this process has open; LMDB allows each once */
    ino_t inode;
    pid_t process;
    struct environment *next;
};

const char *environment_database_name(enum database database);

/* False: there is no such database. */
bool environment_database_find(const char *name, enum database *out);

/* True if it holds pair records, and so is there in two sets. */
bool environment_database_is_paired(enum database database);

/* Prepares an environment on a folder; nothing is opened yet. End with environment_free(). */
int environment_init(struct environment *environment, const char *folder, enum store_mode mode,
                     struct error *err);
void environment_free(struct environment *environment);

/*
 * Opens the data file that is there (a writer with map_bytes > 0 makes one where there is none). Checks what
 * can be checked of it. environment_open_databases() comes next.
 */
int environment_open(struct environment *environment, size_t map_bytes, struct error *err);
void environment_close(struct environment *environment);

/* Takes the handles of the databases from `database` to `last` in a transaction that is committed later. */
int environment_open_databases(struct environment *environment, MDB_txn *txn, enum database first,
                               enum database last, bool create, struct error *err);

/* With nobody reading: closes, opens, and takes the handles again. */
int environment_open_again(struct environment *environment, struct error *err);

/* The same once nobody reads any more: what LMDB asks for once writing a meta page failed. */
int environment_reopen(struct environment *environment, struct error *err);

/* Begins and ends a reading transaction. ERROR_BUSY, ERROR_INTERNAL. */
int environment_read_begin(struct environment *environment, struct reader *reader, MDB_txn **out,
                           struct error *err);
void environment_read_end(struct environment *environment, struct reader *reader, MDB_txn *txn);

/* With nobody reading: frees what was kept for the next reader. Before the environment is closed. */
void environment_drop_idle(struct environment *environment);

/* True if the calling thread has a reading transaction open. */
bool environment_reads_here(struct environment *environment);

/* Lets go of what processes hold that died while they read: the pages they saw are used again. */
void environment_forget_dead(struct environment *environment);

/* Makes the map greater, waiting at most `wait_ms` for the readers. ERROR_BUSY, ERROR_STORE_FULL. */
int environment_grow(struct environment *environment, int wait_ms, struct error *err);

/* Size of the map, and how much of it was ever used, in bytes. */
void environment_usage(struct environment *environment, size_t *map_bytes, size_t *used_bytes);
