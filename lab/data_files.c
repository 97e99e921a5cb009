#include "lab/data_files.h"

#include "base/file.h"
#include "lab/mood.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (16 * 1024 * 1024)

void data_folder(const struct lab *lab, const struct lab_server *server, char out[PATH_MAX])
{
    lab_path(lab, server, "data", out);
}

/* Where the files lie, seen from the programs: installed, of a release build, of another build. */
static int find_source(const struct lab *lab, char out[PATH_MAX], struct error *err)
{
    static const char *const places[] = {"../share/primesh/lab", "../../lab/data", "../../../lab/data"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (snprintf(out, PATH_MAX, "%s/%s", lab->programs, places[i]) < PATH_MAX && access(out, X_OK) == 0)
            return 0;
    }
    error_set(err, ERROR_NOT_FOUND, "the data files of the stand-ins are not there");
    return error_hint(err, "they belong into %s/../share/primesh/lab: make install puts them there",
                      lab->programs);
}

/* Whole or not at all, but not through a power cut: that a lab need not survive, and `up` shall not wait for
 * the disk. */
static int write_copy(const char *path, const char *data, size_t length, struct error *err)
{
    char beside[PATH_MAX];
    int fd;
    int failed;

    if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path of %s is too long", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot write %s", beside);
    failed = fchmod(fd, 0644) != 0 ? -1 : file_write_all(fd, data, length); /* whatever the umask is */
    if (failed == 0)
        failed = rename(beside, path);
    if (failed != 0) {
        error_set_errno(err, errno, "cannot write %s", path);
        unlink(beside);
    }
    close(fd);
    return failed;
}

static int copy_file(const char *from, const char *to, struct error *err)
{
    char *data;
    size_t length;
    int failed;

    if (access(to, F_OK) == 0)
        return 0;
    if (file_read(from, FILE_BYTES_MAX, &data, &length, err) != 0)
        return -1;
    failed = write_copy(to, data, length, err);
    free(data);
    return failed;
}

static int copy_folder(const char *source, const char *name, const char *target, struct error *err)
{
    char folder[PATH_MAX];
    char from[PATH_MAX];
    char to[PATH_MAX];
    const struct dirent *entry;
    int failed = 0;
    DIR *list = NULL;

    if (snprintf(folder, sizeof(folder), "%s/%s", source, name) < (int)sizeof(folder))
        list = opendir(folder);
    if (list == NULL)
        return error_set_errno(err, errno, "cannot read %s/%s", source, name);
    while (failed == 0 && (entry = readdir(list)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(from, sizeof(from), "%s/%s", folder, entry->d_name) >= (int)sizeof(from) ||
            snprintf(to, sizeof(to), "%s/%s", target, entry->d_name) >= (int)sizeof(to))
            failed = error_set(err, ERROR_INVALID_ARGUMENT, "the path of %s is too long", entry->d_name);
        else
            failed = copy_file(from, to, err);
    }
    closedir(list);
    return failed;
}

int data_copy(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    char source[PATH_MAX];
    char target[PATH_MAX];

    data_folder(lab, server, target);
    if (find_source(lab, source, err) != 0 || file_make_folder(target, 0755, err) != 0)
        return -1;
    if (copy_folder(source, settings_is_ise(server) ? "ise" : "dnac", target, err) != 0)
        return -1;
    return copy_folder(source, "moods", target, err);
}
