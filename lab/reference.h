/* primelab's commands and options as its help and its manual page show them. */
#pragma once

#include "lab/subcommand.h"

struct lab_subcommand {
    const char *name;
    const char *arguments;
    const char *help; /* NULL: not shown */
    bool takes_server;
    int words_least; /* behind the command and its server */
    int words_most;
    int (*run)(const struct lab_arguments *arguments);
};

void lab_print_help(FILE *file, const struct lab_subcommand *commands, size_t count);

/* primelab(1), for troff. */
void lab_print_manual(FILE *file, const struct lab_subcommand *commands, size_t count);
