/* What a handler asks of its call. */
#include "shell/call.h"

#include "shell/cells.h"
#include "shell/session_private.h"
#include "shell/terminal.h"

#include "base/file.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

const char *shell_arg(const struct shell_call *call, const char *name)
{
    for (const struct taken *taken = call->match->taken; taken != NULL; taken = taken->before)
        if (taken->step->kind == STEP_ARGUMENT && strcmp(taken->step->word, name) == 0)
            return taken->value;
    return NULL;
}

bool shell_has(const struct shell_call *call, const char *keyword)
{
    for (const struct taken *taken = call->match->taken; taken != NULL; taken = taken->before)
        if (taken->step->kind == STEP_KEYWORD && strcmp(taken->step->word, keyword) == 0)
            return true;
    return false;
}

bool shell_is_no(const struct shell_call *call)
{
    return (call->match->entry->command->flags & SHELL_NEGATED) != 0;
}

struct shell_output *shell_output(struct shell_call *call)
{
    return call->output;
}

struct shell_session *shell_call_session(struct shell_call *call)
{
    return call->session;
}

void *shell_context(struct shell_call *call)
{
    return call->session->program->context;
}

const char *shell_line(const struct shell_call *call)
{
    return call->line;
}

static int not_given(const char *argument, struct error *err)
{
    error_set(err, ERROR_INVALID_ARGUMENT, "%s was not given", argument);
    return error_hint(err, "There is no terminal to ask at: add \"%s\" to the command", argument);
}

static int ask(struct shell_call *call, const char *question, bool echo, const char *argument, char *out,
               size_t size, struct error *err)
{
    struct shell_session *session = call->session;
    int answer;

    if (!session->interactive || output_is_json(call->output))
        return not_given(argument, err);
    call_end_bar(call);
    output_flush(call->output);
    answer = terminal_ask(STDIN_FILENO, STDOUT_FILENO, question, echo, out, size);
    if (answer < 0)
        session->gone = true;
    return answer > 0 ? 0 : error_set(err, ERROR_BUSY, "interrupted");
}

int shell_ask(struct shell_call *call, const char *question, const char *preset, const char *argument,
              char *out, size_t size, struct error *err)
{
    if (ask(call, question, true, argument, out, size, err) != 0)
        return -1;
    if (out[0] != '\0' || preset == NULL)
        return 0;
    if (strlen(preset) >= size)
        return error_set(err, ERROR_INTERNAL, "the preset answer is longer than %zu bytes", size - 1);
    memcpy(out, preset, strlen(preset) + 1);
    return 0;
}

int shell_ask_secret(struct shell_call *call, const char *question, const char *argument, char *out,
                     size_t size, struct error *err)
{
    return ask(call, question, false, argument, out, size, err);
}

int shell_confirm(struct shell_call *call, const char *question, bool preset, const char *argument,
                  struct error *err)
{
    char answer[64];

    for (;;) {
        size_t length;

        if (ask(call, question, true, argument, answer, sizeof(answer), err) != 0)
            return -1;
        length = strlen(answer);
        if (length == 0)
            return preset;
        if (strncasecmp(answer, "yes", length) == 0)
            return 1;
        if (strncasecmp(answer, "no", length) == 0)
            return 0;
        session_say(call->session, "Please answer yes or no.\n", 25);
    }
}

int shell_input_line(struct shell_call *call, char *out, size_t size, struct error *err)
{
    size_t length;
    const char *line;

    call->session->input_read = true;
    if (call->session->interactive)
        return ask(call, "", false, "a line", out, size, err);
    line = input_line(&call->session->input, &length);
    if (line == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "standard input has no further line");
    if (length >= size || memchr(line, '\0', length) != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the line on standard input is too long or not text");
    memcpy(out, line, length);
    out[length] = '\0';
    return 0;
}

#define BAR_LABEL_CELLS 22
#define BAR_CELLS 40

static void draw_bar(struct text *text, const char *label, int percent)
{
    static const char full[] = "########################################";
    size_t cells = cells_of(label, strlen(label));
    int filled = percent * BAR_CELLS / 100;

    text_format(text, "\r%s%*s[%.*s%*s] %3d%%", label,
                cells < BAR_LABEL_CELLS ? (int)(BAR_LABEL_CELLS - cells) : 1, "", filled, full,
                BAR_CELLS - filled, "", percent);
}

void call_end_bar(struct shell_call *call)
{
    if (call->bar_open && call->session->interactive)
        session_say(call->session, "\n", 1);
    call->bar_open = false;
}

/* Without a terminal: the same few lines however fast it goes. */
static int step_of(int percent)
{
    return percent == 100 ? 100 : percent >= 50 ? 50 : 0;
}

void shell_progress(struct shell_call *call, const char *label, int percent)
{
    bool fresh = strncmp(call->bar_label, label, sizeof(call->bar_label) - 1) != 0;
    struct text text = {0};

    percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    if (!call->session->interactive)
        percent = step_of(percent);
    if (output_is_json(call->output) || (!fresh && percent == call->bar_percent))
        return;
    if (fresh) {
        size_t length = text_cut_utf8(label, sizeof(call->bar_label) - 1);
        call_end_bar(call);
        memcpy(call->bar_label, label, length);
        call->bar_label[length] = '\0';
    }
    draw_bar(&text, label, percent);
    if (text.failed)
        return;
    if (call->session->interactive) {
        output_flush(call->output);
        file_write_all(STDOUT_FILENO, text.data, text.length);
        call->bar_open = true;
        if (percent == 100)
            call_end_bar(call);
    } else {
        output_say(call->output, "%s", text.data + 1);
        output_flush(call->output);
    }
    call->bar_percent = percent;
    text_free(&text);
}

void shell_lost_appliance(struct shell_call *call)
{
    call->unreachable = true;
}

int shell_wait(struct shell_call *call, int fd, int timeout_ms)
{
    output_flush(call->output);
    return terminal_wait(call->session->interactive ? STDIN_FILENO : -1, fd, timeout_ms);
}

bool shell_idle(struct shell_call *call)
{
    char warning[IDLE_WARNING_SIZE];
    int due = call->session->interactive ? terminal_watched(STDIN_FILENO, warning) : 0;

    if (due == TERMINAL_IDLE) {
        output_flush(call->output);
        session_say(call->session, warning, strlen(warning));
        session_say(call->session, "\n", 1);
    }
    return due == -1;
}
