#include "daemon/services.h"

#include "base/clock.h"
#include "daemon/broker.h"
#include "daemon/configuration.h"
#include "daemon/loop.h"
#include "daemon/monitor.h"
#include "daemon/own_key.h"
#include "daemon/pair.h"
#include "daemon/purpose_services.h"
#include "daemon/server_watch.h"
#include "identity/identity.h"
#include "net/client_auth.h"
#include "net/https_server.h"
#include "net/tls.h"
#include "store/expiry.h"
#include "store/setting.h"
#include "store/tls_setting.h"
#include "trust/trust.h"
#include "x509/bundle.h"
#include "x509/x509.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct services {
    struct node *node;
    pthread_mutex_t lock; /* held through a start or a stop */
    bool running;
    int64_t since_ms; /* wall clock */
    struct identity *identity;
    SSL_CTX *context;
    struct client_auth *client_auth; /* NULL: callers need no certificate */
    int sockets[NODE_LISTEN_MAX];
    size_t socket_count;
    struct https_server *server;
    struct monitor *monitor;
    struct server_watch *server_watch;
};

struct services *services_new(struct node *node, struct error *err)
{
    struct services *services = calloc(1, sizeof(*services));

    if (services == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    services->node = node;
    pthread_mutex_init(&services->lock, NULL);
    return services;
}

/* What phones fetch: public, and signed. As Cisco TFTP loaded it when it was started last. */
static void answer_ctl(struct services *services, struct https_exchange *exchange)
{
    size_t length = 0;
    char *file = purpose_services_ctl(services->node->purpose_services, &length);

    if (file == NULL)
        https_reply(exchange, 404, NULL, NULL, 0);
    else
        https_reply(exchange, 200, "application/octet-stream", file, length);
    free(file);
}

static void serve(void *arg, struct https_exchange *exchange)
{
    const struct services *services = arg;

    if (pair_take(services->node->pair, exchange))
        return;
    if (strcmp(https_exchange_path(exchange), "/CTLFile.tlv") == 0 &&
        strcmp(https_exchange_method(exchange), "GET") == 0)
        answer_ctl(arg, exchange);
    else
        https_reply(exchange, 404, NULL, NULL, 0);
}

struct self_pins {
    const struct services *services;
    struct host_port hosts[NODE_LISTEN_MAX];
};

/* For the list of ends, which a shell reads without primed. */
static int note_own(struct store_txn *txn, const uint8_t sha256[FINGERPRINT_SIZE], struct error *err)
{
    const uint8_t *noted;
    size_t length;

    if (setting_get(txn, OWN_CERTIFICATE_SETTING, &noted, &length, NULL) == 0 && length == FINGERPRINT_SIZE &&
        memcmp(noted, sha256, FINGERPRINT_SIZE) == 0)
        return 0;
    return setting_set(txn, OWN_CERTIFICATE_SETTING, STORE_SCOPE_NODE, sha256, FINGERPRINT_SIZE, err);
}

static int pin_self(struct store_txn *txn, void *arg, struct error *err)
{
    const struct self_pins *self = arg;
    uint8_t sha256[FINGERPRINT_SIZE];

    for (size_t i = 0; i < self->services->node->conf.listen_count; i++) {
        if (trust_pin_self(txn, &self->hosts[i], self->services->identity->certificate, err) != 0)
            return -1;
    }
    if (x509_fingerprint(self->services->identity->certificate, sha256, err) != 0)
        return -1;
    return note_own(txn, sha256, err);
}

static int follow_own_certificate(struct services *services, struct error *err)
{
    const struct node_conf *conf = &services->node->conf;
    struct self_pins self = {.services = services};

    for (size_t i = 0; i < conf->listen_count; i++) {
        if (host_parse(conf->listen[i], &self.hosts[i].kind, self.hosts[i].host, err) != 0)
            return -1;
        self.hosts[i].port = conf->port;
    }
    return store_run(services->node->store, pin_self, &self, err);
}

static int open_sockets(struct services *services, struct error *err)
{
    for (unsigned i = 0; i < services->node->conf.listen_count; i++) {
        int fd = broker_listen(services->node->broker, i, err);

        if (fd < 0)
            return -1;
        services->sockets[services->socket_count++] = fd;
    }
    return 0;
}

struct server_call {
    struct services *services;
    struct error *err;
};

static void make_server(void *arg)
{
    struct server_call *call = arg;
    struct services *services = call->services;
    const struct https_server_limits limits = {.log = services->node->application_log};

    services->server = https_server_new(services->node->base, services->sockets, services->socket_count,
                                        services->context, &limits, serve, services, call->err);
    if (services->server != NULL)
        services->socket_count = 0; /* the server's now */
}

static void end_server(void *arg)
{
    struct services *services = arg;

    https_server_free(services->server);
    services->server = NULL;
}

/* The loop's thread may touch the server itself; it does so only while the loop does not run. */
static void on_loop(struct services *services, void (*fn)(void *arg), void *arg)
{
    if (node_on_loop_thread(services->node))
        fn(arg);
    else
        loop_call(services->node->base, fn, arg);
}

/* Undoes whatever of a start is there. */
static void tear_down(struct services *services)
{
    pair_halt(services->node->pair); /* first: it wakes the others */
    server_watch_stop(services->server_watch);
    services->server_watch = NULL;
    monitor_stop(services->monitor);
    services->monitor = NULL;
    if (services->server != NULL)
        on_loop(services, end_server, services);
    pair_close(services->node->pair);
    while (services->socket_count > 0)
        close(services->sockets[--services->socket_count]);
    SSL_CTX_free(services->context);
    services->context = NULL;
    client_auth_free(services->client_auth);
    services->client_auth = NULL;
    identity_free(services->identity);
    services->identity = NULL;
    services->running = false;
}

/* Has the server ask for client certificates, where that is wanted. */
static int ask_clients(struct services *services, struct error *err)
{
    struct node *node = services->node;
    STACK_OF(X509) * anchors;
    bool wanted;

    if (own_key_client_wanted(node, &wanted, err) != 0)
        return -1;
    if (!wanted) {
        tls_server_ask_clients(services->context); /* the other node of a pair shows who it is */
        return 0;
    }
    anchors = own_key_ca_certificates(node, err);
    if (anchors == NULL)
        return -1;
    services->client_auth = client_auth_require(services->context, services->identity, anchors, node->store,
                                                node->conf.port, node->application_log, err);
    x509_bundle_free(anchors);
    return services->client_auth != NULL ? 0 : -1;
}

/* What an admin chose with `tls-server-versions`. */
static int set_versions(struct services *services, struct error *err)
{
    struct store_txn *txn = store_read(services->node->store, err);
    struct tls_versions versions;
    int failed;

    if (txn == NULL)
        return -1;
    failed = tls_setting_get(txn, &versions, err);
    store_end(txn);
    return failed != 0 ? -1 : tls_server_set_versions(services->context, &versions, err);
}

static int bring_up(struct services *services, struct error *err)
{
    struct server_call call = {services, err};

    if (configuration_load(services->node, err) != 0)
        return -1;
    services->identity = own_key_start(services->node->own_key, err);
    if (services->identity == NULL)
        return -1;
    services->context = tls_server_context(services->identity, err);
    if (services->context == NULL || set_versions(services, err) != 0 || ask_clients(services, err) != 0 ||
        tls_server_hear_refusals(services->context, pair_refusals(services->node->pair), err) != 0 ||
        open_sockets(services, err) != 0 || follow_own_certificate(services, err) != 0 ||
        pair_open(services->node->pair, services->identity, err) != 0)
        return -1;
    on_loop(services, make_server, &call);
    if (services->server == NULL)
        return -1;
    services->monitor = monitor_start(services->node, err);
    if (services->monitor == NULL)
        return -1;
    services->server_watch = server_watch_start(services->node, err);
    return services->server_watch != NULL ? pair_run(services->node->pair, err) : -1;
}

int services_start(struct services *services, struct error *err)
{
    int result;

    pthread_mutex_lock(&services->lock);
    if (services->running) {
        result = error_set(err, ERROR_CONFLICT, "the services are running already");
    } else {
        result = bring_up(services, err);
        if (result != 0)
            tear_down(services);
        else
            services->since_ms = clock_wall_ms();
        services->running = result == 0;
    }
    pthread_mutex_unlock(&services->lock);
    if (result == 0)
        log_write(services->node->application_log, LOG_LEVEL_INFO, "services started");
    return result;
}

int services_stop(struct services *services, struct error *err)
{
    int result = 0;

    pthread_mutex_lock(&services->lock);
    if (services->running)
        tear_down(services);
    else
        result = error_set(err, ERROR_CONFLICT, "the services are stopped already");
    services->since_ms = clock_wall_ms();
    pthread_mutex_unlock(&services->lock);
    if (result == 0)
        log_write(services->node->application_log, LOG_LEVEL_INFO, "services stopped");
    return result;
}

void services_free(struct services *services)
{
    if (services == NULL)
        return;
    if (services->running)
        services_stop(services, NULL);
    pthread_mutex_destroy(&services->lock);
    free(services);
}

const struct identity *services_identity(const struct services *services)
{
    return services->identity;
}

struct identity *services_identity_copy(struct services *services)
{
    struct identity *copy = NULL;

