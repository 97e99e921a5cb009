/* primelab: two nodes, an ISE and a DNA Center stand-in on loopback. See --help. */
#include "base/file.h"
#include "base/fingerprint.h"
#include "base/version.h"
#include "identity/identity.h"
#include "lab/mood_command.h"
#include "lab/process.h"
#include "lab/servers.h"
#include "lab/ssh.h"

#include <errno.h>
#include <fts.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAB_FOLDER "run/lab"

struct arguments {
    struct lab lab;
    const struct lab_server *server; /* of the commands that take one */
    const char *folder;
    const char *network;
    const char *command; /* -c */
    char **words;        /* behind the server of `ssh` and `mood`, NULL at the end */
    bool keep;
};

static int complain(const struct error *err)
{
    fprintf(stderr, "primelab: %s\n", err->message);
    if (err->hint[0] != '\0')
        fprintf(stderr, "primelab: %s\n", err->hint);
    return 1;
}

static void say_where(const struct lab *lab, const struct lab_server *server, const char *state)
{
    char address[LAB_ADDRESS_MAX];

    lab_address(lab, server, address);
    printf("%-10s %s port %u  %s\n", server->name, address, lab_port(lab, server), state);
    fflush(stdout);
}

/* What `up` was told, the later commands must know. */
static int write_network(const struct lab *lab, struct error *err)
{
    char path[PATH_MAX];
    char text[32];

    if (file_make_folder(lab->folder, 0755, err) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/network", lab->folder);
    return file_write(path, text, (size_t)snprintf(text, sizeof(text), "%s\n", lab->network), 0644, err);
}

/* The way in over SSH. The lab goes on without where there is no sshd. */
static int start_ssh(const struct lab *lab)
{
    struct error err = {0};
    char address[LAB_ADDRESS_MAX];

    if (lab_ssh_prepare(lab, &err) != 0)
        goto without;
    for (size_t i = 0; i < lab_server_count; i++) {
        const struct lab_server *server = &lab_servers[i];
        bool running = lab_ssh_pid(lab, server) != 0;

        if (server->kind != LAB_NODE)
            continue;
        if (lab_pid(lab, server) != 0 && lab_ssh_admit(lab, server, &err) != 0)
            goto without;
        if (!running && lab_ssh_start(lab, server, &err) != 0)
            goto without;
        lab_address(lab, server, address);
        printf("%-10s %s port %u  sshd listens: primelab ssh %s\n", server->name, address,
               lab_ssh_port(server), server->name);
    }
    return 0;

without:
    printf("no way in over SSH: %s\n", err.message);
    return err.code == ERROR_INTERNAL || err.code == ERROR_TIMEOUT ? -1 : 0;
}

/* Starts those that do not run, side by side: making their keys is what takes time. */
static int run_up(const struct arguments *arguments)
{
    const struct lab *lab = &arguments->lab;
    pid_t starters[16] = {0};
    struct error cause = {0};
    int failures = 0;

    if (write_network(lab, &cause) != 0)
        return complain(&cause);
    for (size_t i = 0; i < lab_server_count; i++) {
        struct error err = {0};

        if (lab_pid(lab, &lab_servers[i]) != 0) {
            say_where(lab, &lab_servers[i], "runs already");
            continue;
        }
        starters[i] = fork();
        if (starters[i] == 0)
            _exit(lab_start(lab, &lab_servers[i], &err) == 0 ? 0 : complain(&err));
    }
    for (size_t i = 0; i < lab_server_count; i++) {
        int status = 1;

        if (starters[i] == 0)
            continue;
        if (starters[i] > 0 && waitpid(starters[i], &status, 0) == starters[i] && status == 0) {
            say_where(lab, &lab_servers[i], "up");
        } else {
            say_where(lab, &lab_servers[i], "did not start");
            failures++;
        }
    }
    if (start_ssh(lab) != 0)
        failures++;
    for (size_t i = 0; i < lab_server_count; i++) {
        if (lab_servers[i].kind == LAB_STANDIN && lab_port(lab, &lab_servers[i]) != 443) {
            printf("port 443 may not be bound here, so the stand-ins listen on port %u\n",
                   lab_port(lab, &lab_servers[i]));
            break;
        }
    }
    return failures == 0 ? 0 : 1;
}

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

static int run_down(const struct arguments *arguments)
{
    const struct lab *lab = &arguments->lab;

    for (size_t i = 0; i < lab_server_count; i++) {
        lab_ssh_stop(lab, &lab_servers[i]);
        if (lab_pid(lab, &lab_servers[i]) != 0) {
            lab_stop(lab, &lab_servers[i]);
            printf("%-10s stopped\n", lab_servers[i].name);
        }
    }
    if (!arguments->keep && remove_tree(lab->folder) != 0) {
        fprintf(stderr, "primelab: cannot remove all of %s\n", lab->folder);
        return 1;
    }
    return 0;
}

static int run_status(const struct arguments *arguments)
{
    const struct lab *lab = &arguments->lab;

    printf("%-10s %-7s %-12s %-5s %-8s %s\n", "Server", "Process", "Address", "Port", "State",
           "Certificate SHA-256");
    for (size_t i = 0; i < lab_server_count; i++) {
        const struct lab_server *server = &lab_servers[i];
        pid_t pid = lab_pid(lab, server);
        char folder[PATH_MAX];
        char address[LAB_ADDRESS_MAX];
        char text[FINGERPRINT_TEXT_MAX] = "-";
        uint8_t sha256[EVP_MAX_MD_SIZE];
        struct identity *identity;

        lab_address(lab, server, address);
        lab_identity_folder(lab, server, folder);
        identity = identity_load(folder, NULL);
        if (identity != NULL && X509_digest(identity->certificate, EVP_sha256(), sha256, NULL) == 1)
            fingerprint_format(sha256, text);
        identity_free(identity);
        printf("%-10s %-7d %-12s %-5u %-8s %s\n", server->name, (int)pid, address, lab_port(lab, server),
               pid != 0 ? "running" : "stopped", text);
        if (server->kind == LAB_STANDIN)
            lab_mood_print(lab, server);
        if (server->kind == LAB_NODE) {
            pid = lab_ssh_pid(lab, server);
            printf("%-10s %-7d %-12s %-5u %-8s %s\n", "  sshd", (int)pid, address, lab_ssh_port(server),
                   pid != 0 ? "listens" : "stopped", "-");
        }
    }
    return 0;
}

static int complain_standin(const struct arguments *arguments)
{
    struct error err = {0};

    error_set(&err, ERROR_INVALID_ARGUMENT, "%s is a stand-in and has no shell; prime-pri and prime-sec have",
              arguments->server->name);
    return complain(&err);
}

static int run_ssh(const struct arguments *arguments)
{
    if (arguments->server->kind != LAB_NODE)
        return complain_standin(arguments);
    return lab_ssh_connect(&arguments->lab, arguments->server, arguments->words);
}

static int run_shell(const struct arguments *arguments)
{
    if (arguments->server->kind != LAB_NODE)
        return complain_standin(arguments);
    return lab_shell(&arguments->lab, arguments->server, arguments->command);
}

static int run_renew(const struct arguments *arguments)
{
    struct error err = {0};

    if (lab_renew(&arguments->lab, arguments->server, &err) != 0)
        return complain(&err);
    printf("%s has a new key and certificate\n", arguments->server->name);
    return 0;
}

static int run_mood(const struct arguments *arguments)
{
    struct error err = {0};

    if (lab_mood(&arguments->lab, arguments->server, arguments->words, &err) != 0)
        return complain(&err);
    return 0;
}

static void print_file(const char *path)
{
    FILE *file = fopen(path, "re");
    int c;

    if (file == NULL)
        return;
    while ((c = getc(file)) != EOF)
        putchar(c);
    fclose(file);
}

static int run_log(const struct arguments *arguments)
{
    static const char *const node_logs[] = {"log/application.log", "log/health_monitor.log"};
    char path[PATH_MAX];

    if (arguments->server->kind == LAB_STANDIN) {
        lab_path(&arguments->lab, arguments->server, "standin.log", path);
        print_file(path);
        return 0;
    }
    for (size_t i = 0; i < sizeof(node_logs) / sizeof(node_logs[0]); i++) {
        lab_path(&arguments->lab, arguments->server, node_logs[i], path);
        printf("%s\n", path);
        print_file(path);
    }
    return 0;
}

static const struct subcommand {
    const char *name;
    const char *arguments;
    const char *help;
    bool takes_server;
    int (*run)(const struct arguments *arguments);
} subcommands[] = {
    {"up", "", "start the lab, or what of it does not run", false, run_up},
    {"down", "[--keep]", "stop it and remove its folder; --keep leaves the folder", false, run_down},
    {"status", "", "what runs where, with which certificate", false, run_status},
    {"shell", "<node> [-c '<command>']", "the shell of prime-pri or prime-sec", true, run_shell},
    {"ssh", "<node> [<ssh's options>] [<command>]", "the same over SSH, through the node's own sshd", true,
     run_ssh},
    {"renew", "<server>", "give a server a new key and certificate", true, run_renew},
    {"mood", "<server> [<mood> [<value>]] | list", "make a stand-in misbehave, while it runs", true,
     run_mood},
    {"log", "<server>", "print a server's logs", true, run_log},
};
#define SUBCOMMAND_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

static void print_help(FILE *file)
{
    fprintf(
        file,
        "usage: primelab [--folder <folder>] [--network <127.a.b>] <command>\n\n"
        "A lab on loopback: nodes prime-pri and prime-sec, stand-ins ise and dnac; its folder is " LAB_FOLDER
        " unless\nanother is named.\n\n");
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        fprintf(file, "  %-7s %-36s %s\n", subcommands[i].name, subcommands[i].arguments,
                subcommands[i].help);
}

static const struct subcommand *find_subcommand(const char *name)
{
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    }
    return NULL;
}

