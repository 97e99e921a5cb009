/* What primelab's commands share: what was typed, how they end, how they say it. */
#pragma once

#include "lab/servers.h"

#include <jansson.h>

/* How primelab ends; `shell`, `ssh` and `play` with a program's own status apart. Documented in docs/lab.md.
 */
enum lab_status {
    LAB_OK = 0,
    LAB_FAILED = 1,      /* it was tried and went wrong */
    LAB_USAGE = 2,       /* what was typed was not understood */
    LAB_NOT_RUNNING = 3, /* the lab, or the server that is meant, does not run */
    LAB_MACHINE = 4,     /* the machine lacks something: a program, a free port, room, a permission */
};

#define LAB_WORDS_MAX 8

struct lab_arguments {
    struct lab lab;
    const struct lab_server *server;  /* of the commands that take one */
    const char *words[LAB_WORDS_MAX]; /* behind the command, and behind the server where it takes one */
    int word_count;
    char **rest;         /* of `ssh` and `mood`: all behind the server, NULL at the end */
    const char *command; /* -c */
    const char *record;  /* --record */
    const char *named;   /* --name */
    const char *network; /* --network */
    int jobs;            /* --jobs: scenarios at once */
    bool keep;
    bool json;
    bool follow;
    bool step;
    bool quiet;
    bool all;
    bool namespaces; /* --netns */
};

/* Prints what went wrong (as JSON on standard output where that was asked for) and gives the exit status. */
int lab_complain(const struct lab_arguments *arguments, const struct error *err);

/* Prints the document and frees it. */
int lab_print_json(json_t *document);

/* All that `status` knows, as one document. */
int lab_print_status(const struct lab *lab);

int lab_run_up(const struct lab_arguments *arguments);
int lab_run_down(const struct lab_arguments *arguments);
int lab_run_status(const struct lab_arguments *arguments);
int lab_run_list(const struct lab_arguments *arguments);
int lab_run_log(const struct lab_arguments *arguments);
int lab_run_break(const struct lab_arguments *arguments);
int lab_run_heal(const struct lab_arguments *arguments);
int lab_run_play(const struct lab_arguments *arguments);
int lab_run_mood(const struct lab_arguments *arguments);
int lab_run_start(const struct lab_arguments *arguments);
int lab_run_stop(const struct lab_arguments *arguments);
