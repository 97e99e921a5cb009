/* The methods about the node's own certificates by purpose: list, show, regenerate, request. */
#include "base/clock.h"
#include "daemon/purpose_report.h"
#include "daemon/purpose_services.h"
#include "x509/names.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct purpose *purpose_of(const struct request *request, struct error *err)
{
    const char *name = request_text(request, "purpose", err);

    return name == NULL ? NULL : purpose_find(name, err);
}

/* Reads the stages, after making the first certificate where there is none. */
static int read_own(struct node *node, const struct purpose *purpose, struct purpose_state *state,
                    struct error *err)
{
    int failed;

    pthread_mutex_lock(&node->own_key->change);
    failed = purpose_ensure(node, purpose, err);
    pthread_mutex_unlock(&node->own_key->change);
    if (failed != 0 || purpose_read(node, purpose, state, err) != 0)
        return -1;
    if (state->in_service == NULL) {
        purpose_state_clear(state);
        return error_set(err, ERROR_NOT_FOUND, "there is no certificate of %s yet: start the services",
                         purpose->name);
    }
    purpose_services_first(node->purpose_services, purpose, state->in_service->certificate);
    return 0;
}

static void file_name(const struct purpose *purpose, const char *kind, char out[80])
{
    snprintf(out, 80, "%s/%s.%s", purpose->name, purpose->name, kind);
}

/* Which services use it, and which still use the one before. */
static void add_services(struct node *node, const struct purpose *purpose, X509 *certificate, json_t *row)
{
    json_t *used = json_array(), *stale = json_array();

    for (size_t i = 0; i < PURPOSE_SERVICES_MAX && purpose->services[i] != NULL; i++) {
        bool uses = purpose_service_uses(node->purpose_services, purpose->services[i], purpose, certificate);

        json_array_append_new(uses ? used : stale, json_string(purpose->services[i]));
    }
    json_object_set_new(row, "used_by", used);
    json_object_set_new(row, "restart", stale);
}

static int add_own(struct node *node, const struct purpose *purpose, bool all, json_t *rows,
                   struct error *err)
{
    struct purpose_state state;
    char name[80];
    json_t *row;

    if (read_own(node, purpose, &state, err) != 0)
        return -1;
    file_name(purpose, "pem", name);
    row = purpose_report(name, state.in_service->certificate, false);
    if (row != NULL) {
        json_object_set_new(row, "state", json_string("in service"));
        add_services(node, purpose, state.in_service->certificate, row);
        json_array_append_new(rows, row);
    }
    if (row != NULL && all && state.waiting != NULL &&
        (row = purpose_report(name, state.waiting->certificate, false)) != NULL) {
        json_object_set_new(row, "state", json_string("waiting for the restart"));
        add_services(node, purpose, state.waiting->certificate, row);
        json_array_append_new(rows, row);
    } else if (state.waiting != NULL && row != NULL) {
        json_object_set_new(row, "waiting", json_true());
    }
    purpose_state_clear(&state);
    return 0;
}

static int own_list(struct request *request, json_t **result, struct error *err)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < purpose_count; i++) {
        if (add_own(request->node, &purposes[i], false, rows, err) != 0) {
            json_decref(rows);
            return -1;
        }
        control_progress(request->job, json_pack("{s:i}", "percent", (int)((i + 1) * 100 / purpose_count)));
    }
    *result = json_pack("{s:o}", "certificates", rows);
    return 0;
}

static int own_show(struct request *request, json_t **result, struct error *err)
{
    const struct purpose *purpose = purpose_of(request, err);
    json_t *rows;

    if (purpose == NULL)
        return -1;
    rows = json_array();
    if (add_own(request->node, purpose, true, rows, err) != 0) {
        json_decref(rows);
        return -1;
    }
    *result = json_pack("{s:o}", "certificates", rows);
    return 0;
}

/* The kind of the new key: as asked for, otherwise that of the key in service. */
static int choose_kind(const struct request *request, const struct purpose *purpose, const EVP_PKEY *now,
                       struct key_kind *kind, struct error *err)
{
    const char *size = json_string_value(json_object_get(request->params, "size"));
    const struct key_kind first = purpose_key_kind(purpose);

