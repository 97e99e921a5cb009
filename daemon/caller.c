#include "daemon/caller.h"

#include "base/host_port.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSWD_ROOM 16384 /* bytes of one entry of the user database */

struct caller caller_of(struct control_job *job)
{
    const struct caller *shown = control_session_data(control_job_session(job));

    return shown != NULL ? *shown : (struct caller){.peer = *control_job_caller(job)};
}

void caller_forget(struct control_session *session)
{
    free(control_session_data(session));
    control_session_set_data(session, NULL);
}

/* "<client address> <port> <server address> <port>": the first word, where it is an address. */
static void take_origin(const char *connection, char out[VOUCHER_ORIGIN_SIZE])
{
    char word[VOUCHER_ORIGIN_SIZE];
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    snprintf(word, sizeof(word), "%.*s", (int)strcspn(connection, " "), connection);
    word[strcspn(word, "%")] = '\0'; /* the zone of a link-local address says nothing elsewhere */
    if (host_parse(word, &kind, host, NULL) == 0 && kind != HOST_NAME)
        snprintf(out, VOUCHER_ORIGIN_SIZE, "%.60s", host);
}

/* The process is looked at once more behind the proof: its number may have become another one's, and what was
 * proved then is about that one. */
static int prove(struct node *node, const struct process *process, const char *voucher, struct voucher *out,
                 struct error *err)
{
    struct error cause = {0};
    int failed = voucher_read(node->seal, voucher, process->pid, out, &cause);

    if (!process_lives(process))
        return error_set(err, ERROR_DENIED, "the process that opened this connection has ended");
    if (failed != 0 && err != NULL)
        *err = cause;
    return failed;
}

static bool is_under_sshd(const struct process *process)
{
    return process_under_sshd(process->pid) && process_lives(process);
}

int caller_attach(struct node *node, struct control_job *job, const char *voucher, const char *connection,
                  struct error *err)
{
    struct caller caller = caller_of(job);
    struct voucher proved = {0};
    struct caller *kept;

    if (voucher != NULL) {
        if (caller.account[0] != '\0')
            return error_set(err, ERROR_CONFLICT, "this connection has shown a voucher already");
        if (prove(node, &caller.peer.process, voucher, &proved, err) != 0)
            return -1;
        memcpy(caller.account, proved.account, sizeof(caller.account));
        memcpy(caller.key, proved.key, sizeof(caller.key));
    }
    if (proved.origin[0] != '\0')
        memcpy(caller.origin, proved.origin, sizeof(caller.origin));
    else if (connection != NULL && (voucher != NULL || is_under_sshd(&caller.peer.process)))
        take_origin(connection, caller.origin);
    kept = control_session_data(control_job_session(job));
    if (kept == NULL)
        kept = malloc(sizeof(*kept));
    if (kept == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    *kept = caller;
    control_session_set_data(control_job_session(job), kept);
    return 0;
}

/* The name of the user that the kernel says the caller runs as. */
static int system_name(uid_t uid, char *out, size_t size, struct error *err)
{
    char room[PASSWD_ROOM];
    struct passwd entry;
    struct passwd *found;

    if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found != NULL) {
        snprintf(out, size, "%s", entry.pw_name);
        return 0;
    }
    snprintf(out, size, "uid-%u", (unsigned)uid);
    return error_set(err, ERROR_DENIED, "the user with number %u has no account on this node", (unsigned)uid);
}

/* Not found means: not allowed, or not any more. */
static int deny_missing(struct error *cause, const char *user, struct error *err)
{
    if (cause->code == ERROR_NOT_FOUND || cause->code == ERROR_INVALID_ARGUMENT) {
        error_set(cause, ERROR_DENIED, "%s has no account on this node, or not any more", user);
        error_hint(cause, "an administrator makes one: configure terminal, username %s ...", user);
    }
    if (err != NULL)
        *err = *cause;
    return -1;
}

static int look_up(struct node *node, const struct caller *caller, struct who *out, struct error *err)
{
    struct error cause = {0};
    struct account account;
    struct store_txn *txn = store_read(node->store, err);
    int failed;

    if (txn == NULL)
        return -1;
    failed = account_get(txn, out->user, &account, &cause);
    if (failed == 0 && caller->account[0] != '\0')
        failed = account_has_key(txn, out->user, caller->key, &cause);
    else if (failed == 0 && !account.system)
        failed = error_set(&cause, ERROR_NOT_FOUND, "no account of the system");
    store_end(txn);
    if (failed != 0)
        return deny_missing(&cause, out->user, err);
    out->role = account.role;
    return 0;
}

int caller_identify(struct node *node, const struct caller *caller, struct who *out, struct error *err)
{
    *out = (struct who){.role = ACCOUNT_USER};
    snprintf(out->origin, sizeof(out->origin), "%s",
             caller->origin[0] != '\0' ? caller->origin : CALLER_LOCAL_ORIGIN);
    if (caller->account[0] != '\0') {
        snprintf(out->user, sizeof(out->user), "%s", caller->account);
        return look_up(node, caller, out, err);
    }
    if (caller->peer.uid == 0 || caller->peer.uid == geteuid()) {
        snprintf(out->user, sizeof(out->user), CALLER_LOCAL_USER);
        out->role = ACCOUNT_ADMIN;
        return 0;
    }
    if (system_name(caller->peer.uid, out->user, sizeof(out->user), err) != 0)
        return -1;
    return look_up(node, caller, out, err);
}
