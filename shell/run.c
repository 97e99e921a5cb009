/* One line: understood, allowed, run, answered. */
#include "shell/complain.h"
#include "shell/foreign.h"
#include "shell/render.h"
#include "shell/session_private.h"
#include "shell/stdin_secret.h"
#include "shell/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line on its way. */
struct run {
    struct shell_session *session;
    struct arena arena;
    struct line line;
    struct match match;
    struct plan plan;
    bool *secret;
    const char *masked;
    struct caret caret;
    const struct line *shown; /* goes in front of the caret line; NULL: it stands on the screen */
    struct text complaint;    /* caret line and message */
    int save;                 /* descriptor of `| save`, or -1 */
    bool understood;
    struct sink *base; /* the last one of the chain */
    struct shell_call call;
    struct error err;
    int result;
    bool trouble; /* done, and found some */
};

void session_say(struct shell_session *session, const char *text, size_t length)
{
    struct sink *sink = sink_fd(session->interactive ? STDOUT_FILENO : STDERR_FILENO, session->interactive);

    if (sink == NULL)
        return;
    sink_write(sink, text, length);
    sink_finish(sink);
    sink_free(sink);
}

static void session_mark(struct shell_session *session, const char *mark)
{
    struct text text = {0};

    text_format(&text, "%s\n", mark);
    if (!text.failed)
        session_say(session, text.data, text.length);
    text_free(&text);
}

void session_complain(struct shell_session *session, const struct error *err)
{
    struct text text = {0};

    text_add_string(&text, "% Error: ");
    text_add_string(&text, err->message);
    text_add_string(&text, "\n");
    if (err->hint[0] != '\0')
        text_format(&text, "%s\n", err->hint);
    if (!text.failed)
        session_say(session, text.data, text.length);
    text_free(&text);
}

static void say_complaint(struct run *run)
{
    struct text all = {0};
    bool caret = run->complaint.length > 0 && run->complaint.data[0] != '%';

    if (run->shown != NULL && caret) {
        /* A tab is one cell here, as the caret counts it. */
        for (size_t i = 0; i < run->shown->length; i++)
            text_add(&all, run->shown->text[i] == '\t' ? " " : run->shown->text + i, 1);
        text_add_string(&all, "\n");
    }
    text_add(&all, run->complaint.data, run->complaint.length);
    session_say(run->session, all.data, all.length);
    text_free(&all);
}

/* What reads a document gets one of this, too. */
static void say_complaint_in_json(struct run *run)
{
    struct sink *sink = sink_fd(STDOUT_FILENO, run->session->interactive);
    struct shell_output *output = sink == NULL ? NULL : render_new(RENDER_JSON, sink);
    const char *at = run->complaint.data, *message = at == NULL ? NULL : strstr(at, "% ");

    if (output == NULL || message == NULL)
        abort();
    message += strlen("% ");
    error_set(&run->err, ERROR_INVALID_ARGUMENT, "%.*s", (int)strcspn(message, "\n"), message);
    message += strcspn(message, "\n") + 1;
    if (*message != '\0')
        error_hint(&run->err, "%.*s", (int)strcspn(message, "\n"), message);
    render_finish(output, &run->err);
    render_free(output);
    sink_finish(sink);
    sink_free(sink);
}

static void set_masked(struct run *run)
{
    const struct shell_session *session = run->session;
    const struct mask_place place = {&run->arena, &session->grammar, session->caller.role, 0};
    size_t bad = mask_inside(&place, &run->line, &run->match, run->secret,
                             run->understood ? run->line.count : run->match.word);

    run->masked = mask_line(&run->arena, &session->grammar, &run->line, run->secret, bad);
}

