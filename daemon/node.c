#include "daemon/node.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/version.h"
#include "base/wipe.h"
#include "daemon/backup.h"
#include "daemon/caller.h"
#include "daemon/configuration.h"
#include "daemon/daily.h"
#include "daemon/mailer.h"
#include "daemon/own_key.h"
#include "daemon/pair.h"
#include "daemon/purpose_services.h"
#include "daemon/report.h"
#include "daemon/repository.h"
#include "daemon/request.h"
#include "daemon/sandbox.h"
#include "daemon/saves.h"
#include "daemon/services.h"
#include "daemon/sessions.h"
#include "daemon/ssh_channel.h"
#include "daemon/workers.h"
#include "net/https_client.h"

#include <errno.h>
#include <event2/thread.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SIGTERM must have ended the node within 2 s */
#define STOP_SERVICES_MS 1000
#define STOP_WORKERS_MS 700

bool node_is_self(const struct node *node, const struct host_port *host)
{
    for (size_t i = 0; i < node->conf.listen_count && host->port == node->conf.port; i++) {
        char listen[HOST_TEXT_MAX];
        enum host_kind kind;

        if (host_parse(node->conf.listen[i], &kind, listen, NULL) == 0 && strcmp(listen, host->host) == 0)
            return true;
    }
    return false;
}

bool node_is_active(const struct node *node)
{
    struct store_txn *txn = store_read(node->store, NULL);
    bool active = txn == NULL || store_is_active(txn);

    store_end(txn);
    return active;
}

#define AGAIN_AFTER_MS 150 /* time for the answer that says so */

bool node_on_loop_thread(const struct node *node)
{
    return pthread_equal(pthread_self(), node->loop_thread);
}

static struct log *open_log(const struct node *node, const char *name, struct error *err)
{
    char path[PATH_MAX];

    if (node_path(node->home, name, path, sizeof(path), err) != 0)
        return NULL;
    return log_open(path, node->conf.log_level, err);
}

static int make_folders(const char *home, struct error *err)
{
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {{"keys", 0700}, {"log", 0750}, {"run", 0750}, {"repository", 0750}, {"history", 01770}};
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (node_path(home, folders[i].name, path, sizeof(path), err) != 0 ||
            file_make_folder(path, folders[i].mode, err) != 0)
            return -1;
        /* the umask takes from the group what the shells' user needs for the history */
        if (chmod(path, folders[i].mode) != 0)
            return error_set_errno(err, errno, "cannot set the mode of %s", path);
    }
    return ssh_prepare_home(home, err) != 0 ? -1 : repository_make_default(home, err);
}

static void take_request(void *arg, struct control_job *job)
{
    request_take(arg, job);
}

static void forget_session(void *arg, struct control_session *session)
{
    struct node *node = arg;

    sessions_remove(node->sessions, session);
    saves_forget(node->saves, session);
    caller_forget(session);
}

static bool is_missing(const struct node *node, const char *name)
{
    char path[PATH_MAX];

    return node_path(node->home, name, path, sizeof(path), NULL) == 0 && access(path, F_OK) != 0 &&
           errno == ENOENT;
}

/* The sealing key comes before the store, whenever the start is cut off: a store without one has lost it. */
static int open_store(struct node *node, struct error *err)
{
    bool is_new = is_missing(node, "store/data.mdb");
    bool had_keys = !is_missing(node, "keys/server.pem");

    if ((is_new && seal_make(node->home, err) != 0) || (node->seal = seal_open(node->home, err)) == NULL ||
        (node->store = store_open(node->home, STORE_WRITE, err)) == NULL)
        return -1;
    if (is_new && had_keys)
        log_write(
            node->application_log, LOG_LEVEL_WARNING,
            "there was no store beside this node's keys: it begins with an empty one. If the old one is "
            "lost, restore a backup");
    return 0;
}

static int open_node(struct node *node, struct error *err)
{
    struct daily *daily;
    struct control_handlers handlers = {.request = take_request, .closed = forget_session, .arg = node};

    if (make_folders(node->home, err) != 0)
        return -1;
    if ((node->application_log = open_log(node, NODE_APPLICATION_LOG, err)) == NULL ||
        (node->health_log = open_log(node, "log/health_monitor.log", err)) == NULL ||
        (node->audit_log = open_log(node, "log/audit.log", err)) == NULL)
        return -1;
    if ((node->application_report = report_new(node->application_log, err)) == NULL ||
        open_store(node, err) != 0)
        return -1;
    if ((node->sessions = sessions_new(err)) == NULL || (node->saves = saves_new(err)) == NULL ||
        (node->workers = workers_new(WORKERS_MAX, err)) == NULL ||
        (node->pair_workers = workers_new(WORKERS_PAIR_MAX, err)) == NULL ||
        (node->own_key = own_key_new(node, err)) == NULL || (node->pair = pair_new(node, err)) == NULL ||
        (node->services = services_new(node, err)) == NULL ||
        (node->purpose_services = purpose_services_new(node, err)) == NULL)
        return -1;
    node->base = event_base_new();
    if (node->base == NULL)
        return error_set(err, ERROR_INTERNAL, "cannot make the event loop");
    if (configuration_open(node, err) != 0 || services_start(node->services, err) != 0 ||
        (node->mailer = mailer_start(node, err)) == NULL || (daily = daily_start(node, err)) == NULL)
        return -1;
    node->daily = daily;
    purpose_services_start(node->purpose_services);
    handlers.log = node->application_log;
    node->control = control_server_new(node->base, node->home, &handlers, err);
    return node->control != NULL ? 0 : -1;
}

