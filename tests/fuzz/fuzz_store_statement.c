/* Values of the configuration and vouchers, from arbitrary bytes. */
#include "base/text.h"
#include "store/statement.h"
#include "store/vouch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "hostname",          "domain-name",      "timezone",
    "log-level",         "platform-release", "username/a/role",
    "username/a/system", "repository/a/url", "repository/a/user",
    "mail-server/host",  "mail-server/port", "mail-server/username",
    "mail-server/from",  "repository/a",     "username/a/sshkey/00",
};

/* What is accepted is one printable line, and is accepted again as it is kept. */
static void check(const char *name, const char *value)
{
    char kept[STATEMENT_VALUE_MAX], again[STATEMENT_VALUE_MAX];
    struct error err = {0};

    if (statement_check(name, value, kept, &err) != 0) {
        if (!text_is_utf8(err.message, strlen(err.message)) && text_is_utf8(value, strlen(value)))
            abort();
        return;
    }
    if (!text_is_printable(kept, strlen(kept)) || strchr(kept, '\n') != NULL)
        abort();
    if (statement_check(name, kept, again, NULL) != 0 || strcmp(kept, again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *typed = strndup((const char *)data, size);
    char account[ACCOUNT_NAME_SIZE], key[STATEMENT_KEY_NAME_SIZE];

    if (typed == NULL)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check(names[i], typed);
    statement_find(typed);
    if (statement_key_name(typed, key, NULL) == 0 && strlen(key) != sizeof(key) - 1)
        abort();
    if (voucher_account(typed, account, key) && statement_check_user(account, NULL) != 0)
        abort();
    free(typed);
    return 0;
}
