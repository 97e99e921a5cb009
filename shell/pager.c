#include "shell/cells.h"
#include "shell/sink.h"
#include "shell/terminal.h"

#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define MORE " --More-- "
#define MORE_ERASED "\r          \r"
#define SEARCH_MOST 256 /* bytes of /text */
#define KEY_INTERRUPT 3 /* Ctrl-C */

struct pager {
    struct sink sink;
    struct sink *screen;
    int in;
    int out;
    size_t length;    /* lines of the screen */
    size_t width;     /* cells; 0: lines do not wrap */
    size_t room;      /* lines that can be shown while the last one stays free */
    struct text held; /* fits on the last line, should nothing follow */
    bool skipping;
    char search[SEARCH_MOST];
};

static size_t rows_of(const struct pager *pager, const char *line, size_t length)
{
    size_t cells;

    if (pager->width == 0)
        return 1;
    cells = cells_of(line, length - (line[length - 1] == '\n'));
    return cells <= pager->width ? 1 : (cells + pager->width - 1) / pager->width;
}

static void show(struct pager *pager, const char *line, size_t length)
{
    size_t rows = rows_of(pager, line, length);

    sink_write(pager->screen, line, length);
    pager->room -= rows < pager->room ? rows : pager->room;
    pager->sink.stopped = pager->sink.stopped || pager->screen->stopped;
}

/* True if there is a text to look for. */
static bool ask_search(struct pager *pager)
{
    char typed[SEARCH_MOST];

    if (terminal_ask(pager->in, pager->out, "/", true, typed, sizeof(typed)) != 1)
        return false;
    if (typed[0] != '\0')
        memcpy(pager->search, typed, sizeof(typed));
    pager->skipping = pager->search[0] != '\0';
    return pager->skipping;
}

/* A key that means something here, or -1. */
static int read_key(const struct pager *pager)
{
    char warning[IDLE_WARNING_SIZE];
    struct text text = {0};

    for (;;) {
        int key = terminal_key(pager->in, warning);

        if (key == -1 || (key > 0 && strchr(" \r\nqQ/\003", key) != NULL))
            return key;
        if (key != TERMINAL_IDLE)
            continue;
        text_format(&text, MORE_ERASED "%s\r\n" MORE, warning);
        (void)file_write_all(pager->out, text.data, text.length);
        text_free(&text);
    }
}

/* Waits for a key that says how to go on. */
static void ask_for_more(struct pager *pager)
{
    bool decided = false;

    sink_flush(pager->screen);
    terminal_expect_key();
    while (!decided && !pager->sink.stopped) {
        int key;

        if (file_write_all(pager->out, MORE, strlen(MORE)) != 0)
            pager->sink.stopped = true;
        key = read_key(pager);
        (void)file_write_all(pager->out, MORE_ERASED, strlen(MORE_ERASED));
        decided = key != '/' || ask_search(pager);
        if (key < 0 || key == 'q' || key == 'Q' || key == KEY_INTERRUPT)
            pager->sink.stopped = true;
        else if (key == '\r' || key == '\n')
            pager->room = 1;
        else
            pager->room = pager->length - 1;
    }
}

/* Skipping over lines up to the one that holds the text looked for. */
static bool skipped(struct pager *pager, const char *line, size_t length)
{
    if (pager->skipping && memmem(line, length, pager->search, strlen(pager->search)) != NULL)
        pager->skipping = false;
    return pager->skipping;
}

static void place(struct pager *pager, const char *line, size_t length)
{
    size_t rows = rows_of(pager, line, length);

    if (skipped(pager, line, length))
        return;
    if (pager->held.length == 0 && rows > pager->room && rows == pager->room + 1) {
        text_add(&pager->held, line, length);
        return;
    }
    if (pager->held.length > 0 || (rows > pager->room && pager->room + 1 < pager->length)) {
        ask_for_more(pager);
        if (pager->held.length > 0 && !pager->sink.stopped) {
            struct text held = pager->held;

            pager->held = (struct text){0};
            if (!skipped(pager, held.data, held.length))
                show(pager, held.data, held.length);
            text_free(&held);
        }
        if (pager->sink.stopped || skipped(pager, line, length))
            return;
        if (rows == pager->room + 1) {
            text_add(&pager->held, line, length);
            return;
        }
    }
    show(pager, line, length);
}

static void pager_write(struct sink *sink, const char *lines, size_t length)
{
    struct pager *pager = (struct pager *)sink;

    if (pager->length == 0) {
        show(pager, lines, length);
        return;
    }
    while (length > 0 && !sink->stopped) {
        const char *end = memchr(lines, '\n', length);
        size_t step = end != NULL ? (size_t)(end - lines) + 1 : length;

        place(pager, lines, step);
        lines += step;
        length -= step;
    }
}

static void pager_flush(struct sink *sink)
{
    struct pager *pager = (struct pager *)sink;

    if (pager->held.length > 0 && !sink->stopped)
        show(pager, pager->held.data, pager->held.length);
    text_clear(&pager->held);
    sink_flush(pager->screen);
}

static void pager_finish(struct sink *sink)
{
    struct pager *pager = (struct pager *)sink;

    pager_flush(sink);
    if (pager->skipping && !sink->stopped) {
        struct text line = {0};

        text_format(&line, "No further line holds: %s\n", pager->search);
        sink_write(pager->screen, line.data, line.length);
        text_free(&line);
    }
    sink_finish(pager->screen);
}

static void pager_free(struct sink *sink)
{
    struct pager *pager = (struct pager *)sink;

    sink_free(pager->screen);
    text_free(&pager->held);
    free(pager);
}

struct sink *sink_pager(int in, int out, int length, int width)
{
    static const struct sink_kind kind = {
        .write = pager_write, .finish = pager_finish, .free = pager_free, .flush = pager_flush};
    struct pager *pager = calloc(1, sizeof(*pager));

    if (pager == NULL)
        return NULL;
    pager->screen = sink_fd(out, true);
    if (pager->screen == NULL) {
        free(pager);
        return NULL;
    }
    pager->sink.kind = &kind;
    pager->in = in;
    pager->out = out;
    pager->length = length > 0 ? (size_t)length : 0;
    pager->width = width > 0 ? (size_t)width : 0;
    pager->room = pager->length > 0 ? pager->length - 1 : 0;
    return &pager->sink;
}
