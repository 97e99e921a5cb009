#include "daemon/purpose_services.h"

#include "base/clock.h"
#include "daemon/ctl_file.h"
#include "daemon/services.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define TOMCAT "Cisco Tomcat"
#define TFTP "Cisco TFTP"
#define SYNC_AGENT "Cisco Intercluster Sync Agent"
#define PURPOSES_MAX 24
#define SERVICES_MAX 24

struct loaded {
    bool has; /* false: the purpose had no certificate yet */
    uint8_t sha256[FINGERPRINT_SIZE];
};

struct purpose_services {
    struct node *node;
    pthread_mutex_t restart; /* held through a restart: one at a time */
    pthread_mutex_t lock;    /* over what follows */
    int64_t since_ms[SERVICES_MAX];
    struct loaded loaded[SERVICES_MAX][PURPOSES_MAX];
    char *ctl;
    size_t ctl_length;
};

struct purpose_services *purpose_services_new(struct node *node, struct error *err)
{
    struct purpose_services *services = calloc(1, sizeof(*services));

    if (services == NULL || purpose_count > PURPOSES_MAX || purpose_service_count > SERVICES_MAX) {
        free(services);
        error_set(err, ERROR_INTERNAL, "no room for the services of the certificates");
        return NULL;
    }
    services->node = node;
    pthread_mutex_init(&services->restart, NULL);
    pthread_mutex_init(&services->lock, NULL);
    return services;
}

void purpose_services_free(struct purpose_services *services)
{
    if (services == NULL)
        return;
    pthread_mutex_destroy(&services->restart);
    pthread_mutex_destroy(&services->lock);
    free(services->ctl);
    free(services);
}

static size_t index_of(const char *service)
{
    for (size_t i = 0; i < purpose_service_count; i++) {
        if (strcmp(purpose_services[i].name, service) == 0)
            return i;
    }
    return SERVICES_MAX - 1;
}

static void load_certificate(struct purpose_services *services, size_t service, const struct purpose *purpose,
                             X509 *certificate)
{
    struct loaded *loaded = &services->loaded[service][purpose - purposes];

    pthread_mutex_lock(&services->lock);
    loaded->has = x509_fingerprint(certificate, loaded->sha256, NULL) == 0;
    pthread_mutex_unlock(&services->lock);
}

void purpose_services_first(struct purpose_services *services, const struct purpose *purpose,
                            const X509 *certificate)
{
    for (size_t i = 0; i < purpose_service_count; i++) {
        bool has;

        pthread_mutex_lock(&services->lock);
        has = services->loaded[i][purpose - purposes].has;
        pthread_mutex_unlock(&services->lock);
        if (!has && purpose_is_used_by(purpose, purpose_services[i].name))
            load_certificate(services, i, purpose, (X509 *)(uintptr_t)certificate);
    }
}

bool purpose_service_uses(struct purpose_services *services, const char *service,
                          const struct purpose *purpose, const X509 *certificate)
{
    const struct loaded *loaded = &services->loaded[index_of(service)][purpose - purposes];
    uint8_t sha256[FINGERPRINT_SIZE];
    bool uses;

    if (x509_fingerprint((X509 *)(uintptr_t)certificate, sha256, NULL) != 0)
        return false;
    pthread_mutex_lock(&services->lock);
    uses = loaded->has && memcmp(loaded->sha256, sha256, FINGERPRINT_SIZE) == 0;
    pthread_mutex_unlock(&services->lock);
    return uses;
}

static void load_ctl(struct purpose_services *services)
{
    char *data = NULL;
    size_t length = 0;

    if (ctl_file_read(services->node, &data, &length, NULL) != 0)
        data = NULL;
    pthread_mutex_lock(&services->lock);
    free(services->ctl);
    services->ctl = data;
    services->ctl_length = length;
    pthread_mutex_unlock(&services->lock);
}

char *purpose_services_ctl(struct purpose_services *services, size_t *length)
{
    char *copy = NULL;

    pthread_mutex_lock(&services->lock);
    if (services->ctl != NULL && (copy = malloc(services->ctl_length + 1)) != NULL) {
        memcpy(copy, services->ctl, services->ctl_length);
        *length = services->ctl_length;
    }
    pthread_mutex_unlock(&services->lock);
    return copy;
}

