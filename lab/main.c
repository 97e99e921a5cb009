/* primelab: two nodes, an ISE and a DNA Center stand-in on one machine. See --help. */
#include "base/version.h"
#include "lab/folder.h"
#include "lab/namespace.h"
#include "lab/process.h"
#include "lab/reference.h"
#include "lab/ssh.h"
#include "lab/standin.h"
#include "lab/subcommand.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOBS_MAX 16

static enum lab_status status_of(enum error_code code)
{
    switch (code) {
    case ERROR_INVALID_ARGUMENT:
        return LAB_USAGE;
    case ERROR_UNREACHABLE:
        return LAB_NOT_RUNNING;
    case ERROR_NOT_FOUND: /* a program */
    case ERROR_CONFLICT:  /* a port */
    case ERROR_DENIED:
    case ERROR_STORE_FULL:
        return LAB_MACHINE;
    default:
        return LAB_FAILED;
    }
}

int lab_complain(const struct lab_arguments *arguments, const struct error *err)
{
    if (arguments->json) {
        json_t *error = json_pack("{s:s, s:s}", "code", error_code_name(err->code), "message", err->message);

        if (err->hint[0] != '\0')
            json_object_set_new(error, "hint", json_string(err->hint));
        lab_print_json(json_pack("{s:o}", "error", error));
        return status_of(err->code);
    }
    fprintf(stderr, "primelab: %s\n", err->message);
    if (err->hint[0] != '\0')
        fprintf(stderr, "primelab: %s\n", err->hint);
    return status_of(err->code);
}

int lab_print_json(json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
    return LAB_OK;
}

/* The command needs a node that runs, and answers. */
static int check_node(const struct lab_arguments *arguments)
{
    struct error err = {0};

    if (arguments->server->kind != LAB_NODE)
        error_set(&err, ERROR_INVALID_ARGUMENT,
                  "%s is a stand-in and has no shell; prime-pri and prime-sec have", arguments->server->name);
    else
        lab_check_awake(&arguments->lab, arguments->server, &err);
    return err.code != ERROR_NONE ? lab_complain(arguments, &err) : LAB_OK;
}

static int run_ssh(const struct lab_arguments *arguments)
{
    struct error err = {0};
    int status = check_node(arguments);

    if (status != LAB_OK)
        return status;
    lab_ssh_connect(&arguments->lab, arguments->server, arguments->rest, &err);
    return lab_complain(arguments, &err);
}

static int run_shell(const struct lab_arguments *arguments)
{
    int status = check_node(arguments);

    return status != LAB_OK ? status : lab_shell(&arguments->lab, arguments->server, arguments->command);
}

static int run_renew(const struct lab_arguments *arguments)
{
    struct lab lab = arguments->lab;
    struct error err = {0};
    int lock = lab_lock_present(&lab, &err);

    if (lock < 0 || lab_renew(&lab, arguments->server, &err) != 0)
        return lab_complain(arguments, &err);
    close(lock);
    if (arguments->json)
        return lab_print_status(&lab);
    printf("%s has a new key and certificate\n", arguments->server->name);
    return LAB_OK;
}

/* What the lab's own processes are is not for people, and not in the help. */
static int complain_internal(const struct lab_arguments *arguments, const char *command)
{
    struct error err = {0};

    error_set(&err, ERROR_INVALID_ARGUMENT, "`%s` is started by `primelab up` only", command);
    return lab_complain(arguments, &err);
}

static int run_standin(const struct lab_arguments *arguments)
{
    if (fcntl(STANDIN_READY_FD, F_SETFD, FD_CLOEXEC) != 0)
        return complain_internal(arguments, "standin");
    return standin_run(&arguments->lab, arguments->server, STANDIN_READY_FD);
}

static int run_namespace(const struct lab_arguments *arguments)
{
    if (fcntl(STANDIN_READY_FD, F_SETFD, FD_CLOEXEC) != 0)
        return complain_internal(arguments, "namespace");
    return lab_namespace_hold(STANDIN_READY_FD);
}

static int run_program(const struct lab_arguments *arguments)
{
    struct lab lab = arguments->lab;
    struct error err = {0};

    if (arguments->rest[0] == NULL) {
        error_set(&err, ERROR_INVALID_ARGUMENT, "run what? e.g. primelab run prime-pri ping 127.0.0.12");
        return lab_complain(arguments, &err);
    }
    if (lab_check_present(&lab, &err) != 0 || lab_namespace_enter(&lab, arguments->server, &err) != 0)
        return lab_complain(arguments, &err);
    execvp(arguments->rest[0], arguments->rest);
    error_set(&err, ERROR_NOT_FOUND, "cannot run %s: %s", arguments->rest[0], strerror(errno));
    return lab_complain(arguments, &err);
}

