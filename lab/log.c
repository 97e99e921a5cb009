/* `log`: what the servers wrote down, and with -f what they go on writing. */
#include "base/text.h"
#include "lab/folder.h"
#include "lab/process.h"
#include "lab/subcommand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLLOW_INTERVAL_MS 100
#define FILES_MAX 16

/* A log that is read: where it lies and how far we are. */
struct log_file {
    const struct lab_server *server;
    const char *name; /* below the server's folder */
    ino_t inode;
    off_t at;
    struct text line; /* one that has no end yet */
};

struct logs {
    const struct lab_arguments *arguments;
    struct log_file files[FILES_MAX];
    size_t count;
    const struct log_file *last; /* whose lines came last */
};

static void add_server(struct logs *logs, const struct lab_server *server)
{
    static const char *const of_node[] = {"log/application.log", "log/health_monitor.log"};
    static const char *const of_standin[] = {"standin.log"};
    bool node = server->kind == LAB_NODE;
    size_t count = node ? sizeof(of_node) / sizeof(of_node[0]) : 1;

    for (size_t i = 0; i < count && logs->count < FILES_MAX; i++)
        logs->files[logs->count++] =
            (struct log_file){.server = server, .name = node ? of_node[i] : of_standin[i]};
}

static void print_line(struct logs *logs, const struct log_file *file, const char *line, size_t length)
{
    if (logs->arguments->json) {
        json_t *object = json_pack("{s:s, s:s, s:s%}", "server", file->server->name, "file", file->name,
                                   "line", line, length);

        if (object == NULL) /* not UTF-8 */
            return;
        json_dumpf(object, stdout, JSON_COMPACT);
        json_decref(object);
        putchar('\n');
        return;
    }
    if (logs->last != file) {
        char path[PATH_MAX];

        lab_path(&logs->arguments->lab, file->server, file->name, path);
        printf("%s==> %s <==\n", logs->last != NULL ? "\n" : "", path);
        logs->last = file;
    }
    printf("%.*s\n", (int)length, line);
}

/* Prints the lines that have come whole; `rest`: also what has no end. */
static void print_lines(struct logs *logs, struct log_file *file, bool rest)
{
    char *at = file->line.data;
    char *end = at + file->line.length;
    char *line_end;

    if (at == NULL)
        return;
    while ((line_end = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        print_line(logs, file, at, (size_t)(line_end - at));
        at = line_end + 1;
    }
    if (rest && at < end) {
        print_line(logs, file, at, (size_t)(end - at));
        at = end;
    }
    memmove(file->line.data, at, (size_t)(end - at));
    file->line.length = (size_t)(end - at);
    file->line.data[file->line.length] = '\0';
}

/* A file that was rotated or cut begins anew. */
static void read_on(struct logs *logs, struct log_file *file)
{
    char path[PATH_MAX];
    char bytes[16384];
    struct stat info;
    ssize_t got;
    int fd;

    lab_path(&logs->arguments->lab, file->server, file->name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && (info.st_ino != file->inode || info.st_size < file->at)) {
        file->inode = info.st_ino;
        file->at = 0;
    }
    while ((got = pread(fd, bytes, sizeof(bytes), file->at)) > 0) {
        file->at += got;
        text_add(&file->line, bytes, (size_t)got);
        print_lines(logs, file, false);
    }
    close(fd);
}

/* Until the reader goes (SIGPIPE), Ctrl-C, or the lab is taken down. */
static void follow(struct logs *logs)
{
    while (access(logs->arguments->lab.folder, F_OK) == 0) {
        for (size_t i = 0; i < logs->count; i++)
            read_on(logs, &logs->files[i]);
        fflush(stdout);
        poll(NULL, 0, FOLLOW_INTERVAL_MS);
    }
}

int lab_run_log(const struct lab_arguments *arguments)
{
    struct logs logs = {.arguments = arguments};
    struct lab lab = arguments->lab;
    struct error err = {0};
    const struct lab_server *server = NULL;

    if (lab_check_present(&lab, &err) != 0)
        return lab_complain(arguments, &err);
    if (arguments->word_count > 0 && (server = lab_find(arguments->words[0], &err)) == NULL)
        return lab_complain(arguments, &err);
    for (size_t i = 0; i < lab_server_count; i++) {
        if (server == NULL || server == &lab_servers[i])
            add_server(&logs, &lab_servers[i]);
    }
    if (arguments->follow)
        follow(&logs);
    for (size_t i = 0; i < logs.count; i++) {
        read_on(&logs, &logs.files[i]);
        print_lines(&logs, &logs.files[i], true);
        text_free(&logs.files[i].line);
    }
    return LAB_OK;
}
