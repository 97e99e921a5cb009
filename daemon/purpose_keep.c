#include "daemon/purpose_keep.h"

#include "base/clock.h"
#include "daemon/purpose_shown.h"
#include "daemon/services.h"
#include "identity/sealed.h"
#include "store/purpose_end.h"
#include "store/setting.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RECORD_NAME_MAX 64
#define IN_SERVICE "in-service"
#define WAITING "waiting"
#define PENDING "pending"

bool purpose_is_https(const struct purpose *purpose)
{
    return strcmp(purpose->name, "tomcat") == 0;
}

static enum store_scope scope_of(const struct purpose *purpose)
{
    return strcmp(purpose->name, "authz") == 0 ? STORE_SCOPE_PAIR : STORE_SCOPE_NODE;
}

static void record_name(const struct purpose *purpose, const char *stage, char out[RECORD_NAME_MAX])
{
    snprintf(out, RECORD_NAME_MAX, "purpose/%s/%s", purpose->name, stage);
}

void purpose_state_clear(struct purpose_state *state)
{
    identity_free(state->in_service);
    identity_free(state->waiting);
    pending_free(state->pending);
    *state = (struct purpose_state){0};
}

/* 0 also where there is nothing, which leaves *out NULL. */
static int missing_is_fine(const void *found, const struct error *cause, struct error *err)
{
    if (found != NULL || cause->code == ERROR_NOT_FOUND || cause->code == ERROR_NONE)
        return 0;
    if (err != NULL)
        *err = *cause;
    return -1;
}

static int read_https(struct node *node, struct purpose_state *out, struct error *err)
{
    const char *folder = node->own_key->folder;
    struct error cause = {0};

    out->in_service = stage_in_service(folder, &cause);
    if (missing_is_fine(out->in_service, &cause, err) != 0)
        return -1;
    cause = (struct error){0};
    out->waiting = stage_waiting(folder, &cause);
    if (missing_is_fine(out->waiting, &cause, err) != 0)
        return -1;
    cause = (struct error){0};
    out->pending = stage_pending(folder, &cause);
    return missing_is_fine(out->pending, &cause, err);
}

static int read_sealed(struct store_txn *txn, const struct node *node, const struct purpose *purpose,
                       const char *stage, void **out, struct error *err)
{
    const struct seal *seal = node->own_key->seal;
    char name[RECORD_NAME_MAX];
    struct error cause = {0};
    const uint8_t *value;
    size_t length;

    record_name(purpose, stage, name);
    *out = NULL;
    if (setting_get(txn, name, &value, &length, &cause) == 0)
        *out = strcmp(stage, PENDING) == 0 ? (void *)pending_unseal(value, length, seal, name, &cause)
                                           : (void *)identity_unseal(value, length, seal, name, &cause);
    if (*out == NULL && cause.code == ERROR_UNTRUSTED)
        error_hint(&cause, "make a new key with: set cert regen %s", purpose->name);
    return missing_is_fine(*out, &cause, err);
}

int purpose_read(struct node *node, const struct purpose *purpose, struct purpose_state *out,
                 struct error *err)
{
    struct store_txn *txn;
    void *in_service = NULL, *waiting = NULL, *pending = NULL;
    int failed;

    *out = (struct purpose_state){0};
    if (purpose_is_https(purpose)) {
        failed = read_https(node, out, err);
    } else {
        txn = store_read(node->store, err);
        failed = txn == NULL || read_sealed(txn, node, purpose, IN_SERVICE, &in_service, err) != 0 ||
                         read_sealed(txn, node, purpose, WAITING, &waiting, err) != 0 ||
                         read_sealed(txn, node, purpose, PENDING, &pending, err) != 0
                     ? -1
                     : 0;
        if (txn != NULL)
            store_end(txn);
        *out = (struct purpose_state){in_service, waiting, pending};
    }
    if (failed != 0)
        purpose_state_clear(out);
    return failed;
}

/* --- one job: what is written and deleted, and what the trust stores show */

struct keep_value {
    char name[RECORD_NAME_MAX];
    uint8_t *sealed; /* NULL: delete it, where it is there */
    size_t length;
};

struct keep_job {
    const struct node *node;
    const struct purpose *purpose;
    struct keep_value values[3];
    size_t count;
    X509 *shown; /* the certificate in service from now on; NULL: the trust stores stay as they are */
};

static int add_value(struct keep_job *job, const char *stage, uint8_t *sealed, size_t length)
{
    struct keep_value *value = &job->values[job->count++];

    record_name(job->purpose, stage, value->name);
    value->sealed = sealed;
    value->length = length;
    return 0;
}

static int add_identity(struct keep_job *job, const char *stage, const struct identity *identity,
                        struct error *err)
{
    char name[RECORD_NAME_MAX];
    size_t length;
    uint8_t *sealed;

    record_name(job->purpose, stage, name);
    sealed = identity_seal(identity, job->node->own_key->seal, name, &length, err);
    return sealed == NULL ? -1 : add_value(job, stage, sealed, length);
}

static void clear_job(struct keep_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        free(job->values[i].sealed);
}

/* For who asks when it ends, and cannot open the sealed record. */
static int note_end(struct store_txn *txn, const struct keep_job *job, struct error *err)
{
    struct purpose_end end = {.purpose = job->purpose->name, .since_ms = clock_wall_ms()};
    struct certificate_facts *facts = x509_describe(job->shown, err);
    int failed = -1;

    if (facts != NULL) {
        end.subject_slash = facts->subject_slash;
        end.not_after_ms = facts->not_after_ms;
        failed = purpose_end_set(txn, &end, err);
    }
    x509_facts_free(facts);
    return failed;
}

