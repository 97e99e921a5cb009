/* The methods about the node's own key: making one, showing the stages, going back. */
#include "base/clock.h"
#include "base/file.h"
#include "daemon/key_answers.h"
#include "daemon/own_key.h"
#include "daemon/place.h"
#include "daemon/repository.h"
#include "daemon/request.h"
#include "daemon/services.h"
#include "x509/names.h"
#include "x509/request.h"
#include "x509/x509.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Served now, or what the next start would serve if nothing waited. */
static struct identity *in_service(const struct node *node, struct error *err)
{
    struct identity *identity = services_identity_copy(node->services);

    return identity != NULL ? identity : stage_in_service(node->own_key->folder, err);
}

static int key_defaults(struct request *request, json_t **result, struct error *err)
{
    struct identity *identity = in_service(request->node, err);
    json_t *state;

    if (identity == NULL)
        return -1;
    *result = key_plan_defaults(identity->certificate);
    identity_free(identity);
    state = services_state(request->node->services);
    json_object_set(*result, "running", json_object_get(state, "running"));
    json_decref(state);
    return 0;
}

/* A piece of text as a JSON string; the text is emptied. */
static json_t *take_json(struct text *text)
{
    json_t *string = json_string(text->data != NULL ? text->data : "");

    text_free(text);
    return string;
}

static json_t *subject_json(const X509_NAME *subject)
{
    X509_REQ *shown = X509_REQ_new(); /* its subject is written in the form of all listings */
    struct text text = {0};

    if (shown != NULL && X509_REQ_set_subject_name(shown, subject) == 1)
        x509_request_subject(shown, &text, NULL);
    X509_REQ_free(shown);
    return take_json(&text);
}

/* When the request that is pending now was made; 0: none is. */
static int64_t pending_since(const struct own_key *own)
{
    struct pending *pending = stage_pending(own->folder, NULL);
    int64_t made_ms = pending != NULL ? pending->made_ms : 0;

    pending_free(pending);
    return made_ms;
}

static json_t *plan_json(const struct request *request, const struct key_plan *plan)
{
    char hostname[HOST_TEXT_MAX];
    const struct node_names names = own_key_names(request->node, hostname);
    struct text shown = {0}, missing = {0};
    char size[KEY_SIZE_TEXT_MAX];
    json_t *json = json_object();

    json_object_set_new(json, "subject", subject_json(plan->subject));
    x509_add_names(&shown, plan->names, ",");
    json_object_set_new(json, "names", take_json(&shown));
    accept_uncovered(plan->names, &names, &missing);
    json_object_set_new(json, "uncovered", take_json(&missing));
    key_size_format(&plan->kind, size);
    json_object_set_new(json, "algorithm", json_string(key_algorithm_name(plan->kind.algorithm)));
    json_object_set_new(json, "size", json_string(size));
    if (plan->csr != NULL)
        json_object_set_new(json, "pending_since_ms",
                            json_integer((json_int_t)pending_since(request->node->own_key)));
    return json;
}

/* What generate would do with these answers. Changes nothing. */
static int key_plan(struct request *request, json_t **result, struct error *err)
{
    struct identity *identity = in_service(request->node, err);
    struct key_plan plan = {0};
    int failed;

    if (identity == NULL)
        return -1;
    failed = key_plan_make(request, identity->certificate, &plan, err);
    if (failed == 0)
        *result = plan_json(request, &plan);
    key_plan_clear(&plan);
    identity_free(identity);
    return failed;
}

static bool is_stopping(void *arg)
{
    const struct node *node = arg;

    return node->stopping;
}

/* The request as a draft in its repository, on disk but for its name. */
static int draft_request(struct request *request, const struct key_plan *plan, X509_REQ *made,
                         struct repository_draft *draft, struct error *err)
{
    struct repository_path path;
    char *pem = NULL;
    int result = -1;

    if (place_here(request, plan->repository, plan->csr, PLACE_WRITTEN, &path, err) != 0 ||
        (pem = x509_request_to_pem(made, err)) == NULL)
        return -1;
    if (repository_draft_begin(request->node->home, &path, true, draft, err) == 0) {
        if (file_write_all(draft->fd, pem, strlen(pem)) == 0 && fsync(draft->fd) == 0) {
            result = 0;
        } else {
            error_set_errno(err, errno, "cannot write %s in repository %s", plan->csr, plan->repository);
            repository_draft_abandon(draft);
        }
    }
    free(pem);
    return result;
}

