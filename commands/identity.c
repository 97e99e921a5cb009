/* Who runs this shell. primed decides what somebody may do; here it is found out for the prompt, for what is
 * offered, and for the commands that read the store without primed. */
#include "base/program.h"
#include "commands/context.h"
#include "store/account.h"
#include "store/voucher_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCAL_USER "admin" /* root, or the node's own user */

/* The node's files are this user's, or nobody's yet. */
static bool owns_node(const char *home)
{
    char path[PATH_MAX];
    struct stat info;

    if (geteuid() == 0)
        return true;
    if (node_path(home, "store", path, sizeof(path), NULL) != 0)
        return false;
    if (stat(path, &info) != 0)
        return errno == ENOENT;
    return info.st_uid == geteuid();
}

/* primed's word on who that is. */
static void take_answer(struct context *context, json_t *answer)
{
    const char *user = json_string_value(json_object_get(answer, "user"));
    const char *role = json_string_value(json_object_get(answer, "role"));

    if (user != NULL)
        snprintf(context->user, sizeof(context->user), "%s", user);
    context->role = role != NULL && strcmp(role, "admin") == 0 ? SHELL_ROLE_ADMIN : SHELL_ROLE_USER;
    if (context->session != NULL)
        shell_set_role(context->session, context->role);
}

static int show_who(struct context *context, struct error *err)
{
    json_t *params = json_object();
    json_t *answer = NULL;
    int failed;

    if (context->voucher != NULL)
        json_object_set_new(params, "voucher", json_string(context->voucher));
    if (context->connection != NULL)
        json_object_set_new(params, "connection", json_string(context->connection));
    failed = control_call(context->client, "session.whoami", params, NULL, &answer, err);
    json_decref(params);
    if (failed == 0)
        take_answer(context, answer);
    json_decref(answer);
    return failed;
}

static int open_session(struct context *context, struct error *err)
{
    json_t *params = json_pack("{s:s}", "terminal", context->terminal);
    int failed = control_call(context->client, "session.open", params, NULL, NULL, err);

    json_decref(params);
    return failed;
}

void context_disconnect(struct context *context)
{
    control_close(context->client);
    context->client = NULL;
}

int context_connect(struct context *context, struct error *err)
{
    bool known_by_kernel = !context->has_account && context->connection == NULL;
    struct error cause = {0};

    if (context->client != NULL)
        return 0;
    context->client = control_connect(context->home, &cause);
    if (context->client != NULL && (known_by_kernel || show_who(context, &cause) == 0) &&
        (context->terminal == NULL || open_session(context, &cause) == 0))
        return 0;
    context_disconnect(context);
    context_hint(context, &cause);
    if (err != NULL)
        *err = cause;
    return -1;
}

int context_open_session(struct context *context, const char *terminal, struct error *err)
{
    bool connected = context->client != NULL;

    context->terminal = terminal;
    if (!connected)
        return context_connect(context, err);
    if (open_session(context, err) == 0)
        return 0;
    context_disconnect(context);
    context_hint(context, err);
    return -1;
}

static int deny(const struct context *context, struct error *err)
{
    if (context->session != NULL)
        shell_leave(context->session);
    error_set(err, ERROR_DENIED, "%s has no account on this node, or not any more", context->user);
    return error_hint(err, "this session ends");
}

int context_admit(void *arg, struct error *err)
{
    struct context *context = arg;
    struct error cause = {0};
    struct account account;
    struct store_txn *txn;
    enum shell_role role;
    int failed;

    if (!context->has_account || context_require(context, NEED_STORE, NULL) != 0 ||
        (txn = store_read(context->store, NULL)) == NULL)
        return 0;
    failed = account_get(txn, context->user, &account, &cause);
    if (failed == 0 && context->voucher != NULL)
        failed = account_has_key(txn, context->user, context->key, &cause);
    store_end(txn);
    if (failed != 0)
        return cause.code == ERROR_NOT_FOUND || cause.code == ERROR_INVALID_ARGUMENT ? deny(context, err) : 0;
    role = account.role == ACCOUNT_ADMIN ? SHELL_ROLE_ADMIN : SHELL_ROLE_USER;
    if (context->session == NULL || role == context->role)
        return 0;
    context->role = role;
    shell_set_role(context->session, role);
    return 0;
}

static pid_t start_proving(const char *home, int input)
{
    char program[PATH_MAX];
    pid_t pid = program_beside("primed", program, sizeof(program), NULL) == 0 ? fork() : -1;

    if (pid != 0)
        return pid;
    if (dup2(input, STDIN_FILENO) == STDIN_FILENO)
        execl(program, "primed", "--home", home, "--prove-voucher", (char *)NULL);
    _exit(127);
}

/*
 * A voucher can be proved by whoever can read the node's sealing key: then it is as good as primed's word.
 * primed's program does it, and not this one, which would have to load libcrypto in every session for that.
 */
static bool proves_itself(const struct context *context)
{
    int pair[2];
    int status = -1;
    pid_t pid;

    if (context->store == NULL || pipe2(pair, O_CLOEXEC) != 0)
        return false;
    /* less than a pipe holds; not on the command line, which others can read */
    dprintf(pair[1], "%s\n", context->voucher);
    close(pair[1]);
    pid = start_proving(context->home, pair[0]);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The role of the account in the store, for a voucher that is proved. */
static enum shell_role stored_role(const struct context *context)
{
    struct account account = {.role = ACCOUNT_USER};
    struct store_txn *txn = store_read(context->store, NULL);

    if (txn == NULL)
        return SHELL_ROLE_USER;
    account_get(txn, context->user, &account, NULL);
    store_end(txn);
    return account.role == ACCOUNT_ADMIN ? SHELL_ROLE_ADMIN : SHELL_ROLE_USER;
}

/* Without primed nobody gets more than the role user but whom this process can vouch for itself. */
static int identify_alone(struct context *context, struct error *err)
{
    const struct passwd *entry = context->voucher == NULL ? getpwuid(geteuid()) : NULL;
    char account[ACCOUNT_NAME_SIZE];

    context->role = SHELL_ROLE_USER;
    if (context->voucher == NULL) {
        snprintf(context->user, sizeof(context->user), "%s", entry != NULL ? entry->pw_name : "user");
        context->has_account = false; /* there may be none: the store can be read all the same */
        return 0;
    }
    if (!voucher_account(context->voucher, account, context->key))
        return error_set(err, ERROR_DENIED, "this session's voucher is none");
    snprintf(context->user, sizeof(context->user), "%s", account);
    if (context_admit(context, err) != 0)
        return -1;
    if (proves_itself(context))
        context->role = stored_role(context);
    return 0;
}

int context_identify(struct context *context, struct error *err)
{
    struct error cause = {0};
    char account[ACCOUNT_NAME_SIZE];

    if (context->voucher == NULL && owns_node(context->home)) {
        snprintf(context->user, sizeof(context->user), LOCAL_USER);
        context->role = SHELL_ROLE_ADMIN;
        return 0;
    }
    context->has_account = true;
    if (context->voucher != NULL && !voucher_account(context->voucher, account, context->key))
        return error_set(err, ERROR_DENIED, "this session's voucher is none");
    if (context_connect(context, &cause) == 0)
        return 0;
    if (cause.code == ERROR_UNREACHABLE)
        return identify_alone(context, err);
    *err = cause;
    return -1;
}
