#include "store/account.h"

#include "store/config.h"
#include "store/statement.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 256

const char *account_role_name(enum account_role role)
{
    return role == ACCOUNT_ADMIN ? "admin" : "user";
}

int account_get(struct store_txn *txn, const char *name, struct account *out, struct error *err)
{
    struct error cause = {0};
    char setting[NAME_SIZE];
    const char *role;

    if (statement_check_user(name, err) != 0)
        return -1;
    snprintf(setting, sizeof(setting), "username/%s/role", name);
    role = config_get(txn, CONFIG_RUNNING, setting, &cause);
    if (role == NULL) {
        if (cause.code == ERROR_NOT_FOUND)
            return error_set(err, ERROR_NOT_FOUND, "there is no account \"%s\" on this node", name);
        if (err != NULL)
            *err = cause;
        return -1;
    }
    *out = (struct account){.role = strcmp(role, "admin") == 0 ? ACCOUNT_ADMIN : ACCOUNT_USER};
    snprintf(out->name, sizeof(out->name), "%s", name);
    snprintf(setting, sizeof(setting), "username/%s/system", name);
    out->system = config_get(txn, CONFIG_RUNNING, setting, &cause) != NULL;
    return 0;
}

int account_has_key(struct store_txn *txn, const char *name, const char *key, struct error *err)
{
    char setting[NAME_SIZE];

    snprintf(setting, sizeof(setting), "username/%s/sshkey/%s", name, key);
    if (config_get(txn, CONFIG_RUNNING, setting, err) != NULL)
        return 0;
    if (err != NULL && err->code == ERROR_NOT_FOUND)
        error_set(err, ERROR_NOT_FOUND, "the account \"%s\" does not have this SSH key any more", name);
    return -1;
}

struct key_walk {
    int (*each)(void *arg, const char *account, const char *key, const char *value);
    void *arg;
};

static int take_key(void *arg, const char *name, const char *value)
{
    const struct key_walk *walk = arg;
    const char *account = strchr(name, '/') + 1;
    const char *rest = strchr(account, '/');
    char copy[ACCOUNT_NAME_SIZE];

    if (rest == NULL || strncmp(rest, "/sshkey/", 8) != 0)
        return 0;
    snprintf(copy, sizeof(copy), "%.*s", (int)(rest - account), account);
    return walk->each(walk->arg, copy, rest + 8, value);
}

int account_each_key(struct store_txn *txn,
                     int (*each)(void *arg, const char *account, const char *key, const char *value),
                     void *arg, struct error *err)
{
    struct key_walk walk = {.each = each, .arg = arg};

    return config_each(txn, CONFIG_RUNNING, "username", take_key, &walk, err);
}