/* The request lies in its repository only once its key is safe, and the other way round: what fails before
 * the last step leaves both as they were. */
static int keep_request(struct request *request, const struct key_plan *plan, EVP_PKEY *key, json_t *json,
                        struct error *err)
{
    struct own_key *own = request->node->own_key;
    X509_REQ *made = x509_make_request(key, plan->subject, plan->names, err);
    struct repository_draft draft;
    int result = -1;

    if (made != NULL && draft_request(request, plan, made, &draft, err) == 0) {
        pthread_mutex_lock(&own->change);
        json_object_set_new(json, "replaced_ms", json_integer((json_int_t)pending_since(own)));
        result = stage_pend(key, made, own->folder, err);
        pthread_mutex_unlock(&own->change);
        if (result == 0)
            result = repository_draft_commit(&draft, err);
        else
            repository_draft_abandon(&draft);
    }
    X509_REQ_free(made);
    return result;
}

static bool something_waits(const struct own_key *own)
{
    struct identity *waiting = stage_waiting(own->folder, NULL);

    identity_free(waiting);
    return waiting != NULL;
}

static int keep_self_signed(struct request *request, const struct key_plan *plan, EVP_PKEY *key, json_t *json,
                            struct error *err)
{
    struct own_key *own = request->node->own_key;
    struct identity *identity;
    int result = -1;

    EVP_PKEY_up_ref(key);
    identity = identity_self_signed(key, plan->subject, plan->names, 0, err);
    if (identity != NULL && own_key_check_servable(identity, err) == 0) {
        pthread_mutex_lock(&own->change);
        json_object_set_new(json, "replaced_waiting", json_boolean(something_waits(own)));
        result = stage_wait(identity, own->folder, err);
        pthread_mutex_unlock(&own->change);
    }
    identity_free(identity);
    return result;
}

static int generate(struct request *request, const struct key_plan *plan, json_t **result, struct error *err)
{
    struct own_key *own = request->node->own_key;
    json_t *json = plan_json(request, plan);
    EVP_PKEY *key = NULL;
    int failed = own_key_begin(own, &plan->kind, err);

    if (failed == 0) {
        key = key_generate(&plan->kind, is_stopping, request->node, err);
        if (key == NULL)
            failed = -1;
        else if (plan->csr != NULL)
            failed = keep_request(request, plan, key, json, err);
        else
            failed = keep_self_signed(request, plan, key, json, err);
        EVP_PKEY_free(key);
        own_key_end(own);
    }
    if (failed == 0)
        *result = json;
    else
        json_decref(json);
    return failed;
}

static int key_make(struct request *request, json_t **result, struct error *err)
{
    struct identity *identity = in_service(request->node, err);
    struct key_plan plan = {0};
    int failed = identity == NULL ? -1 : key_plan_make(request, identity->certificate, &plan, err);

    if (failed == 0)
        failed = generate(request, &plan, result, err);
    key_plan_clear(&plan);
    identity_free(identity);
    return failed;
}

static json_t *identity_row(const char *state, const struct identity *identity)
{
    struct certificate_facts *facts = x509_describe(identity->certificate, NULL);
    char sha256[FINGERPRINT_TEXT_MAX];
    json_t *row;

    if (facts == NULL)
        return json_pack("{s:s, s:s}", "state", state, "problem", "the certificate cannot be described");
    fingerprint_format(facts->sha256, sha256);
    row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:i}", "state", state, "subject",
                    facts->subject_slash, "issuer", facts->issuer_oneline, "serial", facts->serial, "names",
                    facts->names, "key", facts->key, "not_before_ms", (json_int_t)facts->not_before_ms,
                    "not_after_ms", (json_int_t)facts->not_after_ms, "sha256", sha256, "chain",
                    sk_X509_num(identity->chain) > 0 ? sk_X509_num(identity->chain) : 0);
    x509_facts_free(facts);
    return row;
}

/* Takes the identity over. One that is there but cannot be read is shown with why. */
static void add_stage(json_t *rows, const char *state, struct identity *identity, const struct error *why)
{
    if (identity != NULL)
        json_array_append_new(rows, identity_row(state, identity));
    else if (why->code != ERROR_NOT_FOUND)
        json_array_append_new(rows, json_pack("{s:s, s:s}", "state", state, "problem", why->message));
    identity_free(identity);
}

