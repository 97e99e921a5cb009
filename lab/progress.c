#include "lab/progress.h"

#include "base/text.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define UP_AND_CLEAR "\033[%zuA\r\033[K" /* to a line above, emptied */
#define DOWN "\r\033[%zuB"

static bool screen_size(FILE *file, struct winsize *out)
{
    return ioctl(fileno(file), TIOCGWINSZ, out) == 0 && out->ws_row > 0 && out->ws_col > 0;
}

void lab_progress_start(struct lab_progress *progress, FILE *file)
{
    struct winsize size;

    *progress = (struct lab_progress){.file = file};
    progress->terminal =
        file != NULL && isatty(fileno(file)) && screen_size(file, &size) && size.ws_row > LAB_PROGRESS_MAX;
}

/* A line that wrapped could not be rewritten: it is cut where the screen ends. */
static void draw(const struct lab_progress *progress, size_t line)
{
    char text[sizeof(progress->lines[0].name) + LAB_PROGRESS_TEXT + 4];
    struct winsize size;

    snprintf(text, sizeof(text), "%s  %s", progress->lines[line].name, progress->lines[line].state);
    if (progress->terminal && screen_size(progress->file, &size) && strlen(text) >= size.ws_col)
        text[text_cut_utf8(text, (size_t)size.ws_col - 1)] = '\0';
    fputs(text, progress->file);
}

size_t lab_progress_add(struct lab_progress *progress, const char *name, const char *state)
{
    size_t line = progress->count;

    if (line == LAB_PROGRESS_MAX)
        return line - 1;
    progress->count++;
    snprintf(progress->lines[line].name, sizeof(progress->lines[line].name), "%s", name);
    snprintf(progress->lines[line].state, sizeof(progress->lines[line].state), "%s", state);
    if (progress->terminal) {
        draw(progress, line);
        fputs("\n", progress->file);
        fflush(progress->file);
    }
    return line;
}

void lab_progress_set(struct lab_progress *progress, size_t line, bool settled, const char *format, ...)
{
    char state[LAB_PROGRESS_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(state, sizeof(state), format, args);
    va_end(args);
    if (progress->file == NULL || (!settled && !progress->terminal) ||
        (progress->terminal && strcmp(state, progress->lines[line].state) == 0))
        return;
    memcpy(progress->lines[line].state, state, sizeof(state));
    if (progress->terminal)
        fprintf(progress->file, UP_AND_CLEAR, progress->count - line);
    draw(progress, line);
    if (progress->terminal)
        fprintf(progress->file, DOWN, progress->count - line);
    else
        fputs("\n", progress->file);
    fflush(progress->file);
}
