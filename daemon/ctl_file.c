#include "daemon/ctl_file.h"

#include "base/clock.h"
#include "base/file.h"
#include "daemon/configuration.h"
#include "store/setting.h"
#include "x509/ctl.h"
#include "x509/x509.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CTL_FOLDER "ctl"

static int file_path(const struct node *node, char path[PATH_MAX], struct error *err)
{
    return node_path(node->home, CTL_FOLDER "/" CTL_FILE_NAME, path, PATH_MAX, err);
}

int ctl_file_read(const struct node *node, char **data, size_t *length, struct error *err)
{
    char path[PATH_MAX];

    return file_path(node, path, err) != 0 ? -1 : file_read(path, CTL_FILE_MAX, data, length, err);
}

int ctl_mode(const struct node *node, bool *mixed, struct error *err)
{
    return setting_is_on(node->store, CTL_MODE_SETTING, mixed, err);
}

/* What the records are made from, and in which order. */
static const struct {
    const char *purpose;
    enum ctl_function function;
} contents[] = {
    {"ITLRecovery", CTL_TOKEN},
    {"CallManager", CTL_TOKEN},
    {"CallManager", CTL_CALL_CONTROL},
    {"CAPF", CTL_CAPF},
};
#define CONTENTS (sizeof(contents) / sizeof(contents[0]))

struct made {
    char hostname[HOST_TEXT_MAX];
    struct purpose_state states[CONTENTS];
    struct ctl_entry entries[CONTENTS];
};

static void clear_made(struct made *made)
{
    for (size_t i = 0; i < CONTENTS; i++)
        purpose_state_clear(&made->states[i]);
}

static int gather(struct node *node, struct made *made, struct error *err)
{
    configuration_hostname(node, made->hostname);
    for (size_t i = 0; i < CONTENTS; i++) {
        const struct purpose *purpose = purpose_find(contents[i].purpose, err);

        if (purpose == NULL || purpose_ensure(node, purpose, err) != 0 ||
            purpose_read(node, purpose, &made->states[i], err) != 0)
            return -1;
        made->entries[i] = (struct ctl_entry){.certificate = made->states[i].in_service->certificate,
                                              .function = contents[i].function,
                                              .dns_name = made->hostname,
                                              .address = node->conf.listen[0]};
    }
    return 0;
}

struct ctl_job {
    bool mixed;
    uint8_t signer[FINGERPRINT_SIZE];
};

static int run_ctl(struct store_txn *txn, void *arg, struct error *err)
{
    const struct ctl_job *job = arg;

    if (setting_set(txn, CTL_MODE_SETTING, STORE_SCOPE_PAIR, job->mixed ? "1" : "0", 1, err) != 0)
        return -1;
    return setting_set(txn, CTL_SIGNER_SETTING, STORE_SCOPE_NODE, job->signer,
                       job->mixed ? FINGERPRINT_SIZE : 0, err);
}

/* The file first: without the store's word for its signer it is not believed. */
static int keep(struct request *request, const struct ctl_job *job, const uint8_t *file, size_t length,
                struct error *err)
{
    char folder[PATH_MAX], path[PATH_MAX];
    char *old = NULL;
    size_t old_length;
    bool had = ctl_file_read(request->node, &old, &old_length, NULL) == 0;
    int failed = -1;

    if (node_path(request->node->home, CTL_FOLDER, folder, sizeof(folder), err) == 0 &&
        file_path(request->node, path, err) == 0 && file_make_folder(folder, 0750, err) == 0 &&
        file_write(path, (const char *)file, length, 0640, err) == 0) {
        failed = request_change(request, run_ctl, (void *)(uintptr_t)job, err);
        if (failed != 0 && had)
            file_write(path, old, old_length, 0640, NULL);
        else if (failed != 0)
            unlink(path);
    }
    free(old);
    return failed;
}

int ctl_file_make(struct request *request, bool by_callmanager, struct error *err)
{
    struct made made = {0};
    struct ctl_job job = {.mixed = true};
    const struct identity *signer;
    uint8_t *file = NULL;
    size_t length;
    int failed = gather(request->node, &made, err);

    if (failed == 0) {
        signer = made.states[by_callmanager ? 1 : 0].in_service;
        file =
            ctl_make(made.entries, CONTENTS, signer->certificate, signer->key, clock_wall_ms(), &length, err);
        failed = file == NULL || x509_fingerprint(signer->certificate, job.signer, err) != 0
                     ? -1
                     : keep(request, &job, file, length, err);
    }
    free(file);
    clear_made(&made);
    return failed;
}

int ctl_file_remove(struct request *request, struct error *err)
{
    struct ctl_job job = {.mixed = false};
    char path[PATH_MAX];

    if (file_path(request->node, path, err) != 0 || request_change(request, run_ctl, &job, err) != 0)
        return -1;
    if (unlink(path) != 0 && errno != ENOENT)
        return error_set_errno(err, errno, "cannot remove the CTL file");
    return 0;
}