static const struct lab_subcommand subcommands[] = {
    {"up", "[--netns]", "start the lab, or what of it does not run", false, 0, 0, lab_run_up},
    {"down", "[--keep]", "end all of it and remove its folder; --keep leaves the folder", false, 0, 0,
     lab_run_down},
    {"status", "", "what runs where, with which certificate", false, 0, 0, lab_run_status},
    {"list", "", "all labs that run or lie here", false, 0, 0, lab_run_list},
    {"shell", "<node> [-c '<command>']", "the shell of prime-pri or prime-sec", true, 0, 0, run_shell},
    {"ssh", "<node> [<ssh's options>] [<command>]", "the same over SSH, through the node's own sshd", true, 0,
     0, run_ssh},
    {"renew", "<server>", "give a server a new key and certificate", true, 0, 0, run_renew},
    {"break", "<server> | link [<node>]", "let a server hang, or pull a node's cable (with --netns)", false,
     1, 2, lab_run_break},
    {"heal", "<server> | link [<node>]", "let it go on", false, 1, 2, lab_run_heal},
    {"mood", "<server> [<mood> [<value>]] | list", "make a stand-in misbehave, while it runs", true, 0, 0,
     lab_run_mood},
    {"start", "<server>", "start one server, also one on demand: ise-2, ise-3, dnac-2", true, 0, 0,
     lab_run_start},
    {"stop", "<server>", "end one server; its folder stays", true, 0, 0, lab_run_stop},
    {"log", "[<server>] [-f]", "print logs; -f goes on as they grow", false, 0, 1, lab_run_log},
    {"play", "[<scenario> | all]", "play a published flow on a fresh lab; alone: which there are", false, 0,
     1, lab_run_play},
    {"run", "<server> <program> [...]", "run a program in a server's network", true, 0, 0, run_program},
    {"namespace", "<name>", NULL, false, 1, 1, run_namespace},
    {"standin", "<server>", NULL, true, 0, 0, run_standin},
};
#define SUBCOMMAND_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

static void print_help(FILE *file)
{
    lab_print_help(file, subcommands, SUBCOMMAND_COUNT);
}

static const struct lab_subcommand *find_subcommand(const char *name)
{
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    }
    return NULL;
}

/* What was typed, before it is looked at. */
struct line {
    const char *word[LAB_WORDS_MAX + 2];
    int count;
    const char *folder;
};

/* All behind its server is not ours to read. */
static bool has_rest(const char *command)
{
    return strcmp(command, "ssh") == 0 || strcmp(command, "mood") == 0 || strcmp(command, "run") == 0;
}

static void read_jobs(const char *typed, int *out, struct error *err)
{
    char *end;
    long number = strtol(typed, &end, 10);

    if (end == typed || *end != '\0' || number < 1 || number > JOBS_MAX)
        error_set(err, ERROR_INVALID_ARGUMENT, "--jobs wants a number from 1 to %d, not \"%.40s\"", JOBS_MAX,
                  typed);
    else
        *out = (int)number;
}

/* What getopt(3) did not take. */
static void complain_option(int answer, const char *word, struct error *err)
{
    if (answer == ':')
        error_set(err, ERROR_INVALID_ARGUMENT, "%.40s wants a value behind it", word);
    else if (optopt == 0)
        error_set(err, ERROR_INVALID_ARGUMENT, "there is no option %.40s", word);
    else if (strncmp(word, "--", 2) != 0)
        error_set(err, ERROR_INVALID_ARGUMENT, "there is no option -%c", optopt);
    else
        error_set(err, ERROR_INVALID_ARGUMENT, "the option %.40s takes no value", word);
}

/* One option, but for those that are all there is to the line. */
static void take_option(int option, struct lab_arguments *out, struct line *line, struct error *err)
{
    switch (option) {
    case 'F':
        line->folder = optarg;
        break;
    case 'N':
        out->network = optarg;
        break;
    case 'n':
        out->named = optarg;
        break;
    case 'c':
        out->command = optarg;
        break;
    case 'k':
        out->keep = true;
        break;
    case 'j':
        out->json = true;
        break;
    case 'f':
        out->follow = true;
        break;
    case 'r':
        out->record = optarg;
        break;
    case 's':
        out->step = true;
        break;
    case 'J':
        read_jobs(optarg, &out->jobs, err);
        break;
    case 'S':
        out->namespaces = true;
        break;
    default:
        out->quiet = true;
    }
}

/* The options, wherever they stand, up to `ssh <node>` or `mood <server>`: all behind is theirs. Returns -1
 * to go on, also with an error (--json may stand behind what is wrong), else the exit status. */
