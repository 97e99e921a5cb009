#include "daemon/copy.h"

#include "base/clock.h"
#include "base/file.h"
#include "daemon/ssh_channel.h"
#include "daemon/verify.h"
#include "net/sftp.h"
#include "net/transfer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_MS 200             /* between two reports */
#define KEEP_FREE_MOST (32LL << 20) /* bytes of the disk that a copy leaves to the store, */
#define KEEP_FREE_PART 20           /* or this part of a small disk */
#define LOGIN_MS ((15 + 25) * 1000) /* to the greeting of an SFTP server, ssh's own limit included */
#define BLOCK (128 * 1024)

struct copying {
    struct request *request;
    int64_t next_ms; /* of the next report; 0 before the first byte */
    bool reported;
};

/* Tells the caller how far it is; false once it is gone. */
static bool report(void *arg, int64_t done, int64_t total)
{
    struct copying *copying = arg;
    int64_t now = clock_monotonic_ms();
    json_t *progress;

    if (control_job_abandoned(copying->request->job) || copying->request->node->stopping)
        return false;
    if (done <= 0)
        return true;
    if (copying->next_ms == 0) /* what is over at once needs no bar */
        copying->next_ms = now + PROGRESS_MS;
    if (now < copying->next_ms)
        return true;
    copying->next_ms = now + PROGRESS_MS;
    copying->reported = true;
    progress = json_pack("{s:I}", "bytes", (json_int_t)done);
    if (total > 0) {
        json_object_set_new(progress, "total", json_integer(total));
        json_object_set_new(progress, "percent", json_integer(done >= total ? 100 : 100 * done / total));
    }
    control_progress(copying->request->job, progress);
    return true;
}

/* A bar that was begun comes to its end. */
static int ended(const struct copying *copying, int result)
{
    if (result == 0 && copying->reported)
        control_progress(copying->request->job, json_pack("{s:i}", "percent", 100));
    return result;
}

int copy_room(const struct request *request, int64_t *most, struct error *err)
{
    struct repository_usage usage;
    int64_t kept;

    if (repository_usage(request->node->home, &usage, err) != 0)
        return -1;
    kept = (usage.used_bytes + usage.free_bytes) / KEEP_FREE_PART;
    if (kept > KEEP_FREE_MOST)
        kept = KEEP_FREE_MOST;
    *most = usage.available_bytes > kept ? usage.available_bytes - kept : 0;
    return 0;
}

/* ---- over ssh ---- */

static int decoded_path(const struct place *place, char out[URL_PATH_MAX], struct error *err)
{
    if (url_decode_path(&place->url, out, err) != 0)
        return -1;
    for (const char *byte = out; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 0x7f)
            return error_set(err, ERROR_INVALID_ARGUMENT, "the path in the URL holds control characters");
    }
    /* "/~/file": below the user's own folder, where every session starts (the form of curl and scp) */
    if (strncmp(out, "/~/", 3) == 0)
        memmove(out, out + 3, strlen(out + 3) + 1);
    return 0;
}

/* Runs `work` on a connection to the place. */
static int with_sftp(struct copying *copying, const struct place *place,
                     void (*work)(struct sftp *sftp, const char *path, void *arg, struct error *err),
                     void *arg, struct error *err)
{
    struct error cause = {0};
    char path[URL_PATH_MAX];
    struct ssh_channel *channel;
    struct sftp *sftp;

    if (decoded_path(place, path, err) != 0)
        return -1;
    channel = ssh_channel_open(copying->request->node, &place->url, place->password, err);
    if (channel == NULL)
        return -1;
    sftp = sftp_open(ssh_channel_fd(channel), place->url.host, LOGIN_MS, report, copying, &cause);
    if (sftp != NULL)
        work(sftp, path, arg, &cause);
    sftp_close(sftp);
    ssh_channel_close(channel, &cause);
    if (cause.code == ERROR_NONE)
        return 0;
    *err = cause;
    return -1;
}

struct sftp_copy {
    bool upload;
    int fd;
    int64_t size;
};

static void copy_file(struct sftp *sftp, const char *path, void *arg, struct error *err)
{
    const struct sftp_copy *copy = arg;

    if (copy->upload)
        sftp_put(sftp, path, copy->fd, copy->size, err);
    else
        sftp_get(sftp, path, copy->fd, copy->size, err);
}

