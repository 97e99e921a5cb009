/* primesh: the shell. See --help. */
#include "base/program.h"
#include "base/version.h"
#include "base/wipe.h"
#include "commands/context.h"
#include "commands/manual.h"
#include "commands/save.h"
#include "commands/table.h"
#include "shell/terminal.h"
#include "store/voucher_text.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct options {
    const char *command;
    const char *reference;
    const char *key_algorithm; /* --authorized-keys */
    char voucher[VOUCHER_TEXT_SIZE];
    bool stop_on_error;
};

static void print_help(void)
{
    printf(
        "usage: primesh [-c '<command>'] [--stop-on-error]\n"
        "       primesh --authorized-keys <algorithm> <key> [<address>]\n"
        "\n"
        "The shell of a " PRODUCT_NAME
        " node. On a terminal it prompts; otherwise it runs the commands on standard input.\n"
        "\n"
        "  -c '<command>'      run one command\n"
        "  --stop-on-error     with commands on standard input: end at the first that fails\n"
        "  --home <folder>     the node's home; default $PRIMESH_HOME, else " NODE_HOME_DEFAULT "\n"
        "  --reference <form>  print the reference of all commands: markdown or man; check: look for "
        "faults in the table\n"
        "  --version           print the version\n"
        "\n"
        "For sshd (docs/security.md):\n"
        "  --authorized-keys   as AuthorizedKeysCommand: the accounts that have a key, each with its forced "
        "command\n"
        "  --session <voucher> that forced command: a session of the account that sshd vouches for; runs "
        "what\n"
        "                      SSH_ORIGINAL_COMMAND says, if anything\n"
        "\n"
        "Exit status: 0 all succeeded, 1 a command failed, 2 a command was not understood, 3 the "
        "appliance could not be\n"
        "reached.\n");
}

/*
 * A session that sshd vouches for. Others run as the same user of the system perhaps: the voucher is not left
 * for them in the list of processes, nor this process's memory for their debuggers.
 */
