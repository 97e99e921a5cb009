/* The commands that steer the session: help, leaving, terminal settings. */
#include "commands/context.h"

#include <stdlib.h>

static int run_help(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_print_help(call);
    return 0;
}

static int run_exit(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_leave_mode(shell_call_session(call));
    return 0;
}

static int run_quit(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_leave(shell_call_session(call));
    return 0;
}

static int run_end(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_enter_mode(shell_call_session(call), &shell_mode_exec);
    return 0;
}

static int run_do(struct shell_call *call, struct error *err)
{
    return shell_do(call, shell_arg(call, "command"), err);
}

static int number(const struct shell_call *call, const char *name)
{
    return (int)strtol(shell_arg(call, name), NULL, 10);
}

static int run_length(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_terminal(shell_call_session(call))->length = number(call, "lines");
    return 0;
}

static int run_width(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_terminal(shell_call_session(call))->width = number(call, "columns");
    return 0;
}

static int run_timeout(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_terminal(shell_call_session(call))->timeout_minutes = number(call, "minutes");
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "help", .help = "How this shell is used", .run = run_help, .flags = SHELL_ANYWHERE},
    {.grammar = "exit",
     .help = "Leave this mode, or the session at the top",
     .run = run_exit,
     .flags = SHELL_ANYWHERE},
    {.grammar = "quit", .help = "Leave the session", .run = run_quit, .flags = SHELL_ANYWHERE},
    {.grammar = "logout", .help = "Leave the session", .run = run_quit, .flags = SHELL_ANYWHERE},
    {.grammar = "end", .help = "Leave configuration mode", .run = run_end, .flags = SHELL_ANYWHERE},
    {.grammar = "do <command>",
     .help = "Run an EXEC command without leaving this mode",
     .run = run_do,
     .flags = SHELL_ANYWHERE},
    {.grammar = "terminal", .help = "Settings of this session's terminal"},
    {.grammar = "terminal length <lines>",
     .help = "Lines of a page",
     .run = run_length,
     .manual = "Longer output stops at --More--. 0 turns that off."},
    {.grammar = "terminal width <columns>",
     .help = "Columns of the terminal",
     .run = run_width,
     .manual = "Where a line being typed wraps. 0 stands for 511."},
    {.grammar = "terminal session-timeout <minutes>",
     .help = "Minutes without a keystroke after which the session ends",
     .run = run_timeout,
     .manual = "A warning comes a minute before. 0 stands for never."},
};
const struct shell_branch session_branch = SHELL_BRANCH(commands);
