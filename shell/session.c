#include "shell/session.h"

#include "shell/cells.h"
#include "shell/session_private.h"
#include "shell/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shell_session *shell_session_new(const struct shell_program *program,
                                        const struct shell_caller *caller, struct error *err)
{
    struct shell_session *session = calloc(1, sizeof(*session));

    if (session == NULL)
        abort();
    session->program = program;
    session->caller = *caller;
    session->mode = &shell_mode_exec;
    session->terminal = (struct shell_terminal){SESSION_LENGTH, SESSION_WIDTH, SESSION_TIMEOUT_MINUTES};
    if (grammar_compile(&session->grammar, program, err) != 0) {
        free(session);
        return NULL;
    }
    /* A reader that is gone is an answer of write(2), not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    return session;
}

void shell_session_free(struct shell_session *session)
{
    if (session == NULL)
        return;
    for (size_t i = 0; i < SESSION_DEPTH; i++)
        tree_free(session->trees[i]);
    if (session->editor != NULL)
        editor_free(session->editor);
    input_free(&session->input);
    grammar_free(&session->grammar);
    free(session);
}

enum shell_status shell_run_line(struct shell_session *session, const char *line)
{
    return session_run(session, line, strlen(line), (struct caret){0, 0}, NULL);
}

enum shell_status shell_run_input(struct shell_session *session, bool stop_on_error)
{
    enum shell_status first = SHELL_OK;
    const char *line;
    size_t length;

    while (!session->leaving && !session->gone && (line = input_line(&session->input, &length)) != NULL) {
        /* The line is copied: a command may read further lines as its own input. */
        char *copy = malloc(length + 1);
        enum shell_status status;

        if (copy == NULL)
            abort();
        memcpy(copy, line, length);
        session->input_wanted = session->input_read = false;
        status = session_run(session, copy, length, (struct caret){0, 0}, NULL);
        explicit_bzero(copy, length);
        free(copy);
        /* The secret of a command that did not get as far as reading it is no command. */
        if (session->input_wanted && !session->input_read)
            input_drop(&session->input);
        if (first == SHELL_OK)
            first = status;
        if (status != SHELL_OK && stop_on_error)
            break;
    }
    return first;
}

void shell_leave(struct shell_session *session)
{
    session->leaving = true;
}

void shell_leave_mode(struct shell_session *session)
{
    if (session->mode->parent == NULL)
        session->leaving = true;
    else
        session->mode = session->mode->parent;
}

void shell_enter_mode(struct shell_session *session, const struct shell_mode *mode)
{
    session->mode = mode != NULL ? mode : &shell_mode_exec;
}

const struct shell_mode *shell_mode(const struct shell_session *session)
{
    return session->mode;
}

const char *shell_user(const struct shell_session *session)
{
    return session->caller.user;
}

enum shell_role shell_role(const struct shell_session *session)
{
    return session->caller.role;
}

void shell_set_role(struct shell_session *session, enum shell_role role)
{
    session->caller.role = role;
}

int shell_do(struct shell_call *call, const char *line, struct error *err)
{
    return session_run_inside(call, line, err);
}

struct shell_terminal *shell_terminal(struct shell_session *session)
{
    return &session->terminal;
}

const char *shell_terminal_name(const struct shell_session *session)
{
    struct shell_session *own = (struct shell_session *)session;

    if (own->terminal_name[0] == '\0' &&
        (!own->interactive || ttyname_r(STDIN_FILENO, own->terminal_name, sizeof(own->terminal_name)) != 0))
        return "none";
    return own->terminal_name;
}

size_t shell_history_count(const struct shell_session *session)
{
    return session->editor != NULL ? editor_history_count(session->editor) : 0;
}

const char *shell_history_line(const struct shell_session *session, size_t index)
{
    return session->editor != NULL ? editor_history_line(session->editor, index) : "";
}

void shell_print_help(struct shell_call *call)
{
    static const char *const about[] = {
        "A word may be shortened while it is unique. TAB completes it, ? lists what may follow.",
        "Behind a command: | include, exclude, begin, end, section, count, last, more, json, save.",
        "Ctrl-C clears the line, or stops waiting for a command. Ctrl-Z leaves configuration.",
        "Ctrl-V takes the next key literally. Arguments with blanks go in \"quotes\".",
    };
    struct shell_session *session = call->session;
    struct complete_place place = {&session->grammar, session->mode, session->caller.role};
    char *help = complete_help(&place, "", 0, (struct caret){0, 0});
    char *at = help;

    output_say(call->output, "What can be typed here:");
    while (at != NULL && *at != '\0') {
        char *end = strchrnul(at, '\n');
        output_say(call->output, "%.*s", (int)(end - at), at);
        at = *end != '\0' ? end + 1 : end;
    }
    free(help);
    for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
        output_say(call->output, "%s", about[i]);
}
