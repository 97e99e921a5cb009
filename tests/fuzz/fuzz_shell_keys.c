/* Any keys at all into the editor: it neither crashes nor hangs, and a line it gives is a line. */
#include "shell/editor_private.h"

#include "shell/terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define KEYS_MOST 3000   /* bytes: what a terminal takes without a reader */
#define IDLE_LIMIT_MS 50 /* ends what the keys leave open */

static const char *prompt(void *arg)
{
    (void)arg;
    return "h/admin# ";
}

static void complete(void *arg, const char *line, size_t cursor, struct shell_words *words, size_t *typed)
{
    (void)arg;
    *typed = cursor > 0 && line[cursor - 1] != ' ' ? 1 : 0;
    shell_words_add(words, "caf\xc3\xa9", "");
    if (cursor % 2 == 0)
        shell_words_add(words, "caf\xc3\xa8", "");
}

static char *help(void *arg, const char *line, size_t cursor)
{
    (void)arg, (void)line;
    return cursor % 3 == 0 ? NULL : strdup("  help\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct editor_hooks hooks = {.prompt = prompt, .complete = complete, .help = help};
    static const char goodbye[] = "\r\003\003\004\004";
    struct editor *editor;
    struct termios raw;
    int master, slave, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    char *line;

    if (size < 1 || size > KEYS_MOST || openpty(&master, &slave, NULL, NULL, NULL) != 0)
        goto end;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    setenv("TERM", data[0] % 2 == 0 ? "vt100" : "dumb", 1);
    editor = editor_new(slave, nowhere, &hooks, NULL, NULL);
    if (editor == NULL)
        abort();
    editor_set_width(editor, data[0] % 5 * 7 + (data[0] % 5 == 1));
    editor_set_idle_limit_ms(editor, IDLE_LIMIT_MS);
    if (write(master, data, size) < 0 || write(master, goodbye, strlen(goodbye)) < 0)
        abort();
    for (enum editor_end how = EDITOR_LINE; how == EDITOR_LINE || how == EDITOR_EMPTY;) {
        how = editor_read(editor, &line);
        if (how == EDITOR_LINE && (strchr(line, '\n') != NULL || strlen(line) > EDITOR_LINE_MOST))
            abort();
        if (how == EDITOR_LINE)
            editor_remember(editor, line);
        free(line);
    }
    editor_free(editor);
    close(master);
    close(slave);
end:
    close(nowhere);
    return 0;
}
