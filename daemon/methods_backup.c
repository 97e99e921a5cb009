/* The methods node.backup and node.restore. */
#include "base/clock.h"
#include "base/text.h"
#include "daemon/backup.h"
#include "daemon/copy.h"
#include "daemon/request.h"
#include "store/audit.h"
#include "store/pair.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".backup"
#define NAME_TEXT_MAX 200 /* bytes of a backup's name; its time and suffix come behind */

/* scrypt's memory, and the one folder where a node is staged: one at a time. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static int take_turn(struct error *err)
{
    if (pthread_mutex_trylock(&one) == 0)
        return 0;
    return error_set(err, ERROR_BUSY, "a backup or a restore is running already");
}

static bool wanted(void *arg)
{
    const struct request *request = arg;

    return !control_job_abandoned(request->job) && !request->node->stopping;
}

/* ---- backup ---- */

static int read_passphrase(struct request *request, bool is_new, char out[PLACE_PASSWORD_MAX],
                           struct error *err)
{
    out[0] = '\0';
    if (place_read_secret(request, "passphrase", "passphrase_file", out, err) != 0)
        return -1;
    if (out[0] == '\0')
        return error_set(err, ERROR_INVALID_ARGUMENT, "no passphrase was given");
    if (is_new && strlen(out) < BACKUP_PASSPHRASE_LEAST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a passphrase has at least %d characters",
                         BACKUP_PASSPHRASE_LEAST);
    return 0;
}

/* "<name>-<yyyymmdd>-<hhmmss>.backup", UTC. */
static int name_file(const char *name, char *out, size_t size, struct error *err)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm parts;
    char when[32];

    if (name[0] == '\0' || strlen(name) > NAME_TEXT_MAX || strchr(name, '/') != NULL || name[0] == '.')
        return error_set(err, ERROR_INVALID_ARGUMENT, "a backup's name is one word of at most %d bytes",
                         NAME_TEXT_MAX);
    gmtime_r(&now, &parts);
    strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &parts);
    snprintf(out, size, "%s-%s" SUFFIX, name, when);
    return 0;
}

/* Not the second that the backup before has in its name. Only for who has the turn. */
static void wait_for_new_second(void)
{
    static int64_t named_s;
    int64_t now_ms = clock_wall_ms();

    if (now_ms / 1000 == named_s) {
        poll(NULL, 0, (int)(1000 - now_ms % 1000));
        now_ms = clock_wall_ms();
    }
    named_s = now_ms / 1000;
}

/* Where a file is made, or taken apart, whose repository is somewhere else: hidden, and never given a name.
 */
static int begin_hidden(struct request *request, struct repository_draft *draft, struct error *err)
{
    struct repository_path path;

    if (repository_join(REPOSITORY_DEFAULT, "backup", &path, err) != 0)
        return -1;
    return repository_draft_begin(request->node->home, &path, true, draft, err);
}

static int write_backup(struct request *request, const struct place *to, const char *passphrase,
                        int64_t *bytes, struct error *err)
{
    struct repository_draft draft;
    struct stat info;
    int failed = to->is_local ? repository_draft_begin(request->node->home, &to->path, false, &draft, err)
                              : begin_hidden(request, &draft, err);

    if (failed != 0)
        return err->code != ERROR_CONFLICT ? -1 : error_hint(err, "its name holds the second: try again");
    failed = backup_write(request->node, draft.fd, place_file_name(to), passphrase, wanted, request, err);
    *bytes = failed == 0 && fstat(draft.fd, &info) == 0 ? info.st_size : 0;
    if (failed == 0 && !to->is_local)
        failed = copy_send(request, draft.fd, *bytes, to, err);
    if (failed == 0 && to->is_local)
        return repository_draft_commit(&draft, err);
    repository_draft_abandon(&draft);
    return failed;
}

static int backup_node(struct request *request, json_t **result, struct error *err)
{
    const char *name = request_text(request, "name", err);
    const char *repository = name == NULL ? NULL : request_text(request, "repository", err);
    char passphrase[PLACE_PASSWORD_MAX];
    char file[NAME_TEXT_MAX + 64];
    int64_t bytes = 0;
    struct place to;
    int failed;

    if (repository == NULL || take_turn(err) != 0)
        return -1;
    wait_for_new_second();
    failed = name_file(name, file, sizeof(file), err) != 0 ||
             place_in_repository(request, repository, file, &to, err) != 0;
    if (!failed) {
        failed = read_passphrase(request, true, passphrase, err) != 0 ||
                 write_backup(request, &to, passphrase, &bytes, err) != 0;
        if (!failed)
            *result = json_pack("{s:s, s:s, s:I}", "file", file, "to", to.text, "bytes", (json_int_t)bytes);
        OPENSSL_cleanse(passphrase, sizeof(passphrase));
        place_clear(&to);
    }
    pthread_mutex_unlock(&one);
    place_forget_secrets(request);
    return failed ? -1 : 0;
}