    if (size != NULL) {
        if (key_size_parse(first.algorithm, size, kind, err) != 0)
            return -1;
        if (first.algorithm == KEY_RSA && kind->size > 4096)
            return error_set(err, ERROR_INVALID_ARGUMENT, "a key of %s has 2048, 3072 or 4096 bits",
                             purpose->name);
        return 0;
    }
    if (!key_kind_of(now, kind) || kind->algorithm != first.algorithm)
        *kind = first;
    return 0;
}

static json_t *services_of(const struct purpose *purpose)
{
    json_t *list = json_array();

    for (size_t i = 0; i < PURPOSE_SERVICES_MAX && purpose->services[i] != NULL; i++)
        json_array_append_new(list, json_string(purpose->services[i]));
    return list;
}

static json_t *change_json(const struct purpose *purpose)
{
    return json_pack("{s:s, s:o, s:b}", "purpose", purpose->name, "services", services_of(purpose), "ctl",
                     strncmp(purpose->name, "CallManager", 11) == 0 || strcmp(purpose->name, "CAPF") == 0 ||
                         strcmp(purpose->name, "ITLRecovery") == 0);
}

/* A key that cannot be opened any more is what regenerating is for. */
static int read_or_forget(struct node *node, const struct purpose *purpose, struct purpose_state *state,
                          struct error *err)
{
    struct error cause = {0};
    int failed = read_own(node, purpose, state, &cause);

    if (failed != 0 && cause.code == ERROR_UNTRUSTED) {
        pthread_mutex_lock(&node->own_key->change);
        failed = purpose_forget(node, purpose, err);
        pthread_mutex_unlock(&node->own_key->change);
        return failed != 0 ? -1 : read_own(node, purpose, state, err);
    }
    if (failed != 0)
        *err = cause;
    return failed;
}

static int regenerate(struct request *request, const struct purpose *purpose, json_t **result,
                      struct error *err)
{
    struct own_key *own = request->node->own_key;
    struct purpose_state state;
    struct key_kind kind;
    struct identity *made = NULL;
    int failed;

    if (read_or_forget(request->node, purpose, &state, err) != 0)
        return -1;
    failed = choose_kind(request, purpose, state.in_service->key, &kind, err);
    if (failed == 0) {
        made = purpose_make_certificate(request->node, purpose, &kind, err);
        failed = made == NULL ? -1 : 0;
    }
    if (failed == 0) {
        pthread_mutex_lock(&own->change);
        failed = purpose_keep_waiting(request, purpose, made, err);
        pthread_mutex_unlock(&own->change);
    }
    if (failed == 0)
        *result = change_json(purpose);
    identity_free(made);
    purpose_state_clear(&state);
    return failed;
}

static int purpose_regen(struct request *request, json_t **result, struct error *err)
{
    const struct purpose *purpose = purpose_of(request, err);

    return purpose == NULL ? -1 : regenerate(request, purpose, result, err);
}

/* --- signing requests */

static bool is_own_name(const GENERAL_NAMES *own, GENERAL_NAME *name)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(own); i++) {
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(own, i), name) == 0)
            return true;
    }
    return false;
}

/* The node's own names, and those of other servers where the purpose allows it. */
static GENERAL_NAMES *choose_names(const struct request *request, const struct purpose *purpose,
                                   struct error *err)
{
    const char *typed = json_string_value(json_object_get(request->params, "names"));
    GENERAL_NAMES *names = purpose_own_names(request->node, err);
    GENERAL_NAMES *more = names == NULL || typed == NULL ? NULL : x509_parse_names(typed, err);
    int failed = names == NULL || (typed != NULL && more == NULL);

    while (!failed && sk_GENERAL_NAME_num(more) > 0) {
        GENERAL_NAME *name = sk_GENERAL_NAME_shift(more);

        if (is_own_name(names, name)) {
            GENERAL_NAME_free(name);
        } else if (!purpose->multi_server) {
            failed =
                error_set(err, ERROR_INVALID_ARGUMENT,
                          "a signing request for %s names this server only; it cannot be a multi-server one",
                          purpose->name);
            GENERAL_NAME_free(name);
        } else if (sk_GENERAL_NAME_push(names, name) <= 0) {
            failed = error_set(err, ERROR_INTERNAL, "out of memory");
            GENERAL_NAME_free(name);
        }
    }
    GENERAL_NAMES_free(more);
    if (!failed)
        return names;
    GENERAL_NAMES_free(names);
    return NULL;
}

