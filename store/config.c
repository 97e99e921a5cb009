#include "store/config.h"

#include "store/record.h"
#include "store/setting.h"
#include "store/statement.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 512 /* of a setting's name, NUL included */
#define DEADLINE_NAME "probation/deadline-ms"

static const char *const prefixes[] = {
    [CONFIG_RUNNING] = "running/",
    [CONFIG_STARTUP] = "startup/",
    [CONFIG_BEFORE] = "before/",
};

static int key_of(enum config_area area, const char *name, char out[KEY_SIZE], struct error *err)
{
    if (snprintf(out, KEY_SIZE, "%s%s", prefixes[area], name) < KEY_SIZE)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "the name %.60s... is too long", name);
}

static const char *text_of(struct store_txn *txn, const uint8_t *value, size_t length)
{
    const char *text = arena_copy(&txn->arena, value, length);

    if (text == NULL)
        record_fail(txn, ENOMEM, "read");
    return text;
}

const char *config_get(struct store_txn *txn, enum config_area area, const char *name, struct error *err)
{
    char key[KEY_SIZE];
    const uint8_t *value;
    const char *text;
    size_t length;

    if (key_of(area, name, key, err) != 0 || setting_get(txn, key, &value, &length, err) != 0)
        return NULL;
    text = text_of(txn, value, length);
    if (text == NULL)
        record_status(txn, err);
    return text;
}

/* A walk over the names that are `name` or stand below it. */
struct walk {
    struct store_txn *txn;
    const char *name;
    int (*each)(void *arg, const char *name, const char *value);
    void *arg;
};

static int walk_one(void *arg, const char *rest, enum store_scope scope, const uint8_t *value, size_t length)
{
    const struct walk *walk = arg;
    size_t own = strlen(walk->name);
    const char *text;
    char *name;

    (void)scope;
    /* "ab" stands between "a" and "a/b", and is neither */
    if (own > 0 && rest[0] != '\0' && rest[0] != '/')
        return 0;
    name = arena_alloc(&walk->txn->arena, own + strlen(rest) + 1);
    text = text_of(walk->txn, value, length);
    if (name == NULL || text == NULL)
        return record_fail(walk->txn, ENOMEM, "read");
    memcpy(name, walk->name, own);
    memcpy(name + own, rest, strlen(rest) + 1);
    return walk->each(walk->arg, name, text);
}

int config_each(struct store_txn *txn, enum config_area area, const char *name,
                int (*each)(void *arg, const char *name, const char *value), void *arg, struct error *err)
{
    struct walk walk = {.txn = txn, .name = name, .each = each, .arg = arg};
    char key[KEY_SIZE];

    if (key_of(area, name, key, err) != 0 || setting_each(txn, key, walk_one, &walk, err) != 0)
        return -1;
    return record_status(txn, err);
}

static int put(struct store_txn *txn, enum config_area area, const char *name, const char *value,
               struct error *err)
{
    const struct statement *statement = statement_find(name);
    char key[KEY_SIZE];
    /* what is kept for a while is this node's own, whatever it says */
    enum store_scope scope = area == CONFIG_BEFORE || statement == NULL ? STORE_SCOPE_NODE : statement->scope;

    if (key_of(area, name, key, err) != 0)
        return -1;
    return setting_set(txn, key, scope, value, strlen(value), err);
}

int config_set(struct store_txn *txn, enum config_area area, const char *name, const char *value,
               struct error *err)
{
    if (statement_find(name) == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "there is no setting \"%.100s\"", name);
    return put(txn, area, name, value, err);
}

/* Names, and in a copy their values, taken before anything is changed: a cursor does not survive a write. */
struct pair {
    const char *name;
    const char *value;
    struct pair *next;
};

struct list {
    struct store_txn *txn;
    struct pair *first;
    struct pair **end;
};

static int collect(void *arg, const char *name, const char *value)
{
    struct list *list = arg;
    struct pair *pair = arena_alloc(&list->txn->arena, sizeof(*pair));

    if (pair == NULL)
        return record_fail(list->txn, ENOMEM, "read");
    *pair = (struct pair){.name = name, .value = value};
    *list->end = pair;
    list->end = &pair->next;
    return 0;
}

static int list_of(struct store_txn *txn, enum config_area area, const char *name, struct list *list,
                   struct error *err)
{
    *list = (struct list){.txn = txn};
    list->end = &list->first;
    return config_each(txn, area, name, collect, list, err);
}

