/*
 * Which processes of the machine belong to a lab. Their command lines say so, not a file with a number in it:
 * such a file outlives its process, and numbers are used again.
 */
#pragma once

#include "lab/servers.h"

enum lab_task {
    LAB_TASK_NODE,      /* primed, both halves */
    LAB_TASK_STANDIN,   /* primelab, being a server */
    LAB_TASK_NAMESPACE, /* primelab, holding a network namespace */
    LAB_TASK_SSHD,      /* the sshd that listens for a node */
    LAB_TASK_SHELL,     /* primesh on a node */
    LAB_TASK_ADDRESS,   /* keepalived, holding a virtual address */
    LAB_TASK_NONE,
};

/* What the process does for the lab, and for which server (NULL: for any): LAB_TASK_NONE where it does not.
 */
enum lab_task lab_task_of(const struct lab *lab, const struct lab_server *server, pid_t pid);

/* Calls back for each process of the lab, or of one server of it, but never for the one that asks. Stops and
 * returns what `found` returns where that is not 0. */
typedef int lab_found(void *arg, pid_t pid, enum lab_task task);
int lab_each_process(const struct lab *lab, const struct lab_server *server, lab_found *found, void *arg);

/* Has `end` end those of them that it wants to (1: ended, 0: left, -1: the error is in *err), again and again
 * until it leaves all: one that is met may have started another meanwhile. */
int lab_sweep(const struct lab *lab, const struct lab_server *server, lab_found *end, void *arg,
              struct error *err);

/* The lab's first process of that task; 0: none. */
pid_t lab_find_process(const struct lab *lab, const struct lab_server *server, enum lab_task task);

/* Calls back with the home of every primed on the machine, as it was typed. */
void lab_each_home(void (*found)(void *arg, const char *home), void *arg);

/* Sends a signal to a process of the lab and to no other, even if the number was given to another meanwhile.
 * 0 also where it is gone. ERROR_DENIED: it is somebody else's. */
int lab_signal(const struct lab *lab, pid_t pid, int number, struct error *err);

/* Ends a process of the lab: SIGTERM, after `limit_ms` SIGKILL; returns once it is gone. */
int lab_end(const struct lab *lab, pid_t pid, int64_t limit_ms, struct error *err);

/* Stopped by a signal (`primelab break`). */
bool lab_is_frozen(pid_t pid);
