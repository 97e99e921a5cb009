#include "daemon/server_watch.h"

#include "daemon/notice.h"
#include "daemon/report.h"
#include "servers/poller.h"

#include <stdio.h>
#include <stdlib.h>

#define WHAT_MAX (HOST_PORT_TEXT_MAX + 128)

struct server_watch {
    struct node *node;
    struct poller *poller;
};

static void mail_turn(struct node *node, const struct server *server, const char *what, const char *problem)
{
    char next[HOST_TEXT_MAX + 32];

    snprintf(next, sizeof(next), "ncs server %s show %s", server_kind_name(server->kind),
             server->address.host);
    notice_change(node, &(struct notice_change){.what = what, .reason = problem, .next_command = next});
}

void server_tell_turn(struct node *node, const char *task, const struct server *server,
                      const struct server_found *found, const struct server_turn *turn)
{
    char host[HOST_PORT_TEXT_MAX];
    char what[WHAT_MAX];
    char text[WHAT_MAX + ERROR_TEXT_MAX + 4];
    char problem[ERROR_TEXT_MAX];

    if (!turn->happened)
        return;
    host_port_format(&server->address, host);
    server_problem(server, found, problem);
    snprintf(what, sizeof(what), "%s server %s: %s -> %s", server_kind_title(server->kind), host,
             server_state_name(turn->from), server_state_name(turn->to));
    snprintf(text, sizeof(text), "%s%s%s", what, problem[0] == '\0' ? "" : ": ", problem);
    notice_give(node, task, text);
    mail_turn(node, server, what, problem);
}

static bool may_run(void *arg)
{
    const struct server_watch *watch = arg;

    return node_is_active(watch->node);
}

static void name_task(void *arg, char *out, size_t size)
{
    struct server_watch *watch = arg;

    snprintf(out, size, "seqtaskexecutor-%u", atomic_fetch_add(&watch->node->task_number, 1));
}

void server_tell_verdict(struct node *node, const char *task, const struct trust_request *trust,
                         const struct trust_verdict *verdict)
{
    char host[HOST_PORT_TEXT_MAX];
    char sha256[FINGERPRINT_TEXT_MAX];

    report_verdict(node->application_report, task, trust, verdict);
    if (verdict->outcome != TRUST_FIRST_USE)
        return;
    host_port_format(&trust->host, host);
    fingerprint_format(verdict->shown_sha256, sha256);
    log_write(node->application_log, LOG_LEVEL_INFO,
              "[%s] [%s] first contact with %s: its certificate is pinned, SHA-256 %s",
              trust_zone_name(trust->zone), task, host, sha256);
}

static void judged(void *arg, const char *task, const struct trust_request *trust,
                   const struct trust_verdict *verdict)
{
    const struct server_watch *watch = arg;

    server_tell_verdict(watch->node, task, trust, verdict);
}

static void checked(void *arg, const char *task, const struct server *server,
                    const struct server_found *found, const struct server_turn *turn)
{
    struct server_watch *watch = arg;

    server_tell_turn(watch->node, task, server, found, turn);
}

struct server_watch *server_watch_start(struct node *node, struct error *err)
{
    struct server_watch *watch = calloc(1, sizeof(*watch));
    const struct poller_means means = {.store = node->store,
                                       .seal = node->seal,
                                       .interval_ms = node->conf.server_interval_ms,
                                       .may_run = may_run,
                                       .name_task = name_task,
                                       .judged = judged,
                                       .checked = checked,
                                       .arg = watch};

    if (watch == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    watch->node = node;
    watch->poller = poller_start(&means, err);
    if (watch->poller != NULL)
        return watch;
    free(watch);
    return NULL;
}

void server_watch_wake(struct server_watch *watch)
{
    if (watch != NULL)
        poller_wake(watch->poller);
}

void server_watch_stop(struct server_watch *watch)
{
    if (watch == NULL)
        return;
    poller_stop(watch->poller);
    free(watch);
}
