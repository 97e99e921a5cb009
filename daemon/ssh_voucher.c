/* What sshd asks while it judges a key: sshd_config(5), AuthorizedKeysCommand; sshd(8), authorized_keys. */
#include "daemon/ssh_voucher.h"

#include "base/program.h"
#include "base/text.h"
#include "store/account.h"
#include "store/vouch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asking {
    const struct seal *seal;
    const char *algorithm;
    const char *key;
    char digest[STATEMENT_KEY_NAME_SIZE];
    char program[PATH_MAX];
    char home[PATH_MAX];
    struct process sshd;
    char origin[VOUCHER_ORIGIN_SIZE];
    struct error *err;
    bool failed;
};

/* One word for the shell that runs the forced command, inside the quotes of authorized_keys. */
static void add_quoted(struct text *line, const char *word)
{
    text_add_string(line, "'");
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            text_add_string(line, "'\\''");
        else if (*word == '"')
            text_add_string(line, "\\\"");
        else
            text_add(line, word, 1);
    }
    text_add_string(line, "'");
}

static int print_line(struct asking *asking, const char *voucher)
{
    struct text line = {0};

    text_add_string(&line, "restrict,pty,command=\"exec ");
    add_quoted(&line, asking->program);
    text_add_string(&line, " --home ");
    add_quoted(&line, asking->home);
    text_format(&line, " --session %s\" %s %s\n", voucher, asking->algorithm, asking->key);
    if (!line.failed)
        fputs(line.data, stdout);
    text_free(&line);
    return 0;
}

static int offer(void *arg, const char *account, const char *key, const char *value)
{
    struct asking *asking = arg;
    struct voucher voucher = {.sshd = asking->sshd};
    char text[VOUCHER_TEXT_SIZE];

    (void)value;
    if (strcmp(key, asking->digest) != 0)
        return 0;
    snprintf(voucher.account, sizeof(voucher.account), "%s", account);
    snprintf(voucher.key, sizeof(voucher.key), "%s", key);
    snprintf(voucher.origin, sizeof(voucher.origin), "%s", asking->origin);
    if (voucher_write(asking->seal, &voucher, text, asking->err) != 0) {
        asking->failed = true;
        return 1;
    }
    return print_line(asking, text);
}

static int find_around(struct asking *asking, const char *home, struct error *err)
{
    if (program_beside("primesh", asking->program, sizeof(asking->program), err) != 0)
        return -1;
    if (realpath(home, asking->home) == NULL)
        return error_set(err, ERROR_NOT_FOUND, "cannot find the home %.200s", home);
    /* sshd runs this program itself: what is above it is the process that will run the session */
    if (!process_find(getppid(), &asking->sshd, NULL) || asking->sshd.pid <= 1)
        return error_set(err, ERROR_DENIED, "this is to be run by sshd");
    return 0;
}

static int answer(const char *home, struct asking *asking, struct error *err)
{
    struct store *store = store_open(home, STORE_READ, err);
    struct store_txn *txn = NULL;
    struct seal *seal = NULL;
    int failed = -1;

    if (store == NULL)
        return -1;
    asking->err = err;
    seal = seal_open(home, err);
    asking->seal = seal;
    if (seal != NULL && (txn = store_read(store, err)) != NULL)
        failed = account_each_key(txn, offer, asking, err);
    if (txn != NULL)
        store_end(txn);
    seal_close(seal);
    store_close(store);
    return failed != 0 || asking->failed ? -1 : 0;
}

int ssh_print_authorized_keys(const char *home, const char *algorithm, const char *key, const char *origin)
{
    struct asking asking = {.algorithm = algorithm, .key = key};
    struct error err = {0};
    char value[STATEMENT_VALUE_MAX];

    if (origin != NULL)
        snprintf(asking.origin, sizeof(asking.origin), "%.*s", (int)strcspn(origin, " "), origin);
    if (snprintf(value, sizeof(value), "%s %s", algorithm, key) < (int)sizeof(value) &&
        statement_key_name(value, asking.digest, &err) == 0 && find_around(&asking, home, &err) == 0 &&
        answer(home, &asking, &err) == 0)
        return 0;
    fprintf(stderr, "primed: %s\n", err.message);
    return 1;
}

int ssh_prove_voucher(const char *home)
{
    struct seal *seal = seal_open(home, NULL);
    struct voucher voucher;
    char text[VOUCHER_TEXT_SIZE];
    bool proved = false;

    if (seal != NULL && fgets(text, sizeof(text), stdin) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        proved = voucher_read(seal, text, getppid(), &voucher, NULL) == 0;
    }
    seal_close(seal);
    return proved ? 0 : 1;
}