static int remove_pairs(struct store_txn *txn, enum config_area area, const struct pair *pairs,
                        size_t *removed, struct error *err)
{
    for (; pairs != NULL; pairs = pairs->next) {
        char key[KEY_SIZE];

        if (key_of(area, pairs->name, key, err) != 0 || setting_delete(txn, key, err) != 0)
            return -1;
        if (removed != NULL)
            (*removed)++;
    }
    return 0;
}

int config_unset(struct store_txn *txn, enum config_area area, const char *name, size_t *removed,
                 struct error *err)
{
    struct list list;

    if (removed != NULL)
        *removed = 0;
    if (list_of(txn, area, name, &list, err) != 0)
        return -1;
    return remove_pairs(txn, area, list.first, removed, err);
}

/* What a standby runs of the pair's configuration is the active node's business. */
static void leave_out_pair(struct list *list)
{
    struct pair **link = &list->first;

    while (*link != NULL) {
        const struct statement *statement = statement_find((*link)->name);

        if (statement != NULL && statement->scope == STORE_SCOPE_PAIR)
            *link = (*link)->next;
        else
            link = &(*link)->next;
    }
}

int config_copy(struct store_txn *txn, enum config_area from, enum config_area to, struct error *err)
{
    struct list old, new;
    struct pair **gone = &old.first;
    const struct pair *pair;

    if (list_of(txn, to, "", &old, err) != 0 || list_of(txn, from, "", &new, err) != 0)
        return -1;
    if (to != CONFIG_BEFORE && !store_is_active(txn)) {
        leave_out_pair(&old);
        leave_out_pair(&new);
    }
    /* both lists are in the same order: what stays the same is left alone, the rest of the old goes */
    for (pair = new.first; pair != NULL; pair = pair->next) {
        while (*gone != NULL && strcmp((*gone)->name, pair->name) < 0)
            gone = &(*gone)->next;
        if (*gone != NULL && strcmp((*gone)->name, pair->name) == 0) {
            bool same = strcmp((*gone)->value, pair->value) == 0;

            *gone = (*gone)->next;
            if (same)
                continue;
        }
        if (put(txn, to, pair->name, pair->value, err) != 0)
            return -1;
    }
    return remove_pairs(txn, to, old.first, NULL, err);
}

int config_differ(struct store_txn *txn, enum config_area one, enum config_area other, bool *differ,
                  struct error *err)
{
    struct list first, second;
    const struct pair *a, *b;

    if (list_of(txn, one, "", &first, err) != 0 || list_of(txn, other, "", &second, err) != 0)
        return -1;
    for (a = first.first, b = second.first; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (strcmp(a->name, b->name) != 0 || strcmp(a->value, b->value) != 0)
            break;
    }
    *differ = a != NULL || b != NULL;
    return 0;
}

int config_probation_deadline(struct store_txn *txn, int64_t *deadline_ms, struct error *err)
{
    struct error cause = {0};
    const uint8_t *value;
    char text[32] = "";
    size_t length;

    *deadline_ms = 0;
    if (setting_get(txn, DEADLINE_NAME, &value, &length, &cause) == 0) {
        memcpy(text, value, length < sizeof(text) ? length : sizeof(text) - 1);
        *deadline_ms = strtoll(text, NULL, 10);
        return 0;
    }
    if (cause.code == ERROR_NOT_FOUND)
        return 0;
    if (err != NULL)
        *err = cause;
    return -1;
}

int config_probation_begin(struct store_txn *txn, int64_t deadline_ms, struct error *err)
{
    char text[32];
    int64_t other;

    if (config_probation_deadline(txn, &other, err) != 0)
        return -1;
    if (other != 0) {
        error_set(err, ERROR_CONFLICT, "a configuration waits to be confirmed already");
        return error_hint(err, "keep it with `configure confirm`, or go back with `configure revert`");
    }
    snprintf(text, sizeof(text), "%" PRId64, deadline_ms);
    if (config_copy(txn, CONFIG_RUNNING, CONFIG_BEFORE, err) != 0)
        return -1;
    return setting_set(txn, DEADLINE_NAME, STORE_SCOPE_NODE, text, strlen(text), err);
}

int config_probation_end(struct store_txn *txn, bool put_back, struct error *err)
{
    int64_t deadline_ms;

    if (config_probation_deadline(txn, &deadline_ms, err) != 0)
        return -1;
    if (deadline_ms == 0)
        return error_set(err, ERROR_NOT_FOUND, "no configuration waits to be confirmed");
    if (put_back && config_copy(txn, CONFIG_BEFORE, CONFIG_RUNNING, err) != 0)
        return -1;
    if (config_unset(txn, CONFIG_BEFORE, "", NULL, err) != 0)
        return -1;
    return setting_delete(txn, DEADLINE_NAME, err);
}
