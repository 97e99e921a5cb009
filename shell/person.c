/* A session with a person at a terminal. */
#include "shell/cells.h"
#include "shell/session_private.h"
#include "shell/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *prompt(void *arg)
{
    struct shell_session *session = arg;
    const struct shell_program *program = session->program;
    const char *host = program->hostname != NULL ? program->hostname(program->context) : "primesh";

    snprintf(session->prompt, sizeof(session->prompt), "%.253s/%.32s%.24s%s ", host, session->caller.user,
             session->mode->prompt, session->caller.role == SHELL_ROLE_ADMIN ? "#" : ">");
    return session->prompt;
}

static struct complete_place place_of(struct shell_session *session)
{
    return (struct complete_place){&session->grammar, session->mode, session->caller.role};
}

/* A typed line stands behind the prompt, and wraps where the editor wraps it. */
static struct caret caret_of(struct shell_session *session)
{
    const char *shown = prompt(session);
    int width = session->terminal.width > 0 ? session->terminal.width : SESSION_WIDTH_MOST;

    return (struct caret){cells_of(shown, strlen(shown)), (size_t)width};
}

static void complete(void *arg, const char *line, size_t cursor, struct shell_words *words, size_t *typed)
{
    struct complete_place place = place_of(arg);

    complete_words(&place, line, cursor, words, typed);
}

static char *help(void *arg, const char *line, size_t cursor)
{
    struct shell_session *session = arg;
    struct complete_place place = place_of(session);

    return complete_help(&place, line, cursor, caret_of(session));
}

/* Takes over the screen's size where it changed, so that what was set with `terminal` stays otherwise. */
static void follow_screen(struct shell_session *session)
{
    int columns, lines;

    if (!terminal_size(STDOUT_FILENO, &columns, &lines))
        return;
    if (columns != session->seen_columns && columns > 0)
        session->terminal.width = session->seen_columns = columns;
    if (lines != session->seen_lines && lines > 0)
        session->terminal.length = session->seen_lines = lines;
}

static void run_typed(struct shell_session *session, const char *line)
{
    char *masked = NULL;

    terminal_expect_key();
    session_run(session, line, strlen(line), caret_of(session), &masked);
    if (masked != NULL) {
        editor_remember(session->editor, masked);
        free(masked);
    }
    session->gone = session->gone || terminal_idle_over();
}

static void take_end(struct shell_session *session, enum editor_end end, char *line)
{
    switch (end) {
    case EDITOR_LINE:
        run_typed(session, line);
        explicit_bzero(line, strlen(line));
        free(line);
        break;
    case EDITOR_EMPTY:
        break;
    case EDITOR_EXIT:
        shell_leave_mode(session);
        break;
    case EDITOR_MODE_END:
        session->mode = &shell_mode_exec;
        break;
    case EDITOR_IDLE:
    case EDITOR_GONE:
        session->gone = true;
        break;
    }
}

enum shell_status shell_run_terminal(struct shell_session *session)
{
    struct editor_hooks hooks = {.prompt = prompt, .complete = complete, .help = help, .arg = session};
    struct error err = {0};

    cells_use_utf8();
    session->interactive = true;
    session->editor = editor_new(STDIN_FILENO, STDOUT_FILENO, &hooks, session->caller.history_file, &err);
    if (session->editor == NULL) {
        session->interactive = false;
        session_complain(session, &err);
        return SHELL_FAILED;
    }
    while (!session->leaving && !session->gone) {
        enum editor_end end;
        char *line = NULL;

        follow_screen(session);
        /* While nobody has set a width, the editor follows the window by itself, in mid-line too. */
        editor_set_width(session->editor,
                         session->terminal.width == session->seen_columns ? -1 : session->terminal.width);
        editor_set_idle_limit(session->editor, session->terminal.timeout_minutes);
        end = editor_read(session->editor, &line);
        take_end(session, end, line);
    }
    editor_free(session->editor);
    session->editor = NULL;
    session->interactive = false;
    return SHELL_OK;
}

bool shell_watch(struct shell_session *session, int fd, void (*ready)(void *arg), void *arg)
{
    if (session->editor == NULL)
        return false;
    editor_watch(session->editor, fd, ready, arg);
    return true;
}

void shell_notice(struct shell_session *session, const char *text)
{
    if (session->editor != NULL)
        editor_notice(session->editor, text);
}