static int make_request(struct request *request, const struct purpose *purpose, const EVP_PKEY *now,
                        int64_t old_ms, json_t **result, struct error *err)
{
    struct own_key *own = request->node->own_key;
    struct key_kind kind;
    GENERAL_NAMES *names = NULL;
    struct pending *pending = NULL;
    int failed = choose_kind(request, purpose, now, &kind, err);

    if (failed == 0)
        names = choose_names(request, purpose, err);
    if (names != NULL)
        pending = purpose_make_request(request->node, purpose, &kind, names, err);
    failed = pending == NULL ? -1 : 0;
    if (failed == 0) {
        pthread_mutex_lock(&own->change);
        failed = purpose_keep_pending(request, purpose, pending, err);
        pthread_mutex_unlock(&own->change);
    }
    if (failed == 0)
        *result = json_pack("{s:s, s:I}", "purpose", purpose->name, "replaced_ms", (json_int_t)old_ms);
    pending_free(pending);
    GENERAL_NAMES_free(names);
    return failed;
}

static int csr_generate(struct request *request, json_t **result, struct error *err)
{
    const struct purpose *purpose = purpose_of(request, err);
    struct purpose_state state;
    int failed;

    if (purpose == NULL)
        return -1;
    if (!purpose->can_request) {
        error_set(err, ERROR_INVALID_ARGUMENT,
                  "there is no signing request for %s: its certificate is always self-signed", purpose->name);
        return error_hint(err, "make a new one with: set cert regen %s", purpose->name);
    }
    if (read_own(request->node, purpose, &state, err) != 0)
        return -1;
    failed = make_request(request, purpose, state.in_service->key,
                          state.pending != NULL ? state.pending->made_ms : 0, result, err);
    purpose_state_clear(&state);
    return failed;
}

static json_t *request_row(const struct purpose *purpose, const struct pending *pending)
{
    struct text subject = {0}, names = {0}, key = {0};
    char *pem = x509_request_to_pem(pending->request, NULL);
    char name[80];
    json_t *row;

    file_name(purpose, "csr", name);
    x509_request_subject(pending->request, &subject, NULL);
    x509_request_names(pending->request, &names, ", ");
    x509_add_key(&key, pending->key);
    row = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "name", name, "made_ms", (json_int_t)pending->made_ms,
                    "subject", subject.data != NULL ? subject.data : "", "names",
                    names.data != NULL ? names.data : "", "key", key.data != NULL ? key.data : "", "pem",
                    pem != NULL ? pem : "");
    text_free(&subject);
    text_free(&names);
    text_free(&key);
    free(pem);
    return row;
}

static int csr_list(struct request *request, json_t **result, struct error *err)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < purpose_count; i++) {
        struct purpose_state state;

        if (purpose_read(request->node, &purposes[i], &state, err) != 0) {
            json_decref(rows);
            return -1;
        }
        if (state.pending != NULL)
            json_array_append_new(rows, request_row(&purposes[i], state.pending));
        purpose_state_clear(&state);
    }
    *result = json_pack("{s:o}", "requests", rows);
    return 0;
}

static int csr_show(struct request *request, json_t **result, struct error *err)
{
    const struct purpose *purpose = purpose_of(request, err);
    struct purpose_state state;

    if (purpose == NULL || purpose_read(request->node, purpose, &state, err) != 0)
        return -1;
    if (state.pending == NULL) {
        purpose_state_clear(&state);
        error_set(err, ERROR_NOT_FOUND, "there is no signing request for %s", purpose->name);
        return error_hint(err, "make one with: set csr gen %s", purpose->name);
    }
    *result = json_pack("{s:[o]}", "requests", request_row(purpose, state.pending));
    purpose_state_clear(&state);
    return 0;
}

const struct method purpose_methods[] = {
    {"purpose.list", ACCOUNT_USER, 0, own_list},
    {"purpose.show", ACCOUNT_USER, 0, own_show},
    {"purpose.regen", ACCOUNT_ADMIN, METHOD_CHANGES, purpose_regen},
    {"csr.generate", ACCOUNT_ADMIN, METHOD_CHANGES, csr_generate},
    {"csr.list", ACCOUNT_USER, 0, csr_list},
    {"csr.show", ACCOUNT_USER, 0, csr_show},
};
const size_t purpose_method_count = sizeof(purpose_methods) / sizeof(purpose_methods[0]);