    pthread_mutex_lock(&services->lock);
    if (services->running && (copy = calloc(1, sizeof(*copy))) != NULL) {
        copy->certificate = services->identity->certificate;
        copy->chain = services->identity->chain == NULL ? NULL : X509_chain_up_ref(services->identity->chain);
        X509_up_ref(copy->certificate);
    }
    pthread_mutex_unlock(&services->lock);
    return copy;
}

void services_wake_watch(struct services *services)
{
    /* held through a start or a stop, which may be waiting for this very thread; the poller asks anew soon */
    if (pthread_mutex_trylock(&services->lock) != 0)
        return;
    server_watch_wake(services->server_watch);
    pthread_mutex_unlock(&services->lock);
}

bool services_ask_clients(struct services *services)
{
    bool asked;

    pthread_mutex_lock(&services->lock);
    asked = services->client_auth != NULL;
    pthread_mutex_unlock(&services->lock);
    return asked;
}

static void add_identity(json_t *state, X509 *certificate)
{
    struct certificate_facts *facts = x509_describe(certificate, NULL);
    char sha256[FINGERPRINT_TEXT_MAX];

    if (facts == NULL)
        return;
    fingerprint_format(facts->sha256, sha256);
    json_object_set_new(state, "subject", json_string(facts->subject_slash));
    json_object_set_new(state, "sha256", json_string(sha256));
    x509_facts_free(facts);
}

json_t *services_state(struct services *services)
{
    const struct node_conf *conf = &services->node->conf;
    json_t *state;
    json_t *listen = json_array();

    for (size_t i = 0; i < conf->listen_count; i++)
        json_array_append_new(listen, json_string(conf->listen[i]));
    pthread_mutex_lock(&services->lock);
    state = json_pack("{s:b, s:I, s:i, s:o}", "running", services->running, "since_ms",
                      (json_int_t)services->since_ms, "port", conf->port, "listen", listen);
    if (services->running) {
        add_identity(state, services->identity->certificate);
        json_object_set_new(state, "self_checks", monitor_state(services->monitor));
    }
    json_object_set_new(state, "pair", pair_status(services->node->pair));
    pthread_mutex_unlock(&services->lock);
    return state;
}