/* False if a task did not end in time: then nothing is freed, and the process must end as it is. */
static bool close_node(struct node *node)
{
    atomic_store(&node->stopping, true);
    if (!workers_stop(node->workers, STOP_WORKERS_MS) || !workers_stop(node->pair_workers, STOP_WORKERS_MS))
        return false;
    daily_stop(node->daily);
    mailer_stop(node->mailer);
    control_server_free(node->control);
    services_free(node->services);
    pair_free(node->pair);
    daily_free(node->daily); /* not before: the pair may wake it */
    purpose_services_free(node->purpose_services);
    own_key_free(node->own_key);
    sessions_free(node->sessions);
    saves_free(node->saves);
    configuration_close(node);
    if (node->base != NULL)
        event_base_free(node->base);
    if (node->store != NULL)
        store_close(node->store);
    mailer_free(node->mailer); /* not before: a job of the store may wake it */
    seal_close(node->seal);
    report_free(node->application_report);
    log_close(node->audit_log);
    log_close(node->health_log);
    log_close(node->application_log);
    return true;
}

static void end_loop(evutil_socket_t number, short what, void *arg)
{
    struct node *node = arg;

    (void)number;
    (void)what;
    event_base_loopbreak(node->base);
}

static void stop_services(void *arg)
{
    struct node *node = arg;

    services_stop(node->services, NULL);
    event_base_loopbreak(node->base);
}

/* The services stop while the loop still runs: the self check under way waits for an answer of this very
 * node. */
static void stop(evutil_socket_t number, short what, void *arg)
{
    const struct timeval limit = {.tv_sec = STOP_SERVICES_MS / 1000,
                                  .tv_usec = STOP_SERVICES_MS % 1000 * 1000};
    struct node *node = arg;

    (void)number;
    (void)what;
    if (atomic_exchange(&node->stopping, true))
        return;
    event_base_once(node->base, -1, EV_TIMEOUT, end_loop, node, &limit);
    if (workers_run(node->workers, stop_services, node, NULL) != 0)
        event_base_loopbreak(node->base);
}

void node_begin_again(struct node *node)
{
    const struct timeval soon = {.tv_usec = AGAIN_AFTER_MS * 1000};

    atomic_store(&node->again, true);
    event_base_once(node->base, -1, EV_TIMEOUT, stop, node, &soon);
}

static void reopen_logs(evutil_socket_t number, short what, void *arg)
{
    struct node *node = arg;

    (void)number;
    (void)what;
    log_reopen(node->application_log);
    log_reopen(node->health_log);
    log_reopen(node->audit_log);
}

static void serve(struct node *node)
{
    struct event *events[] = {
        evsignal_new(node->base, SIGTERM, stop, node),
        evsignal_new(node->base, SIGINT, stop, node),
        evsignal_new(node->base, SIGHUP, reopen_logs, node),
    };

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        event_add(events[i], NULL);
    event_base_dispatch(node->base);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        event_free(events[i]);
}

int node_run(const char *home, const struct node_conf *conf, int broker, void (*ready)(void *arg), void *arg,
             struct error *err)
{
    struct node node = {.home = home,
                        .conf = *conf,
                        .broker = broker,
                        .started_ms = clock_monotonic_ms(),
                        .loop_thread = pthread_self()};
    int result;

    signal(SIGPIPE, SIG_IGN);
    /* passphrases come through the control socket: neither its buffers nor the JSON in them may keep one */
    json_set_alloc_funcs(malloc, wipe_free);
    event_set_mem_functions(malloc, realloc, wipe_free);
    evthread_use_pthreads();
    https_client_init();
    result = open_node(&node, err);
    if (result == 0) {
        restore_clean(home);
        result = sandbox_enter(err);
    }
    if (result == 0) {
        log_write(node.application_log, LOG_LEVEL_INFO, PRODUCT_NAME " " PRODUCT_VERSION " is up, node %s",
                  store_node_id(node.store));
        ready(arg);
        serve(&node);
        log_write(node.application_log, LOG_LEVEL_INFO, PRODUCT_NAME " ends");
    } else {
        /* also on standard error, which may lead nowhere where primed begins again with a restored node */
        log_write(node.application_log, LOG_LEVEL_ERROR, PRODUCT_NAME " does not start: %s%s%s", err->message,
                  err->hint[0] != '\0' ? ". " : "", err->hint);
    }
    if (result == 0 && atomic_load(&node.again))
        result = NODE_AGAIN;
    if (!close_node(&node))
        _exit(result < 0 ? 1 : result);
    return result;
}
