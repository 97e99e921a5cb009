#include "daemon/monitor.h"

#include "base/clock.h"
#include "daemon/pair.h"
#include "daemon/report.h"
#include "daemon/services.h"
#include "net/https_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MONITOR_THREAD "HealthMonitorThread"
#define MONITOR_TIMEOUT_MS 1500 /* of one self check: below the time in which primed must end */

enum check_state { CHECK_PENDING, CHECK_OK, CHECK_MISMATCH, CHECK_FAILED };

static const char *const check_names[] = {"pending", "match", "MISMATCH", "unreachable"};

struct check {
    struct trust_request request;
    enum check_state state;
    int64_t checked_ms; /* wall clock */
    char message[ERROR_TEXT_MAX];
};

struct monitor {
    struct node *node;
    struct report *report;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake;
    bool stopping;
    struct check checks[NODE_LISTEN_MAX];
    size_t check_count;
};

/* Keeps the result, and logs a state only when it changes. */
static void note(struct monitor *monitor, struct check *check, enum check_state state, const char *message)
{
    enum check_state before;
    char host[HOST_PORT_TEXT_MAX];

    pthread_mutex_lock(&monitor->lock);
    before = check->state;
    check->state = state;
    check->checked_ms = clock_wall_ms();
    snprintf(check->message, sizeof(check->message), "%s", message);
    pthread_mutex_unlock(&monitor->lock);
    host_port_format(&check->request.host, host);
    if (state == CHECK_OK && before != CHECK_OK)
        log_write(monitor->node->health_log, LOG_LEVEL_INFO, "[system] [%s] self check of %s succeeded",
                  MONITOR_THREAD, host);
    if (state == CHECK_FAILED && before != CHECK_FAILED)
        log_write(monitor->node->health_log, LOG_LEVEL_ERROR, "[system] [%s] self check failed: %s",
                  MONITOR_THREAD, message);
}

static void run_check(struct monitor *monitor, struct check *check)
{
    struct https_request request = {.trust = check->request,
                                    .method = "GET",
                                    .path = "/ha/v1/hello",
                                    .timeout_ms = MONITOR_TIMEOUT_MS,
                                    .identity = services_identity(monitor->node->services)};
    struct https_response response = {0};
    struct error err = {0};

    if (https_perform(monitor->node->store, &request, &response, &err) == 0) {
        snprintf(err.message, sizeof(err.message), "it answers with HTTP status %d", response.status);
        note(monitor, check, response.status == 200 ? CHECK_OK : CHECK_FAILED,
             response.status == 200 ? "" : err.message);
    } else if (err.code == ERROR_PIN_MISMATCH || err.code == ERROR_UNTRUSTED) {
        report_verdict(monitor->report, MONITOR_THREAD, &check->request, &response.verdict);
        note(monitor, check, CHECK_MISMATCH, err.message);
    } else {
        note(monitor, check, CHECK_FAILED, err.message);
    }
    https_response_free(&response);
}

/* False when it is time to end. */
static bool sleep_until_next(struct monitor *monitor)
{
    struct timespec until = clock_deadline(monitor->node->conf.monitor_interval_ms);
    bool stopping;

    pthread_mutex_lock(&monitor->lock);
    while (!monitor->stopping && pthread_cond_timedwait(&monitor->wake, &monitor->lock, &until) == 0)
        ;
    stopping = monitor->stopping;
    pthread_mutex_unlock(&monitor->lock);
    return !stopping;
}

static void *watch(void *arg)
{
    struct monitor *monitor = arg;

    do {
        for (size_t i = 0; i < monitor->check_count; i++)
            run_check(monitor, &monitor->checks[i]);
    } while (sleep_until_next(monitor));
    return NULL;
}

static void add_checks(struct monitor *monitor)
{
    const struct node_conf *conf = &monitor->node->conf;

    for (size_t i = 0; i < conf->listen_count; i++) {
        struct check *check = &monitor->checks[monitor->check_count++];

        check->request = (struct trust_request){.host.port = conf->port,
                                                .zone = TRUST_ZONE_SYSTEM,
                                                .mode = TRUST_PIN,
                                                .task = MONITOR_THREAD,
                                                .stays_on_node = true,
                                                .is_self = true};
        host_parse(conf->listen[i], &check->request.host.kind, check->request.host.host, NULL);
    }
}

struct monitor *monitor_start(struct node *node, struct error *err)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    pthread_condattr_t attributes;
    int failed;

    if (monitor == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    monitor->node = node;
    monitor->report = report_new(node->health_log, err);
    if (monitor->report == NULL) {
        free(monitor);
        return NULL;
    }
    pthread_mutex_init(&monitor->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&monitor->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    add_checks(monitor);
    failed = pthread_create(&monitor->thread, NULL, watch, monitor);
    if (failed == 0)
        return monitor;
    error_set_errno(err, failed, "cannot start the health monitor");
    report_free(monitor->report);
    free(monitor);
    return NULL;
}

void monitor_stop(struct monitor *monitor)
{
    if (monitor == NULL)
        return;
    pthread_mutex_lock(&monitor->lock);
    monitor->stopping = true;
    pthread_cond_signal(&monitor->wake);
    pthread_mutex_unlock(&monitor->lock);
    pthread_join(monitor->thread, NULL);
    pthread_cond_destroy(&monitor->wake);
    pthread_mutex_destroy(&monitor->lock);
    report_free(monitor->report);
    free(monitor);
}

json_t *monitor_state(struct monitor *monitor)
{
    json_t *list = json_array();
    json_t *peer;

    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < monitor->check_count; i++) {
        const struct check *check = &monitor->checks[i];
        char host[HOST_PORT_TEXT_MAX];

        host_port_format(&check->request.host, host);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:s}", "kind", "Self check", "host", host,
                                              "state", check_names[check->state], "checked_ms",
                                              (json_int_t)check->checked_ms, "message", check->message));
    }
    pthread_mutex_unlock(&monitor->lock);
    peer = pair_check(monitor->node->pair);
    if (peer != NULL)
        json_array_append_new(list, peer);
    return list;
}
