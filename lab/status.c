/* `status` and `list`: what runs where. */
#include "base/fingerprint.h"
#include "identity/identity.h"
#include "lab/folder.h"
#include "lab/mood_command.h"
#include "lab/namespace.h"
#include "lab/own.h"
#include "lab/process.h"
#include "lab/ssh.h"
#include "lab/subcommand.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One process of the lab, as `status` shows it. */
struct row {
    const char *process;
    pid_t pid;
    char address[LAB_ADDRESS_MAX];
    uint16_t port;
    const char *state;
    char sha256[FINGERPRINT_TEXT_MAX]; /* "-": it has no certificate */
};

static const char *state_of(const struct lab *lab, const struct lab_server *server, pid_t pid)
{
    if (pid == 0)
        return "stopped";
    if (lab_is_frozen(pid))
        return "frozen";
    return lab_is_unplugged(lab, server) ? "no link" : "running";
}

static void fill_server(const struct lab *lab, const struct lab_server *server, struct row *out)
{
    char folder[PATH_MAX];
    uint8_t sha256[EVP_MAX_MD_SIZE];
    struct identity *identity;

    *out = (struct row){.process = server->name, .pid = lab_pid(lab, server), .sha256 = "-"};
    out->port = lab_port(lab, server);
    out->state = state_of(lab, server, out->pid);
    lab_address(lab, server, out->address);
    lab_identity_folder(lab, server, folder);
    identity = identity_load(folder, NULL);
    if (identity != NULL && X509_digest(identity->certificate, EVP_sha256(), sha256, NULL) == 1)
        fingerprint_format(sha256, out->sha256);
    identity_free(identity);
}

static void fill_sshd(const struct lab *lab, const struct lab_server *server, struct row *out)
{
    *out = (struct row){.process = "  sshd", .pid = lab_ssh_pid(lab, server), .sha256 = "-"};
    out->port = lab_ssh_port(server);
    out->state = out->pid != 0 ? "listens" : "stopped";
    lab_address(lab, server, out->address);
}

static void print_row(const struct row *row)
{
    char pid[16] = "-";

    if (row->pid != 0)
        snprintf(pid, sizeof(pid), "%d", (int)row->pid);
    printf("%-10s %-7s %-12s %-5u %-8s %s\n", row->process, pid, row->address, row->port, row->state,
           row->sha256);
}

static json_t *row_json(const struct row *row)
{
    json_t *object = json_pack("{s:s, s:i, s:s, s:i, s:s}", "name", row->process, "process", (int)row->pid,
                               "address", row->address, "port", (int)row->port, "state", row->state);

    if (strcmp(row->sha256, "-") != 0)
        json_object_set_new(object, "sha256", json_string(row->sha256));
    return object;
}

/* Of the servers that every lab has. */
static int count_running(const struct lab *lab, int *all)
{
    int running = 0;

    *all = 0;
    for (size_t i = 0; i < lab_server_count; i++) {
        if (lab_servers[i].on_demand)
            continue;
        running += lab_pid(lab, &lab_servers[i]) != 0;
        (*all)++;
    }
    return running;
}

static bool is_shown(const struct lab *lab, const struct lab_server *server)
{
    return !server->on_demand || lab_pid(lab, server) != 0;
}

int lab_print_status(const struct lab *lab)
{
    json_t *servers = json_array();
    struct row row;

    for (size_t i = 0; i < lab_server_count; i++) {
        json_t *object;

        if (!is_shown(lab, &lab_servers[i]))
            continue;
        fill_server(lab, &lab_servers[i], &row);
        object = row_json(&row);
        if (lab_servers[i].kind == LAB_NODE) {
            fill_sshd(lab, &lab_servers[i], &row);
            row.process = "sshd";
            json_object_set_new(object, "ssh", row_json(&row));
        } else if (strcmp(row.state, "frozen") != 0) {
            json_object_set_new(object, "standin", lab_mood_json(lab, &lab_servers[i]));
        }
        json_array_append_new(servers, object);
    }
    return lab_print_json(json_pack("{s:s, s:s, s:b, s:o}", "folder", lab->folder, "network", lab->network,
                                    "namespaces", lab->namespaces, "servers", servers));
}