/* The new certificates of the purposes it holds; Tomcat's own is taken by the HTTPS service itself. */
static int promote_held(struct purpose_services *services, const char *service, struct error *err)
{
    struct own_key *own = services->node->own_key;
    int failed = 0;

    for (size_t i = 0; failed == 0 && i < purpose_count; i++) {
        const struct purpose *purpose = &purposes[i];
        bool holds = purpose->holder != NULL && strcmp(purpose->holder, service) == 0;
        bool shows = strcmp(service, SYNC_AGENT) == 0 && strncmp(purpose->name, "tomcat", 6) == 0;
        bool promoted;

        if (!holds && !shows)
            continue;
        pthread_mutex_lock(&own->change);
        if (holds || purpose_is_https(purpose))
            failed = purpose_promote(services->node, purpose, &promoted, err);
        else
            failed = purpose_show(services->node, purpose, err);
        pthread_mutex_unlock(&own->change);
        if (failed == 0 && holds && promoted)
            log_write(services->node->application_log, LOG_LEVEL_INFO,
                      "the new certificate of %s is in service now, by the restart of %s", purpose->name,
                      service);
    }
    return failed;
}

/* What it uses from now on. */
static int load_used(struct purpose_services *services, size_t index, struct error *err)
{
    const char *service = purpose_services[index].name;

    for (size_t i = 0; i < purpose_count; i++) {
        struct purpose_state state;

        if (!purpose_is_used_by(&purposes[i], service))
            continue;
        if (purpose_read(services->node, &purposes[i], &state, err) != 0)
            return -1;
        if (state.in_service != NULL)
            load_certificate(services, index, &purposes[i], state.in_service->certificate);
        purpose_state_clear(&state);
    }
    if (strcmp(service, TFTP) == 0)
        load_ctl(services);
    pthread_mutex_lock(&services->lock);
    services->since_ms[index] = clock_wall_ms();
    pthread_mutex_unlock(&services->lock);
    return 0;
}

static int restart_https(struct purpose_services *services, struct error *err)
{
    struct error cause = {0};

    if (services_stop(services->node->services, &cause) != 0 && cause.code != ERROR_CONFLICT) {
        *err = cause;
        return -1;
    }
    return services_start(services->node->services, err);
}

int purpose_service_restart(struct purpose_services *services, const struct purpose_service *service,
                            void (*step)(void *arg, const char *state), void *arg, struct error *err)
{
    bool https = strcmp(service->name, TOMCAT) == 0;
    int failed = 0;

    pthread_mutex_lock(&services->restart);
    step(arg, "STARTING");
    if (https)
        failed = restart_https(services, err);
    if (failed == 0)
        failed = promote_held(services, service->name, err);
    step(arg, "STARTING");
    if (failed == 0)
        failed = load_used(services, index_of(service->name), err);
    if (failed == 0)
        step(arg, "STARTED");
    pthread_mutex_unlock(&services->restart);
    if (failed == 0)
        log_write(services->node->application_log, LOG_LEVEL_INFO, "the service %s was restarted",
                  service->name);
    return failed;
}

void purpose_services_start(struct purpose_services *services)
{
    pthread_mutex_lock(&services->restart);
    /* first all that hold certificates, then all that use them */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < purpose_service_count; i++) {
            struct error cause = {0};
            int failed = round == 0 ? promote_held(services, purpose_services[i].name, &cause)
                                    : load_used(services, i, &cause);

            if (failed != 0)
                log_write(services->node->application_log, LOG_LEVEL_ERROR,
                          "the service %s starts without a certificate of its own: %s",
                          purpose_services[i].name, cause.message);
        }
    }
    pthread_mutex_unlock(&services->restart);
}

void purpose_services_show(struct purpose_services *services)
{
    pthread_mutex_t *change = &services->node->own_key->change;

    for (size_t i = 0; i < purpose_count; i++) {
        struct error cause = {0};
        int failed;

        pthread_mutex_lock(change);
        failed = purpose_show(services->node, &purposes[i], &cause);
        pthread_mutex_unlock(change);
        if (failed != 0)
            log_write(services->node->application_log, LOG_LEVEL_ERROR,
                      "the certificate of %s is not in the trust stores: %s", purposes[i].name,
                      cause.message);
    }
}

static json_t *purposes_of(const char *service)
{
    json_t *list = json_array();

    for (size_t i = 0; i < purpose_count; i++) {
        if (purpose_is_used_by(&purposes[i], service))
            json_array_append_new(list, json_string(purposes[i].name));
    }
    return list;
}

json_t *purpose_services_list(struct purpose_services *services)
{
    json_t *state = services_state(services->node->services);
    bool https = json_is_true(json_object_get(state, "running"));
    json_t *list = json_array();

    pthread_mutex_lock(&services->lock);
    for (size_t i = 0; i < purpose_service_count; i++) {
        const char *name = purpose_services[i].name;
        bool runs = https || strcmp(name, TOMCAT) != 0;

        json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:o}", "service", name, "state", runs ? "STARTED" : "STOPPED",
                            "since_ms", (json_int_t)services->since_ms[i], "purposes", purposes_of(name)));
    }
    pthread_mutex_unlock(&services->lock);
    json_decref(state);
    return list;
}
