/* primesh: the shell. See --help. */
#include "base/version.h"
#include "commands/context.h"

#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct shell_branch *const branches[] = {
    &pin_branch, &pin_show_branch, &policy_branch, &service_branch, &show_branch,
    &log_branch, &session_branch,  &file_branch,   &backup_branch,
};
#define BRANCH_COUNT (sizeof(branches) / sizeof(branches[0]))

struct options {
    const char *command;
    const char *reference;
    bool stop_on_error;
};

static void print_help(void)
{
    printf("usage: primesh [-c '<command>'] [--stop-on-error]\n"
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
           "Exit status: 0 all succeeded, 1 a command failed, 2 a command was not understood, 3 the "
           "appliance could not be\n"
           "reached.\n");
}

/* Returns -1 to go on, else the exit status. */
static int read_options(int argc, char **argv, struct options *out, struct context *context)
{
    static const struct option known[] = {{"command", required_argument, NULL, 'c'},
                                          {"stop-on-error", no_argument, NULL, 's'},
                                          {"home", required_argument, NULL, 'H'},
                                          {"reference", required_argument, NULL, 'r'},
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
    if (optind == argc)
        return -1;
    fprintf(stderr, "primesh: \"%s\" is no option; a command is given as: primesh -c '%s'\n", argv[optind],
            argv[optind]);
    return SHELL_NOT_UNDERSTOOD;
}

static int print_reference(const struct shell_program *program, const char *form)
{
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
    else if (strcmp(form, "man") == 0)
        text = shell_reference_roff(program);
    else
        fprintf(stderr, "primesh: the reference comes as markdown, man or check, not as \"%s\"\n", form);
    if (text == NULL)
        return SHELL_NOT_UNDERSTOOD;
    fputs(text, stdout);
    free(text);
    return SHELL_OK;
}

static enum shell_status run(struct shell_session *session, struct context *context,
                             const struct options *options)
{
    struct error err = {0};

    if (options->command != NULL)
        return shell_run_line(session, options->command);
    if (!isatty(STDIN_FILENO))
        return shell_run_input(session, options->stop_on_error);
    context->is_session = true;
    context->terminal = shell_terminal_name(session);
    if (context_require(context, NEED_DAEMON, &err) != 0) {
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
        if (err.code == ERROR_BUSY)
            return SHELL_UNREACHABLE;
    }
    return shell_run_terminal(session);
}

int main(int argc, char **argv)
{
    struct shell_branch all[BRANCH_COUNT];
    struct context context = {.home = node_home(), .user = "admin"};
    struct shell_program program = {.branches = all,
                                    .branch_count = BRANCH_COUNT,
                                    .types = argument_types,
                                    .type_count = argument_type_count,
                                    .context = &context,
                                    .require = context_require,
                                    .refused = context_refused,
                                    .hostname = context_hostname};
    char history[PATH_MAX];
    struct shell_caller caller = {.user = context.user, .role = SHELL_ROLE_ADMIN, .history_file = history};
    struct options options = {0};
    struct shell_session *session;
    struct error err = {0};
    int status;

    setlocale(LC_CTYPE, "C.UTF-8");
    for (size_t i = 0; i < BRANCH_COUNT; i++)
        all[i] = *branches[i];
    status = read_options(argc, argv, &options, &context);
    if (status >= 0)
        return status;
    if (options.reference != NULL)
        return print_reference(&program, options.reference);
    if (node_conf_read(context.home, &context.conf, &err) != 0 ||
        node_path(context.home, "history/admin", history, sizeof(history), &err) != 0 ||
        (session = shell_session_new(&program, &caller, &err)) == NULL) {
        fprintf(stderr, "primesh: %s\n", err.message);
        return SHELL_UNREACHABLE;
    }
    status = (int)run(session, &context, &options);
    shell_session_free(session);
    context_close(&context);
    return status;
}