/* Splits and matches. False with a complaint; run->line.count is 0 for a line that says nothing. */
static bool understand(struct run *run, const char *text, size_t length)
{
    const struct shell_session *session = run->session;
    struct error err = {0};
    size_t bad = 0, bar;
    const char *hint;

    if (line_split(&run->line, &run->arena, text, length, false, &bad, &err) != 0) {
        complain_at(&run->complaint, text, bad, run->caret, err.message);
        run->secret = arena_get(&run->arena, run->line.count + 1);
        run->match.word = 0;
        return false;
    }
    run->secret = arena_get(&run->arena, run->line.count + 1);
    if (run->line.count == 0 || run->line.words[0].text[0] == '!' || run->line.words[0].text[0] == '#') {
        run->line.count = 0;
        return true;
    }
    bar = line_bar(&run->line, 0);
    if (bar == 0) {
        complain_at(&run->complaint, text, run->line.words[0].start, run->caret,
                    "invalid command detected at '^' marker.");
        return false;
    }
    match_command(&run->match, &run->arena, &session->grammar, session->mode, session->caller.role,
                  &run->line, bar, run->secret);
    if (run->match.result != MATCH_DONE && run->match.result != MATCH_DENIED) {
        complain_match(&run->complaint, &run->line, &run->match, run->match.result, run->caret);
        hint = foreign_hint(session->program, &run->line, &run->match);
        if (hint != NULL)
            text_format(&run->complaint, "%s\n", hint);
        return false;
    }
    return plan_read(&run->plan, &run->arena, session, &run->line, bar, run->caret, &run->complaint) == 0;
}

static int allow(struct run *run)
{
    const struct shell_session *session = run->session;
    const struct shell_command *command = run->match.entry->command;

    if (run->match.result == MATCH_DENIED) {
        error_set(&run->err, ERROR_DENIED, "\"%s\" is for administrators", run->match.entry->path);
        return error_hint(&run->err, "%s has the role user", session->caller.user);
    }
    if (command->needs != 0 && session->program->require != NULL)
        return session->program->require(session->program->context, command->needs, &run->err);
    return 0;
}

/* Of what a command needs before it runs, and of `| save`: no server elsewhere is meant. */
static bool is_unreachable(const struct error *err)
{
    return err->code == ERROR_UNREACHABLE || err->code == ERROR_TIMEOUT;
}

static void refuse(struct run *run)
{
    const struct shell_program *program = run->session->program;

    if (((run->match.entry->command->flags & SHELL_CHANGES) != 0 || run->err.code == ERROR_DENIED) &&
        program->refused != NULL)
        program->refused(program->context, run->masked, &run->err);
}

static struct sink *base_sink(struct run *run)
{
    const struct shell_session *session = run->session;
    int length = session->terminal.length;

    if (run->save >= 0)
        return sink_fd(run->save, false);
    if (!session->interactive)
        return sink_fd(STDOUT_FILENO, false);
    if (run->plan.more && length == 0)
        length = session->seen_lines > 0 ? session->seen_lines : SESSION_LENGTH;
    return sink_pager(STDIN_FILENO, STDOUT_FILENO, length, session->terminal.width);
}

/* Opens the output. -1: a complaint, or run->err. */
static int open_output(struct run *run)
{
    const struct shell_program *program = run->session->program;
    struct sink *sink;

    if (run->plan.save_file != NULL) {
        /* The patterns are tried before a file is made. */
        sink = plan_build(&run->plan, &run->line, sink_fd(-1, false), run->caret, &run->complaint);
        if (sink == NULL)
            return -1;
        sink_free(sink);
        run->save =
            program->save_open(program->context, run->plan.save_file, run->plan.save_repository, &run->err);
        if (run->save < 0)
            return -1;
    }
    run->base = base_sink(run);
    if (run->base == NULL)
        abort();
    sink = plan_build(&run->plan, &run->line, run->base, run->caret, &run->complaint);
    if (sink == NULL)
        return -1;
    run->call.sink = sink;
    run->call.output = render_new(run->plan.json ? RENDER_JSON : RENDER_TEXT, sink);
    if (run->call.output == NULL)
        abort();
    return 0;
}

