#include "lab/reference.h"

#include <stdio.h>

static const struct {
    const char *option;
    const char *help;
} options[] = {
    {"--name <name>", "the lab of that name, in " LAB_NAMED_FOLDER "/<name>"},
    {"--folder <folder>", "the lab in that folder; without either: " LAB_FOLDER},
    {"--network <127.a.b>", "up: the first three numbers of its addresses; else it chooses them"},
    {"--netns", "up: as root, a network for each node, with cables that `break link` pulls"},
    {"--keep", "down, play: leave the lab's folder, or the lab"},
    {"--json", "answer with JSON"},
    {"--step", "play: wait for Enter at each step"},
    {"--record <file>", "play: write down what is seen, for asciinema"},
    {"--quiet", "play: print results alone"},
    {"--jobs <n>", "play: so many at once"},
    {"--version", "print the version"},
    {"--help", "print this"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static const char *const statuses[] = {"done", "it went wrong", "not understood", "it does not run",
                                       "the machine lacks something"};
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

static void print_statuses(FILE *file)
{
    for (size_t i = 0; i < STATUS_COUNT; i++)
        fprintf(file, "%s%zu %s", i > 0 ? ", " : "", i, statuses[i]);
}

void lab_print_help(FILE *file, const struct lab_subcommand *commands, size_t count)
{
    fputs("usage: primelab [options] <command>\n\n"
          "A lab on one machine: nodes prime-pri and prime-sec, stand-ins ise and dnac.\n\n",
          file);
    for (size_t i = 0; i < count; i++) {
        if (commands[i].help != NULL)
            fprintf(file, "  %-7s %-36s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    }
    fputc('\n', file);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        fprintf(file, "  %-20s %s\n", options[i].option, options[i].help);
    fputs("\nexit status: ", file);
    print_statuses(file);
    fputc('\n', file);
}

/* Hyphens as they are typed; what stands in angle brackets is for the reader to fill in. */
static void put_manual(FILE *file, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '-')
            fputs("\\-", file);
        else if (*at == '<')
            fputs("\\fI", file);
        else if (*at == '>')
            fputs("\\fR", file);
        else if (*at == '\'')
            fputs("\\(aq", file);
        else if (*at == '`')
            continue;
        else
            fputc(*at, file);
    }
}

static void put_entry(FILE *file, const char *name, const char *arguments, const char *help)
{
    fputs(".TP\n\\fB", file);
    put_manual(file, name);
    fputs("\\fR", file);
    if (arguments[0] != '\0') {
        fputc(' ', file);
        put_manual(file, arguments);
    }
    fputc('\n', file);
    put_manual(file, help);
    fputs(".\n", file);
}

void lab_print_manual(FILE *file, const struct lab_subcommand *commands, size_t count)
{
    fputs(
        ".\\\" Made by `make docs` from the commands themselves.\n"
        ".TH PRIMELAB 1 \"\" \"primesh\" \"primesh\"\n"
        ".SH NAME\nprimelab \\- primesh nodes and stand-in servers on one machine\n"
        ".SH SYNOPSIS\n.B primelab\n[\\fIoptions\\fR] \\fIcommand\\fR\n"
        ".SH DESCRIPTION\n"
        "A lab on one machine: the nodes prime\\-pri and prime\\-sec, and the stand-ins ise and dnac, each a "
        "process of its own with a key and certificate of its own.\n"
        "It needs no rights; where port 443 may not be bound, the stand-ins listen on 8443.\n"
        "The address of a server ends in 11, 12, 21 and 22.\n"
        ".SH COMMANDS\n",
        file);
    for (size_t i = 0; i < count; i++) {
        if (commands[i].help != NULL)
            put_entry(file, commands[i].name, commands[i].arguments, commands[i].help);
    }
    fputs(".SH OPTIONS\n", file);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        put_entry(file, options[i].option, "", options[i].help);
    fputs(".SH FILES\n", file);
    put_entry(file, LAB_FOLDER "/prime-pri", "", "the home of a node");
    put_entry(file, LAB_FOLDER "/ssh/config", "",
              "for any client of OpenSSH: ssh -F " LAB_FOLDER "/ssh/config prime-pri 'show clock'");
    fputs(".SH \"EXIT STATUS\"\n", file);
    print_statuses(file);
    fputs(";\nof shell and ssh that of the shell, of run that of the program.\n"
          ".SH \"SEE ALSO\"\n.BR primesh (1),\n.BR primed (8)\n",
          file);
}
