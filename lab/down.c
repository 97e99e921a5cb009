/* `down`: ends whatever belongs to the lab, however it was left behind, and removes its folder. */
#include "base/file.h"
#include "lab/folder.h"
#include "lab/own.h"
#include "lab/process.h"
#include "lab/ssh.h"
#include "lab/subcommand.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int remove_tree(const char *folder)
{
    char *paths[] = {(char *)(uintptr_t)folder, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    int failed = 0;

    while (walk != NULL && (entry = fts_read(walk)) != NULL) {
        if (entry->fts_info != FTS_D && remove(entry->fts_accpath) != 0 && errno != ENOENT)
            failed = -1;
    }
    if (walk != NULL)
        fts_close(walk);
    return failed;
}

struct sweep {
    const struct lab *lab;
    int ended; /* of those that somebody may have missed */
    struct error err;
};

static int end_process(void *arg, pid_t pid, enum lab_task task)
{
    struct sweep *sweep = arg;
    int failed = task == LAB_TASK_SSHD ? lab_ssh_stop(sweep->lab, pid, &sweep->err)
                                       : lab_end(sweep->lab, pid, LAB_STOP_MS, &sweep->err);

    sweep->ended += task != LAB_TASK_NAMESPACE;
    return failed == 0 ? 1 : -1;
}

static int stop_servers(const struct lab_arguments *arguments, struct sweep *sweep)
{
    const struct lab *lab = sweep->lab;

    for (size_t i = 0; i < lab_server_count; i++) {
        const struct lab_server *server = &lab_servers[i];
        pid_t sshd = lab_ssh_pid(lab, server);

        if (sshd != 0 && lab_ssh_stop(lab, sshd, &sweep->err) != 0)
            return -1;
        if (lab_pid(lab, server) == 0)
            continue;
        if (lab_stop(lab, server, &sweep->err) != 0)
            return -1;
        if (!arguments->json)
            printf("%-10s stopped\n", server->name);
    }
    return 0;
}

/* With the folders above, where no other lab is left. */
static int remove_folder(const struct lab *lab, struct error *err)
{
    if (lab_check_folder(lab, err) != 0)
        return -1;
    if (remove_tree(lab->folder) != 0) {
        error_set(err, ERROR_DENIED, "cannot remove all of %s", lab->folder);
        return error_hint(err, "remove it as the user who brought the lab up");
    }
    lab_remove_empty(lab);
    return 0;
}

/* The servers, and all that they did not take along with them. */
static int end_all(const struct lab_arguments *arguments, struct sweep *sweep)
{
    if (stop_servers(arguments, sweep) != 0 ||
        lab_sweep(sweep->lab, NULL, end_process, sweep, &sweep->err) != 0)
        return -1;
    if (sweep->ended > 0 && !arguments->json)
        printf("%d more of its processes ended\n", sweep->ended);
    return arguments->keep ? 0 : remove_folder(sweep->lab, &sweep->err);
}

int lab_run_down(const struct lab_arguments *arguments)
{
    struct lab lab = arguments->lab;
    struct sweep sweep = {.lab = &lab};
    /* Without the folder there is nothing to hold, but there may be processes. */
    int lock = access(lab.folder, F_OK) == 0 ? lab_lock(&lab, &sweep.err) : -1;
    int failed = -1;

    if (sweep.err.code == ERROR_NONE || sweep.err.code == ERROR_DENIED || sweep.err.code == ERROR_STORE_FULL)
        failed = end_all(arguments, &sweep);
    if (lock >= 0)
        close(lock);
    if (failed != 0)
        return lab_complain(arguments, &sweep.err);
    return arguments->json ? lab_print_json(json_pack("{s:b}", "ok", 1)) : LAB_OK;
}