/* The command and its server, as typed. */
struct words {
    const char *word[2];
    int count;
};

/* The options, wherever they stand, up to `ssh <node>` or `mood <server>`: all behind is theirs. Returns -1
 * to go on, else the exit status. */
static int read_options(int argc, char **argv, struct arguments *out, struct words *words)
{
    static const struct option known[] = {
        {"folder", required_argument, NULL, 'F'}, {"network", required_argument, NULL, 'N'},
        {"keep", no_argument, NULL, 'k'},         {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "-F:N:c:kVh", known, NULL)) != -1) {
        switch (option) {
        case 1: /* no option */
            if (words->count < 2)
                words->word[words->count] = optarg;
            words->count++;
            out->words = argv + optind;
            if (words->count == 2 &&
                (strcmp(words->word[0], "ssh") == 0 || strcmp(words->word[0], "mood") == 0))
                return -1;
            break;
        case 'F':
            out->folder = optarg;
            break;
        case 'N':
            out->network = optarg;
            break;
        case 'c':
            out->command = optarg;
            break;
        case 'k':
            out->keep = true;
            break;
        case 'V':
            printf("primelab " PRODUCT_VERSION "\n");
            return 0;
        case 'h':
            print_help(stdout);
            return 0;
        default:
            print_help(stderr);
            return 2;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.folder = LAB_FOLDER};
    struct words words = {0};
    const struct subcommand *subcommand;
    struct error err = {0};
    int status = read_options(argc, argv, &arguments, &words);

    if (status >= 0)
        return status;
    subcommand = words.count > 0 ? find_subcommand(words.word[0]) : NULL;
    if (subcommand == NULL || words.count != 1 + subcommand->takes_server) {
        print_help(stderr);
        return 2;
    }
    if (lab_open(arguments.folder, arguments.network, &arguments.lab, &err) != 0)
        return complain(&err);
    if (subcommand->takes_server) {
        arguments.server = lab_find(words.word[1], &err);
        if (arguments.server == NULL)
            return complain(&err);
    }
    return subcommand->run(&arguments);
}