/* ---- restore ---- */

/* A node of a pair: meanwhile the other one may have taken over, and has the later changes. */
static int make_ask(struct store_txn *txn, struct error *err)
{
    struct pair_record record;

    if (pair_record_get(txn, &record, err) != 0)
        return -1;
    record.must_ask = true;
    return record.state[0] == '\0' ? 0 : pair_record_set(txn, &record, err);
}

static int note_restore(struct store_txn *txn, void *arg, struct error *err)
{
    const struct request *request = arg;
    struct audit_entry entry = {.when_ms = clock_wall_ms(),
                                .user = request->who.user,
                                .role = account_role_name(request->who.role),
                                .origin = request->who.origin,
                                .line = request->line,
                                .result = "ok",
                                .message = "this node was restored from a backup",
                                .method = request->method->name};

    return make_ask(txn, err) != 0 ? -1 : audit_append(txn, &entry, err);
}

static int open_backup(struct request *request, const struct place *from, struct repository_draft *draft,
                       struct error *err)
{
    int64_t bytes;

    *draft = (struct repository_draft){.fd = -1, .folder = -1};
    if (from->is_local)
        return repository_open(request->node->home, &from->path, &bytes, err);
    if (begin_hidden(request, draft, err) != 0 || copy_fetch(request, from, draft->fd, &bytes, err) != 0)
        return -1;
    lseek(draft->fd, 0, SEEK_SET);
    return draft->fd;
}

static int stage(struct request *request, const struct place *from, json_t **manifest, struct error *err)
{
    char passphrase[PLACE_PASSWORD_MAX];
    struct repository_draft draft = {.fd = -1, .folder = -1};
    int fd = -1;
    int failed = read_passphrase(request, false, passphrase, err);

    if (failed == 0)
        fd = open_backup(request, from, &draft, err);
    if (failed == 0)
        failed = fd < 0 ? -1 : restore_stage(request->node, fd, passphrase, manifest, err);
    OPENSSL_cleanse(passphrase, sizeof(passphrase));
    if (fd >= 0 && fd != draft.fd)
        close(fd);
    repository_draft_abandon(&draft);
    return failed;
}

static int restore(struct request *request, const struct place *from, json_t **result, struct error *err)
{
    json_t *manifest = NULL;

    if (stage(request, from, &manifest, err) != 0)
        return -1;
    if (!(request->method->flags & METHOD_CHANGES)) {
        restore_abandon(request->node);
        *result = manifest;
        return 0;
    }
    if (restore_note(request->node, note_restore, request, err) != 0 ||
        restore_commit(request->node, err) != 0) {
        restore_abandon(request->node);
        json_decref(manifest);
        return -1;
    }
    log_write(request->node->application_log, LOG_LEVEL_WARNING,
              "%s restores the node from %s; primed begins again with it", request->who.user, from->text);
    node_begin_again(request->node);
    *result = manifest;
    return 0;
}

/* node.restore, and node.verify, which only says whose backup it is, after having verified all of it. */
static int restore_node(struct request *request, json_t **result, struct error *err)
{
    const char *file = request_text(request, "file", err);
    const char *repository = file == NULL ? NULL : request_text(request, "repository", err);
    struct place from;
    int failed;

    if (repository == NULL || place_in_repository(request, repository, file, &from, err) != 0 ||
        take_turn(err) != 0)
        return -1;
    failed = restore(request, &from, result, err);
    pthread_mutex_unlock(&one);
    place_forget_secrets(request);
    place_clear(&from);
    return failed;
}

const struct method backup_methods[] = {
    {"node.backup", ACCOUNT_ADMIN, METHOD_CHANGES, backup_node},
    {"node.verify", ACCOUNT_ADMIN, 0, restore_node},
    {"node.restore", ACCOUNT_ADMIN, METHOD_CHANGES, restore_node},
};
const size_t backup_method_count = sizeof(backup_methods) / sizeof(backup_methods[0]);