static void take_voucher(struct options *out, struct context *context, char *text)
{
    snprintf(out->voucher, sizeof(out->voucher), "%s", text);
    explicit_bzero(text, strlen(text));
    context->voucher = out->voucher;
    out->command = getenv("SSH_ORIGINAL_COMMAND");
#if !defined(__SANITIZE_ADDRESS__)
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* sshd asks this program, and primed answers in its place: with the same parent, which the answer names. */
static int become_primed(const char *home, const char *algorithm, char **key)
{
    char program[PATH_MAX];
    struct error err = {0};

    if (program_beside("primed", program, sizeof(program), &err) == 0) {
        execl(program, "primed", "--home", home, "--authorized-keys", algorithm, key[0], key[1],
              (char *)NULL);
        error_set_errno(&err, errno, "cannot run %s", program);
    }
    fprintf(stderr, "primesh: %s\n", err.message);
    return SHELL_FAILED;
}

/* Returns -1 to go on, else the exit status. */
static int read_options(int argc, char **argv, struct options *out, struct context *context)
{
    static const struct option known[] = {{"command", required_argument, NULL, 'c'},
                                          {"stop-on-error", no_argument, NULL, 's'},
                                          {"home", required_argument, NULL, 'H'},
                                          {"reference", required_argument, NULL, 'r'},
                                          {"authorized-keys", required_argument, NULL, 'K'},
                                          {"session", required_argument, NULL, 'S'},
                                          {"ssh", no_argument, NULL, 'O'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->command = optarg;
            break;
        case 's':
            out->stop_on_error = true;
            break;
        case 'H':
            context->home = optarg;
            break;
        case 'r':
            out->reference = optarg;
            break;
        case 'K':
            out->key_algorithm = optarg;
            break;
        case 'S':
            take_voucher(out, context, optarg);
            break;
        case 'O':
            out->command = getenv("SSH_ORIGINAL_COMMAND");
            break;
        case 'V':
            printf("primesh " PRODUCT_VERSION "\n");
            return 0;
        case 'h':
            print_help();
            return 0;
        default:
            fprintf(stderr, "primesh: see primesh --help\n");
            return SHELL_NOT_UNDERSTOOD;
        }
    }
    if (out->key_algorithm != NULL && (argc - optind == 1 || argc - optind == 2))
        return become_primed(context->home, out->key_algorithm, argv + optind);
    if (optind == argc && out->key_algorithm == NULL)
        return -1;
    if (out->key_algorithm != NULL) {
        fprintf(stderr, "primesh: --authorized-keys takes an algorithm, a key and perhaps an address\n");
        return SHELL_NOT_UNDERSTOOD;
    }
    fprintf(stderr, "primesh: \"%s\" is no option; a command is given as: primesh -c '%s'\n", argv[optind],
            argv[optind]);
    return SHELL_NOT_UNDERSTOOD;
}

static int print_reference(const struct shell_program *program, const char *form)
{
    bool manual = strcmp(form, "man") == 0;
    struct error err = {0};
    char *text = NULL;

    if (strcmp(form, "check") == 0) {
        if (shell_check_table(program, &err) == 0)
            return SHELL_OK;
        fprintf(stderr, "primesh: %s\n", err.message);
        return SHELL_FAILED;
    }
    if (strcmp(form, "markdown") == 0)
        text = shell_reference_markdown(program);
    else if (manual)
        text = shell_reference_roff(program);
    else
        fprintf(stderr, "primesh: the reference comes as markdown, man or check, not as \"%s\"\n", form);
    if (text == NULL)
        return SHELL_NOT_UNDERSTOOD;
    printf("%s%s%s", manual ? manual_head : "", text, manual ? manual_tail : "");
    free(text);
    return SHELL_OK;
}

static enum shell_status run(struct shell_session *session, struct context *context,
                             const struct options *options)
{
    char terminal[64];
    struct error err = {0};

    if (options->command != NULL)
        return shell_run_line(session, options->command);
    if (!isatty(STDIN_FILENO))
        return shell_run_input(session, options->stop_on_error);
    if (ttyname_r(STDIN_FILENO, terminal, sizeof(terminal)) != 0)
        snprintf(terminal, sizeof(terminal), "none");
    if (context_open_session(context, terminal, &err) != 0) {
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
        if (err.code == ERROR_BUSY)
            return SHELL_UNREACHABLE;
    }
    return shell_run_terminal(session);
}

/* The file of the lines typed before, one for each user. */
static int history_of(const struct context *context, char out[PATH_MAX], struct error *err)
{
    char name[128];

    if (statement_check_user(context->user, err) != 0)
        return -1;
    snprintf(name, sizeof(name), "history/%s", context->user);
    return node_path(context->home, name, out, PATH_MAX, err);
}

static int serve(const struct shell_program *program, struct context *context, const struct options *options,
                 struct error *err)
{
    char history[PATH_MAX];
    struct shell_caller caller = {.user = context->user, .history_file = history};
    struct shell_session *session;
    int status;

    if (node_conf_read(context->home, &context->conf, err) != 0)
        return SHELL_UNREACHABLE;
    if (context_identify(context, err) != 0)
        return err->code == ERROR_TIMEOUT ? SHELL_UNREACHABLE : SHELL_FAILED;
    if (history_of(context, history, err) != 0)
        return SHELL_FAILED;
    caller.role = context->role;
    session = shell_session_new(program, &caller, err);
    if (session == NULL)
        return SHELL_UNREACHABLE;
    context->session = session;
    status = (int)run(session, context, options);
    context->session = NULL;
    shell_session_free(session);
    return status;
}

int main(int argc, char **argv)
{
    struct context context = {.home = node_home(), .connection = getenv("SSH_CONNECTION")};
    struct shell_program program = {.context = &context,
                                    .admit = context_admit,
                                    .require = context_require,
                                    .refused = context_refused,
                                    .hostname = context_hostname,
                                    .save_open = save_open,
                                    .save_close = save_close};
    struct options options = {0};
    struct error err = {0};
    int status;

    setlocale(LC_CTYPE, "C.UTF-8");
    json_set_alloc_funcs(malloc, wipe_free); /* a passphrase goes to primed as JSON */
    table_fill(&program);
    status = read_options(argc, argv, &options, &context);
    if (status >= 0)
        return status;
    if (options.reference != NULL)
        return print_reference(&program, options.reference);
    if (options.command == NULL && isatty(STDIN_FILENO))
        terminal_quiet(STDIN_FILENO, STDOUT_FILENO);
    status = serve(&program, &context, &options, &err);
    if (err.code != ERROR_NONE)
        fprintf(stderr, "primesh: %s\n%s%s", err.message, err.hint, err.hint[0] != '\0' ? "\n" : "");
    context_close(&context);
    return status;
}