static int run_sftp(struct copying *copying, const struct place *place, bool upload, int fd, int64_t size,
                    struct error *err)
{
    struct sftp_copy copy = {upload, fd, size};

    return with_sftp(copying, place, copy_file, &copy, err);
}

/* ---- through libcurl ---- */

static int run_transfer(struct copying *copying, const struct place *place, bool upload, int fd, int64_t size,
                        struct error *err)
{
    struct request *request = copying->request;
    struct transfer transfer = {.url = place->url,
                                .password = place->password,
                                .upload = upload,
                                .fd = fd,
                                .size = size,
                                .most = size,
                                .task = request->who.user,
                                .progress = report,
                                .arg = copying};
    struct trust_request judged;
    struct trust_verdict verdict;
    int failed = transfer_run(request->node->store, &transfer, &judged, &verdict, err);

    if (verdict.outcome != TRUST_OUTCOMES)
        verify_report(request, &judged, &verdict);
    return failed;
}

/* size: of an upload what it has; of a download what it may have. */
static int run_remote(struct request *request, const struct place *place, bool upload, int fd, int64_t size,
                      struct error *err)
{
    struct copying copying = {.request = request};

    if (place->url.scheme == URL_SFTP || place->url.scheme == URL_SCP)
        return ended(&copying, run_sftp(&copying, place, upload, fd, size, err));
    return ended(&copying, run_transfer(&copying, place, upload, fd, size, err));
}

int copy_send(struct request *request, int fd, int64_t size, const struct place *to, struct error *err)
{
    return run_remote(request, to, true, fd, size, err);
}

int copy_fetch(struct request *request, const struct place *from, int fd, int64_t *bytes, struct error *err)
{
    struct stat info;
    int64_t most;

    if (copy_room(request, &most, err) != 0 || run_remote(request, from, false, fd, most, err) != 0)
        return -1;
    if (fstat(fd, &info) != 0)
        return error_set_errno(err, errno, "cannot read %s", from->text);
    *bytes = info.st_size;
    return 0;
}

/* ---- what a server holds ---- */

struct remote_listing {
    int (*each)(void *arg, const struct repository_entry *entry);
    void *arg;
    bool stopped;
};

static void give_entry(struct remote_listing *listing, const char *name, size_t length, bool folder,
                       int64_t size, int64_t changed_ms)
{
    char text[NAME_MAX + 1];
    struct repository_entry entry = {.name = text, .folder = folder, .size = size, .changed_ms = changed_ms};

    if (length == 0 || length > NAME_MAX || name[0] == '.' || listing->stopped)
        return;
    memcpy(text, name, length);
    text[length] = '\0';
    listing->stopped = listing->each(listing->arg, &entry) != 0;
}

static void take_sftp_entry(void *arg, const struct sftp_entry *entry)
{
    give_entry(arg, entry->name, entry->name_length, entry->folder, entry->size, entry->changed_ms);
}

static void list_folder(struct sftp *sftp, const char *path, void *arg, struct error *err)
{
    sftp_list(sftp, path[0] != '\0' ? path : ".", take_sftp_entry, arg, err);
}

static int list_sftp(struct copying *copying, const struct place *place, struct remote_listing *listing,
                     struct error *err)
{
    return with_sftp(copying, place, list_folder, listing, err);
}

static int list_ftp(struct copying *copying, const struct place *place, struct remote_listing *listing,
                    struct error *err)
{
    struct transfer transfer = {.url = place->url,
                                .password = place->password,
                                .fd = -1,
                                .task = copying->request->who.user,
                                .progress = report,
                                .arg = copying};
    char *names;

    if (transfer_list(copying->request->node->store, &transfer, &names, err) != 0)
        return -1;
    for (const char *name = names; *name != '\0';) {
        size_t length = strcspn(name, "\r\n");

        give_entry(listing, name, length, false, -1, 0);
        name += length;
        name += strspn(name, "\r\n");
    }
    free(names);
    return 0;
}

