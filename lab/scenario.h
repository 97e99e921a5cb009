/* The published flows as scripts: NN-name.exp, in the source below lab/scenarios, installed in
 * share/primesh/scenarios. */
#pragma once

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct scenario {
    char name[64];   /* "06-own-port" */
    char title[160]; /* the first line of its header */
    bool namespaces; /* its header has a line SCENARIO_NAMESPACES: --netns, where that is to be had */
    char path[PATH_MAX];
};
#define SCENARIO_NAMESPACES "# @netns"

struct scenario_list {
    struct scenario *all; /* in the order of their numbers */
    size_t count;
};

/* All there are, with the folder of the programs as the place to start from; scenario_list_free() ends it.
 * ERROR_NOT_FOUND says where they were looked for. */
int scenario_list_read(const char *programs, struct scenario_list *out, struct error *err);
void scenario_list_free(struct scenario_list *list);

/* By number ("6"), name ("own-port") or both; NULL: ERROR_INVALID_ARGUMENT lists what there is. */
const struct scenario *scenario_find(const struct scenario_list *list, const char *typed, struct error *err);
