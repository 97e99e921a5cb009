/* `break` and `heal`: a node that hangs, a cable that is pulled. */
#include "lab/folder.h"
#include "lab/namespace.h"
#include "lab/own.h"
#include "lab/process.h"
#include "lab/subcommand.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

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
        failed = lab_complain_stopped(freeze.lab, server, &freeze.err);
    if (failed != 0)
        return lab_complain(arguments, &freeze.err);
    if (arguments->json)
        return lab_print_json(
            json_pack("{s:s, s:s}", "name", server->name, "state", number == SIGSTOP ? "frozen" : "running"));
    if (number == SIGSTOP)
        printf("%s hangs now: it takes connections and answers nothing; primelab heal %s%s\n", server->name,
               server->name, arguments->lab.option);
    else
        printf("%s goes on\n", server->name);
    return LAB_OK;
}

/* The secondary's, unless another is named: it is the same to the pair. */
static int pull(const struct lab_arguments *arguments, bool plugged)
{
    struct lab lab = arguments->lab;
    const char *name = arguments->word_count > 1 ? arguments->words[1] : "prime-sec";
    struct error err = {0};
    const struct lab_server *server = lab_find(name, &err);

    if (server != NULL && server->kind != LAB_NODE)
        error_set(&err, ERROR_INVALID_ARGUMENT, "%s has no cable of its own; prime-pri and prime-sec have",
                  server->name);
    if (err.code != ERROR_NONE || lab_check_present(&lab, &err) != 0 ||
        lab_cable(&lab, server, plugged, &err) != 0)
        return lab_complain(arguments, &err);
    if (arguments->json)
        return lab_print_json(json_pack("{s:s, s:b}", "name", server->name, "link", plugged));
    printf("the cable of %s is %s\n", server->name, plugged ? "in its place" : "pulled");
    return LAB_OK;
}

static int change(const struct lab_arguments *arguments, int number)
{
    struct error err = {0};
    const struct lab_server *server;

    if (strcmp(arguments->words[0], "link") == 0)
        return pull(arguments, number == SIGCONT);
    server = arguments->word_count == 1 ? lab_find(arguments->words[0], &err) : NULL;
    if (arguments->word_count > 1)
        error_set(&err, ERROR_INVALID_ARGUMENT, "name one server, or the link of one: link %s",
                  arguments->words[0]);
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