static int read_options(int argc, char **argv, struct lab_arguments *out, struct line *line,
                        struct error *err)
{
    static const struct option known[] = {{"folder", required_argument, NULL, 'F'},
                                          {"network", required_argument, NULL, 'N'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"follow", no_argument, NULL, 'f'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"step", no_argument, NULL, 's'},
                                          {"record", required_argument, NULL, 'r'},
                                          {"jobs", required_argument, NULL, 'J'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"netns", no_argument, NULL, 'S'},
                                          {"reference", required_argument, NULL, 'M'},
                                          {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "-:F:N:n:c:r:kjfsqVh", known, NULL)) != -1) {
        switch (option) {
        case 1: /* no option */
            if (line->count < LAB_WORDS_MAX + 2)
                line->word[line->count++] = optarg;
            out->rest = argv + optind;
            if (line->count == 2 && has_rest(line->word[0]))
                return -1;
            break;
        case 'V':
            printf("primelab " PRODUCT_VERSION "\n");
            return LAB_OK;
        case 'M': /* what `make docs` asks for */
            lab_print_manual(stdout, subcommands, SUBCOMMAND_COUNT);
            return LAB_OK;
        case 'h':
            print_help(stdout);
            return LAB_OK;
        case '?':
        case ':':
            complain_option(option, argv[optind - 1], err);
            break;
        default:
            take_option(option, out, line, err);
        }
    }
    return -1;
}

/* The command that was typed, with as many words as it takes; NULL: the error says which word is wrong. */
static const struct lab_subcommand *read_command(const struct line *line, struct error *err)
{
    const struct lab_subcommand *command = line->count > 0 ? find_subcommand(line->word[0]) : NULL;
    int words = command != NULL ? line->count - 1 - command->takes_server : 0;

    if (line->count == 0)
        error_set(err, ERROR_INVALID_ARGUMENT, "a command is missing");
    else if (command == NULL)
        error_set(err, ERROR_INVALID_ARGUMENT, "there is no command \"%.40s\"", line->word[0]);
    else if (words < command->words_least)
        error_set(err, ERROR_INVALID_ARGUMENT, "a word is missing behind %s: primelab %s %s", command->name,
                  command->name, command->arguments);
    else if (words > command->words_most)
        error_set(err, ERROR_INVALID_ARGUMENT, "\"%.40s\" is too much: primelab %s%s%s",
                  line->word[1 + command->takes_server + command->words_most], command->name,
                  command->arguments[0] != '\0' ? " " : "", command->arguments);
    return err->code == ERROR_NONE ? command : NULL;
}

/* Options that contradict each other, or the command. */
static int check_options(const struct lab_arguments *arguments, const struct line *line, struct error *err)
{
    if (arguments->named != NULL && line->folder != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a lab has a name or a folder: give one of the two");
    if (arguments->network == NULL)
        return 0;
    if (strcmp(line->word[0], "up") != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "--network is for up alone: a lab keeps the addresses that it came up with");
    if (arguments->namespaces)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "--network asks for addresses on loopback, --netns for networks apart from it");
    return lab_check_network(arguments->network, err);
}

static int open_lab(struct lab_arguments *arguments, const struct line *line, struct error *err)
{
    char named[PATH_MAX];
    const char *folder = line->folder != NULL ? line->folder : LAB_FOLDER;

    if (check_options(arguments, line, err) != 0)
        return -1;
    if (arguments->named != NULL) {
        if (lab_named_folder(arguments->named, named, err) != 0)
            return -1;
        folder = named;
    }
    lab_set_option(&arguments->lab, arguments->named, line->folder);
    return lab_open(folder, &arguments->lab, err);
}

static int run(const struct lab_subcommand *command, struct lab_arguments *arguments, const struct line *line)
{
    struct error err = {0};

    if (open_lab(arguments, line, &err) != 0)
        return lab_complain(arguments, &err);
    if (command->takes_server) {
        arguments->server = lab_find(line->word[1], &err);
        if (arguments->server == NULL)
            return lab_complain(arguments, &err);
    }
    arguments->word_count = line->count - 1 - command->takes_server;
    for (int i = 0; i < arguments->word_count; i++)
        arguments->words[i] = line->word[line->count - arguments->word_count + i];
    return command->run(arguments);
}

int main(int argc, char **argv)
{
    static struct lab_arguments arguments;
    struct line line = {0};
    const struct lab_subcommand *command = NULL;
    struct error err = {0};
    int status = read_options(argc, argv, &arguments, &line, &err);

    umask(022); /* the lab of root runs as another user, who has to reach what is made here */
    if (status >= 0)
        return status;
    if (err.code == ERROR_NONE)
        command = read_command(&line, &err);
    if (command != NULL)
        return run(command, &arguments, &line);
    status = lab_complain(&arguments, &err);
    if (!arguments.json)
        print_help(stderr);
    return status;
}