static int show_certificate(struct store_txn *txn, const struct keep_job *job, struct error *err)
{
    if (purpose_shown_put(txn, store_node_id(job->node->store), job->purpose, job->shown, err) != 0)
        return -1;
    return purpose_is_https(job->purpose) ? 0 : note_end(txn, job, err);
}

static int run_keep(struct store_txn *txn, void *arg, struct error *err)
{
    const struct keep_job *job = arg;

    for (size_t i = 0; i < job->count; i++) {
        const struct keep_value *value = &job->values[i];
        struct error cause = {0};

        if (value->sealed != NULL) {
            if (setting_set(txn, value->name, scope_of(job->purpose), value->sealed, value->length, err) != 0)
                return -1;
        } else if (setting_delete(txn, value->name, &cause) != 0 && cause.code != ERROR_NOT_FOUND) {
            *err = cause;
            return -1;
        }
    }
    return job->shown == NULL ? 0 : show_certificate(txn, job, err);
}

static int run_job(struct node *node, struct request *request, struct keep_job *job, struct error *err)
{
    int failed = request != NULL ? request_change(request, run_keep, job, err)
                                 : store_run(node->store, run_keep, job, err);

    clear_job(job);
    return failed;
}

/* --- changes */

int purpose_ensure(struct node *node, const struct purpose *purpose, struct error *err)
{
    struct keep_job job = {.node = node, .purpose = purpose};
    struct identity *made;
    struct purpose_state state;
    int failed = purpose_read(node, purpose, &state, err);
    bool there = failed == 0 && state.in_service != NULL;

    purpose_state_clear(&state);
    if (failed != 0 || there || purpose_is_https(purpose))
        return failed;
    made = purpose_make_certificate(node, purpose, NULL, err);
    if (made == NULL)
        return -1;
    job.shown = made->certificate;
    failed = add_identity(&job, IN_SERVICE, made, err) != 0 ? -1 : run_job(node, NULL, &job, err);
    identity_free(made);
    return failed;
}

int purpose_forget(struct node *node, const struct purpose *purpose, struct error *err)
{
    struct keep_job job = {.node = node, .purpose = purpose};

    if (purpose_is_https(purpose))
        return 0;
    add_value(&job, IN_SERVICE, NULL, 0);
    add_value(&job, WAITING, NULL, 0);
    add_value(&job, PENDING, NULL, 0);
    return run_job(node, NULL, &job, err);
}

int purpose_keep_waiting(struct request *request, const struct purpose *purpose,
                         const struct identity *identity, struct error *err)
{
    struct keep_job job = {.node = request->node, .purpose = purpose};
    bool at_once = purpose->holder == NULL;

    if (purpose_is_https(purpose))
        return stage_wait(identity, request->node->own_key->folder, err);
    if (at_once)
        job.shown = identity->certificate;
    if (add_identity(&job, at_once ? IN_SERVICE : WAITING, identity, err) != 0)
        return -1;
    return run_job(request->node, request, &job, err);
}

int purpose_keep_pending(struct request *request, const struct purpose *purpose,
                         const struct pending *pending, struct error *err)
{
    struct keep_job job = {.node = request->node, .purpose = purpose};
    char name[RECORD_NAME_MAX];
    uint8_t *sealed;
    size_t length;

    if (purpose_is_https(purpose))
        return stage_pend(pending->key, pending->request, request->node->own_key->folder, err);
    record_name(purpose, PENDING, name);
    sealed = pending_seal(pending, request->node->own_key->seal, name, &length, err);
    if (sealed == NULL)
        return -1;
    add_value(&job, PENDING, sealed, length);
    return run_job(request->node, request, &job, err);
}

static int show_state(struct node *node, const struct purpose *purpose, const struct purpose_state *state,
                      struct error *err)
{
    struct keep_job job = {.node = node, .purpose = purpose};

    if (state->in_service == NULL)
        return 0;
    job.shown = state->in_service->certificate;
    return run_job(node, NULL, &job, err);
}

int purpose_show(struct node *node, const struct purpose *purpose, struct error *err)
{
    struct purpose_state state;
    int failed = purpose_read(node, purpose, &state, err);

    if (failed == 0)
        failed = show_state(node, purpose, &state, err);
    purpose_state_clear(&state);
    return failed;
}

static int put_in_service(struct node *node, const struct purpose *purpose, const struct purpose_state *state,
                          struct error *err)
{
    struct keep_job job = {.node = node, .purpose = purpose, .shown = state->waiting->certificate};

    if (add_identity(&job, IN_SERVICE, state->waiting, err) != 0)
        return -1;
    add_value(&job, WAITING, NULL, 0);
    if (state->pending != NULL && EVP_PKEY_eq(state->pending->key, state->waiting->key) == 1)
        add_value(&job, PENDING, NULL, 0);
    ERR_clear_error();
    return run_job(node, NULL, &job, err);
}

int purpose_promote(struct node *node, const struct purpose *purpose, bool *promoted, struct error *err)
{
    struct purpose_state state;
    int failed = purpose_read(node, purpose, &state, err);
    bool waits = failed == 0 && state.waiting != NULL && !purpose_is_https(purpose);

    if (failed == 0)
        failed = waits ? put_in_service(node, purpose, &state, err) : show_state(node, purpose, &state, err);
    *promoted = failed == 0 && waits;
    purpose_state_clear(&state);
    return failed;
}
