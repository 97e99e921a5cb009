/*
 * The door to libcli: it holds the command tree, the modes and the filters, and it dispatches.
 *
 * libcli cannot carry a backslash, a quoted bar or a word of its own notation through a line, and its
 * printing costs a copy, a search and a system call a line. So the line it gets is a canonical one, made of
 * full keywords only ("ncs certvalidation tofu-certs deletecert | include | count"), while the arguments
 * travel beside it in the call, and the output flows through sinks (sink.h): a listing of a million rows
 * never meets cli_print(), which takes 2.6 times as long for it even with a buffering callback. A filter that
 * libcli starts stands for the sink of the same name, which the session has already built, because a bad
 * pattern has to be refused before the command runs.
 *
 * A branch of the tree is registered when a line of it is first run: a shell that runs one command registers
 * a few dozen nodes, not all.
 */
#pragma once

#include "shell/grammar.h"

struct tree;

struct tree *tree_new(const struct grammar *grammar);
void tree_free(struct tree *tree);

/*
 * Runs one entry of a mode with the modifiers named. libcli calls run(arg) back, once. ERROR_INTERNAL: it did
 * not, with what it said. Not to be called from within run(): nested commands need a tree of their own.
 */
int tree_run(struct tree *tree, const struct grammar_mode *mode, const struct entry *entry,
             const char *const *modifiers, size_t modifier_count, void (*run)(void *arg), void *arg,
             struct error *err);