static void print_table(const struct lab *lab)
{
    struct row row;

    printf("%-10s %-7s %-12s %-5s %-8s %s\n", "Server", "Process", "Address", "Port", "State",
           "Certificate SHA-256");
    for (size_t i = 0; i < lab_server_count; i++) {
        if (!is_shown(lab, &lab_servers[i]))
            continue;
        fill_server(lab, &lab_servers[i], &row);
        print_row(&row);
        if (lab_servers[i].kind == LAB_STANDIN && strcmp(row.state, "frozen") != 0)
            lab_mood_print(lab, &lab_servers[i]);
        if (lab_servers[i].kind != LAB_NODE)
            continue;
        fill_sshd(lab, &lab_servers[i], &row);
        print_row(&row);
    }
}

/* The servers that every lab has, and the ways in that were open. */
static bool all_runs(const struct lab *lab)
{
    int all;

    if (count_running(lab, &all) != all)
        return false;
    for (size_t i = 0; i < lab_server_count; i++) {
        if (lab_ssh_is_missing(lab, &lab_servers[i]))
            return false;
    }
    return true;
}

int lab_run_status(const struct lab_arguments *arguments)
{
    struct lab present = arguments->lab;
    const struct lab *lab = &present;
    struct error err = {0};

    if (lab_check_present(&present, &err) != 0)
        return lab_complain(arguments, &err);
    if (arguments->json)
        lab_print_status(lab);
    else
        print_table(lab);
    return all_runs(lab) ? LAB_OK : LAB_NOT_RUNNING;
}

/* The labs that `list` shows, by folder. */
struct labs {
    struct lab *all;
    size_t count;
};

static void add_lab(struct labs *labs, const char *folder)
{
    struct lab lab = {0};

    if (lab_open(folder, &lab, NULL) != 0 || (lab.network[0] == '\0' && lab_read(&lab, NULL) == 0))
        return;
    for (size_t i = 0; i < labs->count; i++) {
        if (strcmp(labs->all[i].folder, lab.folder) == 0)
            return;
    }
    labs->all = reallocarray(labs->all, labs->count + 1, sizeof(lab));
    if (labs->all == NULL)
        abort();
    labs->all[labs->count++] = lab;
}

static void add_named(struct labs *labs)
{
    DIR *all = opendir(LAB_NAMED_FOLDER);
    char folder[PATH_MAX];
    struct dirent *entry;

    while (all != NULL && (entry = readdir(all)) != NULL) {
        if (entry->d_name[0] != '.' && lab_named_folder(entry->d_name, folder, NULL) == 0)
            add_lab(labs, folder);
    }
    if (all != NULL)
        closedir(all);
}

/* A lab elsewhere is known by the primed that runs in it. */
static void add_running(void *arg, const char *home)
{
    const char *slash = strrchr(home, '/');
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - home) : 0, home);
    if (folder[0] == '/')
        add_lab(arg, folder);
}

static int by_folder(const void *a, const void *b)
{
    return strcmp(((const struct lab *)a)->folder, ((const struct lab *)b)->folder);
}

/* The name to reach it by: of a lab below this folder, its --name. */
static const char *name_of(const struct lab *lab)
{
    const char *base = strrchr(lab->folder, '/') + 1;
    char folder[PATH_MAX];
    char real[PATH_MAX];

    if (lab_named_folder(base, folder, NULL) == 0 && realpath(folder, real) != NULL &&
        strcmp(real, lab->folder) == 0)
        return base;
    return "-";
}

static void list_lab(const struct lab *lab, json_t *out)
{
    char state[32];
    int all;
    int running = count_running(lab, &all);

    if (out != NULL) {
        json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:i, s:i}", "name", name_of(lab), "folder",
                                             lab->folder, "network", lab->network, "running", running,
                                             "servers", all));
        return;
    }
    snprintf(state, sizeof(state), "%d of %d", running, all);
    printf("%-14s %-10s %-8s %s\n", name_of(lab), lab->network[0] != '\0' ? lab->network : "damaged", state,
           lab->folder);
}

int lab_run_list(const struct lab_arguments *arguments)
{
    json_t *out = arguments->json ? json_array() : NULL;
    struct labs labs = {0};

    add_lab(&labs, LAB_FOLDER);
    add_named(&labs);
    lab_each_home(add_running, &labs);
    if (labs.count > 0)
        qsort(labs.all, labs.count, sizeof(labs.all[0]), by_folder);
    if (out == NULL)
        printf("%-14s %-10s %-8s %s\n", "Name", "Network", "Running", "Folder");
    for (size_t i = 0; i < labs.count; i++)
        list_lab(&labs.all[i], out);
    free(labs.all);
    return out != NULL ? lab_print_json(json_pack("{s:o}", "labs", out)) : LAB_OK;
}