static int close_save(struct run *run, bool stopped, struct error *err)
{
    const struct shell_program *program = run->session->program;
    bool lost = stopped;

    if (program->save_close != NULL) {
        if (program->save_close(program->context, run->save, !stopped && run->result == 0, err) != 0)
            return -1;
    } else {
        lost = (fsync(run->save) != 0 && errno != EINVAL) || lost;
        lost = close(run->save) != 0 || lost;
    }
    return lost ? error_set(err, ERROR_STORE_FULL, "cannot save all of %s", run->plan.save_file) : 0;
}

/* What could not be saved is the command's failure, unless it has failed already. */
static void end_save(struct run *run, bool stopped)
{
    struct error err = {0};

    if (close_save(run, stopped, &err) == 0 || run->result != 0)
        return;
    run->err = err;
    run->result = -1;
    run->call.unreachable = is_unreachable(&err);
}

/* Ends the output. */
static void close_output(struct run *run)
{
    struct shell_session *session = run->session;
    bool stopped;

    if (run->call.output == NULL)
        return;
    call_end_bar(&run->call);
    render_finish(run->call.output, run->result != 0 ? &run->err : NULL);
    sink_finish(run->call.sink);
    stopped = run->base->stopped;
    if (run->save >= 0) {
        end_save(run, stopped);
    } else if (stopped && !session->interactive) {
        session->gone = true;
    }
    render_free(run->call.output);
    sink_free(run->call.sink);
}

static void dispatched(void *arg)
{
    struct run *run = arg;
    struct shell_call *call = &run->call;

    run->result = run->match.entry->command->run(call, &run->err);
    run->trouble = run->result == SHELL_TROUBLE;
    if (run->trouble)
        run->result = 0;
}

static void dispatch(struct run *run)
{
    struct shell_session *session = run->session;
    const struct grammar_mode *mode = grammar_mode_of(&session->grammar, run->match.mode);
    struct tree **tree = &session->trees[session->depth];

    if (*tree == NULL)
        *tree = tree_new(&session->grammar);
    session->mode = run->match.mode; /* a command of a mode around this one leaves this one */
    session->depth++;
    if (tree_run(*tree, mode, run->match.entry, run->plan.names, run->plan.count, dispatched, run,
                 &run->err) != 0)
        run->result = -1;
    session->depth--;
}

/* The command is known; what it gives goes where the line says. */
static enum shell_status run_understood(struct run *run)
{
    struct shell_session *session = run->session;
    bool refused;

    run->result = allow(run);
    refused = run->result != 0;
    if (refused) {
        refuse(run);
        run->call.unreachable = is_unreachable(&run->err);
    }
    /* A refusal is answered in the form asked for, but makes no file. */
    if (refused)
        run->plan.save_file = NULL;
    if (open_output(run) != 0) {
        if (run->complaint.length > 0) {
            say_complaint(run);
            return SHELL_NOT_UNDERSTOOD;
        }
        run->result = -1;
        run->call.unreachable = is_unreachable(&run->err);
    } else if (!refused) {
        dispatch(run);
    }
    if (run->result != 0 && run->err.message[0] == '\0')
        error_set(&run->err, ERROR_INTERNAL, "\"%s\" failed without a reason", run->match.entry->path);
    close_output(run);
    if (run->call.complained)
        return SHELL_NOT_UNDERSTOOD;
    if (run->result != 0 && (!run->plan.json || run->save >= 0 || run->call.output == NULL)) {
        session_complain(session, &run->err);
        if (run->match.entry->command->failed != NULL)
            session_mark(session, run->match.entry->command->failed);
    }
    if (run->result == 0)
        return run->trouble ? SHELL_FAILED : SHELL_OK;
    return run->call.unreachable ? SHELL_UNREACHABLE : SHELL_FAILED;
}

static void run_free(struct run *run)
{
    text_free(&run->complaint);
    arena_wipe(&run->arena);
}

static void set_call(struct run *run, struct shell_call *outer)
{
    run->call = (struct shell_call){.session = run->session,
                                    .match = &run->match,
                                    .parsed = &run->line,
                                    .line = run->masked,
                                    .plan = &run->plan,
                                    .outer = outer,
                                    .caret = run->caret};
}

