/* `break` and `heal`: a node that hangs, a cable that is pulled. */
#include "lab/own.h"
#include "lab/process.h"
#include "lab/subcommand.h"

#include <signal.h>
#include <stdio.h>

struct freeze {
    const struct lab *lab;
    int signal;
    int count;
    struct error err;
};

static int signal_half(void *arg, pid_t pid, enum lab_task task)
{
    struct freeze *freeze = arg;

    if (task != LAB_TASK_NODE && task != LAB_TASK_STANDIN)
        return 0;
    freeze->count++;
    return lab_signal(freeze->lab, pid, freeze->signal, &freeze->err);
}

/* To its peers a frozen server is one that hangs: connections are made, and nothing ever comes. */
static int freeze_server(const struct lab_arguments *arguments, const struct lab_server *server, int number)
{
    struct freeze freeze = {.lab = &arguments->lab, .signal = number};
    int failed = lab_each_process(&arguments->lab, server, signal_half, &freeze);

    if (failed == 0 && freeze.count == 0)
        failed = lab_complain_stopped(server, &freeze.err);
    if (failed != 0)
        return lab_complain(arguments, &freeze.err);
    if (arguments->json)
        return lab_print_json(
            json_pack("{s:s, s:s}", "name", server->name, "state", number == SIGSTOP ? "frozen" : "running"));
    if (number == SIGSTOP)
        printf("%s hangs now: it takes connections and answers nothing; primelab heal %s\n", server->name,
               server->name);
    else
        printf("%s goes on\n", server->name);
    return LAB_OK;
}

static int change(const struct lab_arguments *arguments, int number)
{
    struct error err = {0};
    const struct lab_server *server = lab_find(arguments->words[0], &err);

    return server != NULL ? freeze_server(arguments, server, number) : lab_complain(arguments, &err);
}

int lab_run_break(const struct lab_arguments *arguments)
{
    return change(arguments, SIGSTOP);
}

int lab_run_heal(const struct lab_arguments *arguments)
{
    return change(arguments, SIGCONT);
}
