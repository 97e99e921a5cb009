/* The methods about the configuration: set, unset, save, and the probation of a change. */
#include "base/base64.h"
#include "base/clock.h"
#include "daemon/configuration.h"
#include "daemon/request.h"
#include "store/config.h"
#include "store/statement.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MOST 32       /* names that one statement sets */
#define PROBATION_MIN_MS 500 /* less than that nobody can confirm */
#define PROBATION_MAX_MS (24 * 3600 * 1000)
#define SEALED_MAX (STATEMENT_SECRET_MAX + SEAL_OVERHEAD)

struct setting {
    char name[STATEMENT_NAME_SIZE];
    char *value; /* as it is kept; owned */
};

struct change {
    const char *replace; /* NULL, or what goes first, with all below it */
    struct setting settings[VALUES_MOST];
    size_t count;
};

static char *kept_copy(const char *text, struct error *err)
{
    char *copy = strdup(text);

    if (copy == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    return copy;
}

/* A secret in clear: judged, sealed under the setting's name, wiped. */
static char *seal_value(const struct node *node, const char *name, json_t *plain, struct error *err)
{
    char value[STATEMENT_VALUE_MAX];
    uint8_t sealed[SEALED_MAX];
    char text[BASE64_TEXT_SIZE(SEALED_MAX)];
    char *kept = NULL;
    size_t length;

    if (statement_check(name, json_string_value(plain), value, err) == 0) {
        length = strlen(value);
        if (seal_wrap(node->seal, name, value, length, sealed, err) == 0) {
            base64_encode(sealed, length + SEAL_OVERHEAD, text);
            kept = kept_copy(text, err);
        }
    }
    OPENSSL_cleanse(value, sizeof(value));
    OPENSSL_cleanse((char *)(uintptr_t)json_string_value(plain), json_string_length(plain));
    return kept;
}

/* A sealed secret, as a listing of this node shows it: it must open, and hold what a secret may be. */
static char *check_sealed(const struct node *node, const char *name, const char *text, struct error *err)
{
    uint8_t sealed[BASE64_TEXT_SIZE(SEALED_MAX)];
    char plain[SEALED_MAX + 1] = "";
    char value[STATEMENT_VALUE_MAX];
    char *kept = NULL;
    size_t length;

    if (strlen(text) >= sizeof(sealed) || !base64_decode(text, sealed, &length) || length > SEALED_MAX) {
        error_set(err, ERROR_INVALID_ARGUMENT, "%.40s... is not a sealed secret", text);
        return NULL;
    }
    if (seal_unwrap(node->seal, name, sealed, length, plain, err) == 0 &&
        statement_check(name, plain, value, err) == 0)
        kept = kept_copy(text, err);
    OPENSSL_cleanse(plain, sizeof(plain));
    OPENSSL_cleanse(value, sizeof(value));
    return kept;
}

static char *read_value(const struct node *node, const char *name, json_t *given, struct error *err)
{
    const struct statement *statement = statement_find(name);
    json_t *plain = json_object_get(given, "plain");
    const char *sealed = json_string_value(json_object_get(given, "sealed"));
    char value[STATEMENT_VALUE_MAX];

    if (statement != NULL && statement->secret && json_is_string(plain))
        return seal_value(node, name, plain, err);
    if (statement != NULL && statement->secret && sealed != NULL)
        return check_sealed(node, name, sealed, err);
    if ((statement != NULL && statement->secret) || !json_is_string(given)) {
        error_set(err, ERROR_INVALID_ARGUMENT, "the value of \"%.100s\" is missing", name);
        return NULL;
    }
    if (statement_check(name, json_string_value(given), value, err) != 0)
        return NULL;
    return kept_copy(value, err);
}

static int read_change(struct request *request, struct change *change, struct error *err)
{
    json_t *values = json_object_get(request->params, "values");
    const char *name;
    json_t *given;

    if (json_object_size(values) == 0 || json_object_size(values) > VALUES_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "config.set takes 1 to %d values", VALUES_MOST);
    change->replace = json_string_value(json_object_get(request->params, "replace"));
    json_object_foreach(values, name, given)
    {
        struct setting *setting = &change->settings[change->count];

        if (statement_name(name, json_string_value(given), setting->name, err) != 0)
            return -1;
        setting->value = read_value(request->node, setting->name, given, err);
        if (setting->value == NULL)
            return -1;
        change->count++;
    }
    return 0;
}

static int apply_change(struct store_txn *txn, void *arg, struct error *err)
{
    const struct change *change = arg;

    if (change->replace != NULL && config_unset(txn, CONFIG_RUNNING, change->replace, NULL, err) != 0)
        return -1;
    for (size_t i = 0; i < change->count; i++) {
        if (config_set(txn, CONFIG_RUNNING, change->settings[i].name, change->settings[i].value, err) != 0)
            return -1;
    }
    return 0;
}

static int set_values(struct request *request, json_t **result, struct error *err)
{
    struct change change = {0};
    int failed = read_change(request, &change, err);

    (void)result;
    if (failed == 0)
        failed = request_change(request, apply_change, &change, err);
    if (failed == 0)
        configuration_apply(request->node);
    for (size_t i = 0; i < change.count; i++)
        free(change.settings[i].value);
    return failed;
}

struct removal {
    char name[STATEMENT_NAME_SIZE];
    const char *missing; /* the sentence if it is not there; NULL: that is as well */
    const char *also;    /* goes with it; NULL: nothing */
};

static int remove_values(struct store_txn *txn, void *arg, struct error *err)
{
    const struct removal *removal = arg;
    size_t removed;

    if (config_unset(txn, CONFIG_RUNNING, removal->name, &removed, err) != 0 ||
        (removal->also != NULL && config_unset(txn, CONFIG_RUNNING, removal->also, NULL, err) != 0))
        return -1;
    if (removed == 0 && removal->missing != NULL)
        return error_set(err, ERROR_NOT_FOUND, "%s", removal->missing);
    return 0;
}

/* What was chosen by a person and is not there was mistyped; a setting that is not set is fine as it is. */
static void say_missing(const char *name, char *out, size_t size)
{
    const char *part = strchr(name, '/');

    out[0] = '\0';
    if (part == NULL)
        return;
    if (strncmp(name, "username/", 9) == 0 && strchr(part + 1, '/') == NULL)
        snprintf(out, size, "there is no account \"%s\" on this node", part + 1);
    else if (strncmp(name, "username/", 9) == 0)
        snprintf(out, size, "the account \"%.*s\" does not have that", (int)strcspn(part + 1, "/"), part + 1);
    else if (strncmp(name, "repository/", 11) == 0 && strchr(part + 1, '/') == NULL)
        snprintf(out, size, "the repository \"%s\" is not configured", part + 1);
}

static int unset_values(struct request *request, json_t **result, struct error *err)
{
    const char *name = request_text(request, "name", err);
    const char *value = json_string_value(json_object_get(request->params, "value"));
    char missing[256];
    struct removal removal = {.also = json_string_value(json_object_get(request->params, "also"))};

    (void)result;
    if (name == NULL)
        return -1;
    if (name[0] == '\0' || (removal.also != NULL && removal.also[0] == '\0'))
        return error_set(err, ERROR_INVALID_ARGUMENT, "config.unset needs a name");
    /* without a value the name goes as it is, with all below it */
    if (value != NULL && statement_name(name, value, removal.name, err) != 0)
        return -1;
    if (value == NULL && snprintf(removal.name, sizeof(removal.name), "%s", name) >= STATEMENT_NAME_SIZE)
        return error_set(err, ERROR_INVALID_ARGUMENT, "there is no setting of such a long name");
    say_missing(removal.name, missing, sizeof(missing));
    removal.missing = missing[0] != '\0' ? missing : NULL;
    if (request_change(request, remove_values, &removal, err) != 0)
        return -1;
    configuration_apply(request->node);
    return 0;
}

static int save(struct store_txn *txn, void *arg, struct error *err)
{
    int64_t deadline_ms;

    (void)arg;
    if (config_probation_deadline(txn, &deadline_ms, err) != 0)
        return -1;
    if (deadline_ms != 0) {
        error_set(err, ERROR_CONFLICT, "the running configuration waits to be confirmed and is not written");
        return error_hint(err, "keep it first with `configure confirm`, or go back with `configure revert`");
    }
    return config_copy(txn, CONFIG_RUNNING, CONFIG_STARTUP, err);
}

static int save_running(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return request_change(request, save, NULL, err);
}

static int begin(struct store_txn *txn, void *arg, struct error *err)
{
    const int64_t *deadline_ms = arg;

    return config_probation_begin(txn, *deadline_ms, err);
}

static int begin_probation(struct request *request, json_t **result, struct error *err)
{
    int64_t wait_ms = json_integer_value(json_object_get(request->params, "timeout_ms"));
    int64_t deadline_ms = clock_wall_ms() + wait_ms;

    if (wait_ms < PROBATION_MIN_MS || wait_ms > PROBATION_MAX_MS)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "a configuration is on probation for 0.01 to 1440 minutes");
    if (request_change(request, begin, &deadline_ms, err) != 0)
        return -1;
    configuration_watch(request->node);
    *result = json_pack("{s:I}", "deadline_ms", (json_int_t)deadline_ms);
    return 0;
}

static int end(struct store_txn *txn, void *arg, struct error *err)
{
    const bool *put_back = arg;

    return config_probation_end(txn, *put_back, err);
}

static int end_probation(struct request *request, bool put_back, struct error *err)
{
    if (request_change(request, end, &put_back, err) != 0)
        return -1;
    configuration_apply(request->node);
    configuration_watch(request->node);
    return 0;
}

static int confirm_probation(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return end_probation(request, false, err);
}

static int revert_probation(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return end_probation(request, true, err);
}

const struct method config_methods[] = {
    {"config.set", ACCOUNT_ADMIN, METHOD_CHANGES, set_values},
    {"config.unset", ACCOUNT_ADMIN, METHOD_CHANGES, unset_values},
    {"config.save", ACCOUNT_ADMIN, METHOD_CHANGES, save_running},
    {"config.probation", ACCOUNT_ADMIN, METHOD_CHANGES, begin_probation},
    {"config.confirm", ACCOUNT_ADMIN, METHOD_CHANGES, confirm_probation},
    {"config.revert", ACCOUNT_ADMIN, METHOD_CHANGES, revert_probation},
};
const size_t config_method_count = sizeof(config_methods) / sizeof(config_methods[0]);