/* Does a secret wait behind the line that nobody will have read if nobody does now? */
static void note_input(struct run *run, enum shell_status status)
{
    bool sure, follows;

    follows = stdin_secret_follows(&run->session->grammar, &run->line, &run->match, &sure);
    run->session->input_wanted = follows && (sure || status != SHELL_OK);
}

enum shell_status session_run(struct shell_session *session, const char *line, size_t length,
                              struct caret caret, char **masked)
{
    const struct shell_program *program = session->program;
    struct run run = {.session = session, .caret = caret, .save = -1};
    enum shell_status status = SHELL_NOT_UNDERSTOOD;
    bool admitted;

    if (masked != NULL)
        *masked = NULL;
    if (line_check(line, length, &run.err) != 0) {
        session->input_wanted = stdin_secret_in_noise(line, length);
        session_complain(session, &run.err);
        return SHELL_NOT_UNDERSTOOD;
    }
    /* Without a prompt nobody has seen the line. */
    run.shown = session->interactive ? NULL : &run.line;
    admitted = program->admit == NULL || program->admit(program->context, &run.err) == 0;
    run.understood = understand(&run, line, length);
    if (run.understood && run.line.count == 0) {
        status = SHELL_OK;
    } else if (!admitted) {
        set_masked(&run);
        if (program->refused != NULL)
            program->refused(program->context, run.masked, &run.err);
        session_complain(session, &run.err);
        status = SHELL_FAILED;
    } else {
        set_masked(&run);
        if (masked != NULL && (*masked = strdup(run.masked)) == NULL)
            abort();
        set_call(&run, NULL);
        if (run.understood) {
            status = run_understood(&run);
        } else {
            say_complaint(&run);
            if (plan_wants_json(&run.arena, session, &run.line))
                say_complaint_in_json(&run);
        }
    }
    note_input(&run, status);
    run_free(&run);
    return status;
}

/* If the line is one of the outer command's arguments, the caret stands under it as it was typed there. */
static void place_inside(struct run *run, const struct shell_call *outer, const char *line)
{
    for (const struct taken *taken = outer->match->taken; taken != NULL; taken = taken->before) {
        if (taken->value == line) {
            run->shown = run->session->interactive ? NULL : outer->parsed;
            run->caret = outer->caret;
            run->caret.indent +=
                complain_cells(outer->parsed->text, outer->parsed->words[taken->word].start, run->caret);
        }
    }
}

int session_run_inside(struct shell_call *outer, const char *line, struct error *err)
{
    struct shell_session *session = outer->session;
    struct run run = {.session = session, .save = -1};
    const struct shell_mode *mode = session->mode;

    if (session->depth >= SESSION_DEPTH)
        return error_set(err, ERROR_INVALID_ARGUMENT, "too many commands within one another");
    if (line_check(line, strlen(line), err) != 0)
        return -1;
    run.shown = &run.line;
    place_inside(&run, outer, line);
    session->mode = &shell_mode_exec;
    run.understood = understand(&run, line, strlen(line));
    if (run.understood && run.plan.count > 0) {
        complain_at(&run.complaint, line, run.line.words[line_bar(&run.line, 0)].start, run.caret,
                    "invalid command detected at '^' marker.");
        run.understood = false;
    }
    if (!run.understood) {
        /* The outer command has failed, and this is why: the caret says it better than a sentence. */
        set_masked(&run);
        say_complaint(&run);
        outer->complained = true;
        run.result = error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" was not understood", run.masked);
    } else if (run.line.count > 0) {
        set_masked(&run);
        set_call(&run, outer);
        run.call.output = outer->output;
        run.call.sink = outer->sink;
        run.result = allow(&run);
        if (run.result != 0) {
            refuse(&run);
            run.call.unreachable = is_unreachable(&run.err);
        } else {
            dispatch(&run);
        }
        call_end_bar(&run.call);
        if (run.result != 0 && err != NULL)
            *err = run.err;
        outer->unreachable = run.call.unreachable;
    }
    session->mode = mode;
    run_free(&run);
    return run.trouble ? SHELL_TROUBLE : run.result;
}
