/*
 * bench_home fill <home> <pins>: a home with so many pins, and <home>/bare, the same lines in a bare
 * environment. bench_home walk <home>: the bare environment's lines to standard output, by a cursor.
 */
#include "tests/bench/bench_pins.h"

static void fill(const char *home, uint64_t pins)
{
    struct error err = {0};
    char bare[600];
    struct store *store;

    check(mkdir(home, 0755) != 0, "make the home");
    store = store_open(home, STORE_WRITE, &err);
    check(store == NULL, err.message);
    fill_pins(store, pins);
    snprintf(bare, sizeof(bare), "%s/bare", home);
    mdb_env_close(make_reference(store, bare, pins));
    store_close(store);
}

static void walk(const char *home)
{
    static struct output output = {.fd = STDOUT_FILENO};
    char bare[600];
    MDB_env *env;

    snprintf(bare, sizeof(bare), "%s/bare", home);
    check(mdb_env_create(&env) != 0 || mdb_env_open(env, bare, MDB_RDONLY, 0) != 0, "open the reference");
    list_reference(env, &output);
    mdb_env_close(env);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "fill") == 0)
        fill(argv[2], strtoull(argv[3], NULL, 10));
    else if (argc == 3 && strcmp(argv[1], "walk") == 0)
        walk(argv[2]);
    else
        check(1, "bench_home fill <home> <pins> | walk <home>");
    return 0;
}
