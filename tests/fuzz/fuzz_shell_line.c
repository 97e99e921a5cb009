/* The shell on arbitrary bytes: every line of the input is understood, completed, helped with, masked and run
 * against harmless commands. The first byte chooses the role and the mode. */
#include "../unit/shell_table.h"

#include "shell/session_private.h"

#include <stdint.h>

static struct table_context context;
static struct shell_program program;
static struct shell_session *sessions[2];

static void open_once(void)
{
    static const struct shell_caller callers[2] = {{"oper", SHELL_ROLE_USER, NULL},
                                                   {"admin", SHELL_ROLE_ADMIN, NULL}};
    struct error err = {0};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    /* What the commands print is not looked at. */
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        abort();
    program = table_program(&context);
    for (size_t i = 0; i < 2; i++)
        if ((sessions[i] = shell_session_new(&program, &callers[i], &err)) == NULL)
            abort();
}

static void try_line(struct shell_session *session, const char *line, size_t length)
{
    struct complete_place place = {&session->grammar, session->mode, session->caller.role};
    struct shell_words words = {0};
    char *masked = NULL;
    size_t typed = 0;
    int runs = context.runs;

    complete_words(&place, line, length, &words, &typed);
    if (typed > length)
        abort();
    shell_words_free(&words);
    free(complete_help(&place, line, length, (struct caret){7, 0}));
    if (context.runs != runs)
        abort();
    session_run(session, line, length, (struct caret){0, 80}, &masked);
    if (masked != NULL && !text_is_utf8(masked, strlen(masked)))
        abort();
    free(masked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shell_session *session;
    const char *text = (const char *)data;

    if (sessions[0] == NULL)
        open_once();
    if (size == 0)
        return 0;
    session = sessions[data[0] & 1];
    shell_enter_mode(session, (data[0] & 6) == 2   ? &table_config
                              : (data[0] & 6) == 4 ? &table_config_ha
                                                   : &shell_mode_exec);
    for (text++, size--; size > 0;) {
        const char *end = memchr(text, '\n', size);
        size_t length = end != NULL ? (size_t)(end - text) : size;
        /* In memory of its own and without a NUL, so that one byte too far is noticed. */
        char *line = malloc(length > 0 ? length : 1);

        if (line == NULL)
            abort();
        memcpy(line, text, length);
        try_line(session, line, length);
        free(line);
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
    session->leaving = false;
    session->gone = false;
    return 0;
}