static void add_pending(json_t *rows, const struct own_key *own)
{
    struct error why = {0};
    struct pending *pending = stage_pending(own->folder, &why);
    struct text subject = {0}, names = {0}, key = {0};
    json_t *row;

    if (pending == NULL) {
        add_stage(rows, "pending", NULL, &why);
        return;
    }
    x509_request_subject(pending->request, &subject, NULL);
    x509_request_names(pending->request, &names, ", ");
    x509_add_key(&key, pending->key);
    row = json_pack("{s:s, s:I}", "state", "pending", "since_ms", (json_int_t)pending->made_ms);
    json_object_set_new(row, "subject", take_json(&subject));
    json_object_set_new(row, "names", take_json(&names));
    json_object_set_new(row, "key", take_json(&key));
    json_array_append_new(rows, row);
    pending_free(pending);
}

static void add_generating(json_t *rows, struct own_key *own)
{
    char key[64], size[KEY_SIZE_TEXT_MAX];

    pthread_mutex_lock(&own->lock);
    if (own->generating) {
        key_size_format(&own->kind, size);
        snprintf(key, sizeof(key), "%s%s%s%s", key_algorithm_name(own->kind.algorithm),
                 size[0] != '\0' ? ", " : "", size, own->kind.algorithm == KEY_RSA ? " bits" : "");
        json_array_append_new(rows, json_pack("{s:s, s:s, s:I}", "state", "generating", "key", key,
                                              "since_ms", (json_int_t)own->since_ms));
    }
    pthread_mutex_unlock(&own->lock);
}

static int key_show(struct request *request, json_t **result, struct error *err)
{
    struct own_key *own = request->node->own_key;
    struct error why = {0};
    struct identity *identity;
    json_t *rows;
    bool wanted;

    if (own_key_client_wanted(request->node, &wanted, err) != 0)
        return -1;
    rows = json_array();
    pthread_mutex_lock(&own->change);
    identity = in_service(request->node, &why);
    add_stage(rows, "in-service", identity, &why);
    identity = stage_waiting(own->folder, &why);
    add_stage(rows, "waiting", identity, &why);
    add_pending(rows, own);
    identity = stage_previous(own->folder, own->seal, &why);
    add_stage(rows, "previous", identity, &why);
    pthread_mutex_unlock(&own->change);
    add_generating(rows, own);
    *result = json_pack("{s:o, s:b, s:b}", "keys", rows, "authenticate_client", wanted,
                        "authenticate_client_in_service", services_ask_clients(request->node->services));
    return 0;
}

/* What waits is withdrawn; where nothing waits, what was in service before is to be again. */
static int roll_back(struct own_key *own, json_t **result, struct error *err)
{
    struct error cause = {0};
    struct identity *previous;
    int failed = stage_withdraw(own->folder, &cause);

    if (failed == 0) {
        *result = json_pack("{s:s}", "done", "withdrawn");
        return 0;
    }
    if (cause.code != ERROR_NOT_FOUND) {
        *err = cause;
        return -1;
    }
    previous = stage_previous(own->folder, own->seal, &cause);
    if (previous == NULL && cause.code == ERROR_NOT_FOUND)
        return error_set(err, ERROR_NOT_FOUND, "nothing waits for the restart, and no earlier key is kept");
    if (previous == NULL) {
        *err = cause;
        return -1;
    }
    failed = own_key_check_servable(previous, err);
    if (failed == 0)
        failed = stage_wait(previous, own->folder, err);
    if (failed == 0)
        *result =
            json_pack("{s:s, s:o}", "done", "restored", "certificate", identity_row("waiting", previous));
    identity_free(previous);
    return failed;
}

static int key_rollback(struct request *request, json_t **result, struct error *err)
{
    struct own_key *own = request->node->own_key;
    int failed;

    pthread_mutex_lock(&own->change);
    failed = roll_back(own, result, err);
    pthread_mutex_unlock(&own->change);
    return failed;
}

const struct method key_methods[] = {
    {"key.defaults", ACCOUNT_ADMIN, 0, key_defaults},
    {"key.plan", ACCOUNT_ADMIN, 0, key_plan},
    {"key.generate", ACCOUNT_ADMIN, METHOD_CHANGES, key_make},
    {"key.show", ACCOUNT_USER, 0, key_show},
    {"key.rollback", ACCOUNT_ADMIN, METHOD_CHANGES, key_rollback},
};
const size_t key_method_count = sizeof(key_methods) / sizeof(key_methods[0]);