int copy_list(struct request *request, struct place *place,
              int (*each)(void *arg, const struct repository_entry *entry), void *arg, struct error *err)
{
    struct copying copying = {.request = request, .next_ms = INT64_MAX};
    struct remote_listing listing = {.each = each, .arg = arg};

    if (url_append_slash(&place->url, err) != 0)
        return -1;
    if (place->url.scheme == URL_SFTP || place->url.scheme == URL_SCP)
        return list_sftp(&copying, place, &listing, err);
    if (place->url.scheme == URL_FTP)
        return list_ftp(&copying, place, &listing, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%s gives no list of its files", place->text);
}

/* ---- on this disk ---- */

static int copy_bytes(struct copying *copying, int from, int to, int64_t size, struct error *err)
{
    static _Thread_local char block[BLOCK];
    int64_t done = 0;

    while (done < size) {
        ssize_t got = read(from, block, sizeof(block));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, errno, "cannot read the file");
        if (got == 0)
            break;
        if (file_write_all(to, block, (size_t)got) != 0)
            return error_set_errno(err, errno, "cannot write the file");
        done += got;
        if (!report(copying, done, size))
            return error_set(err, ERROR_BUSY, "the copy was stopped");
    }
    return 0;
}

static int copy_locally(struct request *request, int from, int to, int64_t size, struct error *err)
{
    struct copying copying = {.request = request};
    int64_t most;

    if (copy_room(request, &most, err) != 0)
        return -1;
    if (size > most)
        return error_set(err, ERROR_STORE_FULL, "the file has %lld bytes, and there is room for %lld",
                         (long long)size, (long long)most);
    return ended(&copying, copy_bytes(&copying, from, to, size, err));
}

/* ---- all of it ---- */

static int copy_in(struct request *request, const struct place *from, const struct place *to, bool overwrite,
                   int64_t *bytes, struct error *err)
{
    struct repository_draft draft;
    int source = -1;
    int failed;

    if (from->is_local && (source = repository_open(request->node->home, &from->path, bytes, err)) < 0)
        return -1;
    failed = repository_draft_begin(request->node->home, &to->path, overwrite, &draft, err);
    if (failed == 0) {
        failed = from->is_local ? copy_locally(request, source, draft.fd, *bytes, err)
                                : copy_fetch(request, from, draft.fd, bytes, err);
        if (failed == 0)
            failed = repository_draft_commit(&draft, err);
        else
            repository_draft_abandon(&draft);
    }
    if (source >= 0)
        close(source);
    return failed;
}

static int copy_out(struct request *request, const struct place *from, const struct place *to, int64_t *bytes,
                    struct error *err)
{
    int fd = repository_open(request->node->home, &from->path, bytes, err);
    int failed;

    if (fd < 0)
        return -1;
    failed = copy_send(request, fd, *bytes, to, err);
    close(fd);
    return failed;
}

/* "ftp://server/" and "disk:/defaultRepo" mean the file of the same name in there. */
static int name_target(const struct request *request, const struct place *from, struct place *to,
                       struct error *err)
{
    char name[URL_PATH_MAX];
    bool folder = to->is_local ? to->path.folder || repository_is_folder(request->node->home, &to->path)
                               : place_file_name(to)[0] == '\0';

    if (!folder)
        return 0;
    snprintf(name, sizeof(name), "%s", place_file_name(from));
    if (!from->is_local) {
        struct url last = from->url;

        snprintf(last.path, sizeof(last.path), "%s", name);
        if (url_decode_path(&last, name, err) != 0)
            return -1;
        name[strcspn(name, "?")] = '\0';
    }
    return place_append(to, name, err);
}

int copy_run(struct request *request, const struct place *from, struct place *to, bool overwrite,
             int64_t *bytes, struct error *err)
{
    if (!from->is_local && !to->is_local)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "one of the two has to lie in a repository: disk:/<repository>/<file>");
    if (place_file_name(from)[0] == '\0' || (from->is_local && from->path.folder))
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s names no file", from->text);
    if (name_target(request, from, to, err) != 0)
        return -1;
    if (from->is_local && to->is_local && strcmp(from->path.text, to->path.text) == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s cannot be copied onto itself", from->text);
    return to->is_local ? copy_in(request, from, to, overwrite, bytes, err)
                        : copy_out(request, from, to, bytes, err);
}
