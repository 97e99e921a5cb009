/*
 * A listing of many pins into a pipe, beside a bare LMDB cursor that writes the same bytes into the same
 * pipe. Arguments: number of pins (default 1000000). Prints nanoseconds a row and the ratio.
 */
#include "tests/bench/bench_pins.h"

#include <pthread.h>

#define PINS_DEFAULT 1000000
#define ROUNDS 5 /* the best of them counts: the machine is shared */

static void *drain(void *arg)
{
    static char bytes[OUTPUT_SIZE];
    int fd = *(int *)arg;

    while (read(fd, bytes, sizeof(bytes)) > 0)
        continue;
    return NULL;
}

static double list_pins(struct store *store, struct output *output, uint64_t *rows)
{
    struct error err = {0};
    double start = now_ns();
    struct store_txn *txn = store_read(store, &err);
    struct pin_cursor *cursor = txn != NULL ? pin_cursor_open(txn, &err) : NULL;
    struct pin_row row;
    int more;

    check(cursor == NULL, err.message);
    *rows = 0;
    while ((more = pin_cursor_next(cursor, &row, &err)) == 1) {
        put_row(output, &row);
        ++*rows;
    }
    check(more != 0, err.message);
    flush(output);
    pin_cursor_close(cursor);
    store_end(txn);
    return now_ns() - start;
}

static void remove_folder(const char *folder, const char *const *names)
{
    char path[600];

    for (; *names != NULL; names++) {
        snprintf(path, sizeof(path), "%s/%s", folder, *names);
        remove(path);
    }
    remove(folder);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"store/data.mdb",
                                        "store/lock.mdb",
                                        "store/writer.lock",
                                        "store",
                                        "bare/data.mdb",
                                        "bare/lock.mdb",
                                        "bare",
                                        NULL};
    uint64_t pins = argc > 1 ? strtoull(argv[1], NULL, 10) : PINS_DEFAULT;
    const char *folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/var/tmp";
    char home[500], bare[600];
    struct error err = {0};
    static struct output ours, theirs;
    double best = 1e18, reference = 1e18;
    struct store *store;
    pthread_t reader;
    uint64_t rows = 0;
    int ends[2];

    snprintf(home, sizeof(home), "%s/bench-store-XXXXXX", folder);
    check(mkdtemp(home) == NULL || pipe(ends) != 0, "make a folder");
    snprintf(bare, sizeof(bare), "%s/bare", home);
    store = store_open(home, STORE_WRITE, &err);
    check(store == NULL, err.message);
    fill_pins(store, pins);
    MDB_env *env = make_reference(store, bare, pins);
    pthread_create(&reader, NULL, drain, &ends[0]);
    ours.fd = theirs.fd = ends[1];
    for (int i = 0; i < ROUNDS; i++) {
        double took = list_pins(store, &ours, &rows);

        best = took < best ? took : best;
        took = list_reference(env, &theirs);
        reference = took < reference ? took : reference;
    }
    check(ours.total != theirs.total, "the two wrote different bytes");
    printf("list %" PRIu64
           " pins into a pipe: %.1f ns a row, bare cursor %.1f ns a row, ratio %.2f (at most 2)\n",
           rows, best / (double)rows, reference / (double)rows, best / reference);
    close(ends[1]);
    pthread_join(reader, NULL);
    mdb_env_close(env);
    store_close(store);
    remove_folder(home, names);
    return 0;
}
