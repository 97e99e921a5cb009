#include "store/statement.h"

#include "store/statement_value.h"

#include <stdio.h>
#include <string.h>

#define USER_NAME_MAX 32 /* letters; useradd(8)'s own limit */
#define REPOSITORY_NAME_MAX 64

static const struct statement statements[] = {
    {"hostname", STORE_SCOPE_NODE, false, statement_value_hostname},
    {"domain-name", STORE_SCOPE_PAIR, false, statement_value_domain},
    {"timezone", STORE_SCOPE_NODE, false, statement_value_zone},
    {"log-level", STORE_SCOPE_PAIR, false, statement_value_log_level},
    {"platform-release", STORE_SCOPE_PAIR, false, statement_value_release},
    {"username/*/role", STORE_SCOPE_PAIR, false, statement_value_role},
    {"username/*/system", STORE_SCOPE_PAIR, false, statement_value_yes},
    {"username/*/sshkey/*", STORE_SCOPE_PAIR, false, statement_value_key},
    {"repository/*", STORE_SCOPE_PAIR, false, statement_value_empty},
    {"repository/*/url", STORE_SCOPE_PAIR, false, statement_value_url},
    {"repository/*/user", STORE_SCOPE_PAIR, false, statement_value_word},
    {"repository/*/password", STORE_SCOPE_PAIR, true, statement_value_secret},
    {"mail-server/host", STORE_SCOPE_PAIR, false, statement_value_host},
    {"mail-server/port", STORE_SCOPE_PAIR, false, statement_value_port},
    {"mail-server/username", STORE_SCOPE_PAIR, false, statement_value_word},
    {"mail-server/password", STORE_SCOPE_PAIR, true, statement_value_secret},
    {"mail-server/from", STORE_SCOPE_PAIR, false, statement_value_mail_address},
    {"mail-server/to", STORE_SCOPE_PAIR, false, statement_value_mail_list},
    {"mail-server/starttls", STORE_SCOPE_PAIR, false, statement_value_yes},
    {"ha/secondary-server", STORE_SCOPE_PAIR, false, statement_value_host},
    {"ha/email-address", STORE_SCOPE_PAIR, false, statement_value_mail_list},
    {"ha/failover-type", STORE_SCOPE_PAIR, false, statement_value_failover_type},
    {"ha/virtual-ipv4", STORE_SCOPE_PAIR, false, statement_value_virtual_ipv4},
    {"ha/virtual-ipv6", STORE_SCOPE_PAIR, false, statement_value_virtual_ipv6},
    {"ha/heartbeat-interval", STORE_SCOPE_PAIR, false, statement_value_heartbeat_interval},
    {"ha/heartbeat-misses", STORE_SCOPE_PAIR, false, statement_value_heartbeat_misses},
    {"ha/witness", STORE_SCOPE_PAIR, false, statement_value_host},
};

bool statement_fits(const char *pattern, const char *name)
{
    for (;;) {
        size_t asked = strcspn(pattern, "/"), given = strcspn(name, "/");
        bool any = asked == 1 && pattern[0] == '*' && given > 0;

        if (!any && (asked != given || memcmp(pattern, name, asked) != 0))
            return false;
        pattern += asked;
        name += given;
        if (*pattern != *name)
            return false;
        if (*pattern == '\0')
            return true;
        pattern++;
        name++;
    }
}

const struct statement *statement_find(const char *name)
{
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        if (statement_fits(statements[i].name, name))
            return &statements[i];
    }
    return NULL;
}

static int check_name(const char *name, const char *letters, size_t most, const char *what, struct error *err)
{
    size_t length = strlen(name);

    if (length > 0 && length <= most && strspn(name, letters) == length && name[0] != '-' && name[0] != '.')
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.*s is not the name of %s: at most %zu letters, digits "
                     "and any of . _ -, beginning with a letter or digit",
                     SHOWN(name), what, most);
}

int statement_check_user(const char *name, struct error *err)
{
    return check_name(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                      USER_NAME_MAX, "a user", err);
}

int statement_check_repository(const char *name, struct error *err)
{
    return check_name(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                      REPOSITORY_NAME_MAX, "a repository", err);
}

/* The second part of the name, where the pattern leaves it open. */
static int check_open_part(const char *name, struct error *err)
{
    const char *start = strchr(name, '/');
    char part[WORD_MAX] = "";

    if (start == NULL)
        return 0;
    snprintf(part, sizeof(part), "%.*s", (int)strcspn(start + 1, "/"), start + 1);
    if (strncmp(name, "username/", 9) == 0)
        return statement_check_user(part, err);
    return strncmp(name, "repository/", 11) == 0 ? statement_check_repository(part, err) : 0;
}

int statement_check(const char *name, const char *value, char out[STATEMENT_VALUE_MAX], struct error *err)
{
    const struct statement *statement = statement_find(name);

    if (statement == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "there is no setting \"%.*s\"", SHOWN(name));
    return check_open_part(name, err) != 0 ? -1 : statement->check(value, out, STATEMENT_VALUE_MAX, err);
}
