/* Commands run by turns, and the median of their times. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURNS_MAX 1000

static inline double turns_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Wall time in milliseconds of a program whose output is thrown away; ends the benchmark if it fails. */
static inline double turns_run(char *const *command)
{
    double start = turns_now_ms();
    pid_t child = fork();
    int status;

    if (child == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execvp(command[0], command);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "%s %s fails\n", command[0], command[1]);
        exit(1);
    }
    return turns_now_ms() - start;
}

static inline int turns_compare(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;

    return difference < 0 ? -1 : difference > 0;
}

static inline double turns_median(double *times, int count)
{
    qsort(times, (size_t)count, sizeof(*times), turns_compare);
    return count % 2 ? times[count / 2] : (times[count / 2 - 1] + times[count / 2]) / 2;
}

/* The medians of two commands, run by turns. */
static inline void turns_pair(char *const *ours, char *const *reference, int turns, double medians[2])
{
    static double times[2][TURNS_MAX];

    for (int i = 0; i < turns; i++) {
        /* who goes first changes, so that neither always finds the caches of the other */
        for (int k = 0; k < 2; k++)
            times[(i + k) % 2][i] = turns_run((i + k) % 2 == 0 ? ours : reference);
    }
    medians[0] = turns_median(times[0], turns);
    medians[1] = turns_median(times[1], turns);
}
