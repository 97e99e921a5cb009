/* Keys one by one, and a line of them: what a running command asks. */
#include "shell/terminal.h"

#include "shell/cells.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define KEY_INTERRUPT 3   /* Ctrl-C */
#define KEY_END 4         /* Ctrl-D */
#define KEY_ERASE_LINE 21 /* Ctrl-U */
#define KEY_ESCAPE 27
#define KEY_DELETE 127
#define UTF8_LONGEST 4
#define ESCAPE_WAIT_MS 50 /* a key's sequence arrives in one piece; a lone Escape has nothing behind it */

static int read_byte(int fd)
{
    unsigned char byte;

    for (;;) {
        ssize_t got = read(fd, &byte, 1);

        if (got == 1)
            return byte;
        if (got < 0 && errno == EINTR && terminal_interrupted()) {
            terminal_forget_interrupt();
            return KEY_INTERRUPT;
        }
        if (got < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};

            poll(&wait, 1, -1);
        } else if (got == 0 || errno != EINTR) {
            return -1;
        }
    }
}

static bool more_soon(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, ESCAPE_WAIT_MS) == 1;
}

/* ECMA-48: ESC [ parameters (0x30 to 0x3f), intermediates (0x20 to 0x2f), a final byte; ESC O and a letter.
 */
static void swallow_sequence(int fd)
{
    int byte;

    if (!more_soon(fd))
        return;
    byte = read_byte(fd);
    if (byte == 'O' && more_soon(fd)) {
        read_byte(fd);
    } else if (byte == '[') {
        do
            byte = more_soon(fd) ? read_byte(fd) : -1;
        while (byte >= 0x20 && byte < 0x40);
    }
}

/* 0: a byte can be read, or the terminal is gone; otherwise what terminal_key() gives for it. */
static int wait_for_key(int fd, char *warning)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = terminal_idle_left();
        int ready;

        if (left == 0)
            return terminal_idle_passed(warning);
        if (terminal_interrupted())
            return 0; /* read_byte() tells */
        ready = poll(&wait, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return 0;
    }
}

int terminal_key(int fd, char *warning)
{
    int byte, waited;

    waited = wait_for_key(fd, warning);
    if (waited != 0)
        return waited;
    if (terminal_interrupted()) {
        terminal_forget_interrupt();
        return KEY_INTERRUPT;
    }
    byte = read_byte(fd);
    if (byte > 0) /* a NUL is line noise, or somebody who wants to keep an idle session open */
        terminal_expect_key();
    if (byte != KEY_ESCAPE)
        return byte;
    swallow_sequence(fd);
    return 0;
}

struct asked {
    int out;
    bool echo;
    char *line;
    size_t used;
    size_t size;
    size_t shown; /* bytes of `line` that are on the screen: whole characters only */
};

static void show(const struct asked *asked, const char *bytes, size_t length)
{
    if (asked->echo)
        (void)file_write_all(asked->out, bytes, length);
}

static void erase_character(struct asked *asked)
{
    size_t start = asked->used, cells;

    if (start == 0)
        return;
    while (start > 0 && ((unsigned char)asked->line[--start] & 0xc0) == 0x80)
        ;
    cells = start < asked->shown ? cells_of(asked->line + start, asked->shown - start) : 0;
    explicit_bzero(asked->line + start, asked->used - start);
    asked->used = start;
    asked->shown = start < asked->shown ? start : asked->shown;
    while (cells-- > 0)
        show(asked, "\b \b", 3);
}

/* What can no more become a character goes. */
static void drop_partial(struct asked *asked)
{
    asked->used = asked->shown;
    (void)file_write_all(asked->out, "\a", 1);
}

static void add_byte(struct asked *asked, int byte)
{
    size_t length;

    if (asked->used > asked->shown && (byte & 0xc0) != 0x80)
        drop_partial(asked);
    if (asked->used + 1 >= asked->size) {
        (void)file_write_all(asked->out, "\a", 1);
        return;
    }
    asked->line[asked->used++] = (char)byte;
    length = text_utf8_next(asked->line + asked->shown, asked->used - asked->shown, NULL);
    if (length > 0) {
        show(asked, asked->line + asked->shown, length);
        asked->shown += length;
    } else if (asked->used - asked->shown >= UTF8_LONGEST || byte >= 0xf5) {
        drop_partial(asked);
    }
}

/* Cuts a character that did not come whole, so that the answer is UTF-8 if what was typed is. */
static int finish(struct asked *asked, int result)
{
    if (result == 1)
        asked->used = asked->shown;
    else
        explicit_bzero(asked->line, asked->size);
    asked->line[result == 1 ? asked->used : 0] = '\0';
    (void)file_write_all(asked->out, "\r\n", 2);
    return result;
}

/* The warning, then the question again with what was typed. */
static void say_idle(const struct asked *asked, const char *question, const char *warning)
{
    struct text text = {0};

    text_format(&text, "\r\n%s\r\n%s", warning, question);
    if (!text.failed)
        (void)file_write_all(asked->out, text.data, text.length);
    text_free(&text);
    show(asked, asked->line, asked->shown);
}

int terminal_ask(int in, int out, const char *question, bool echo, char *line, size_t size)
{
    struct asked asked = {.out = out, .echo = echo, .line = line, .size = size};
    char warning[IDLE_WARNING_SIZE];

    if (file_write_all(out, question, strlen(question)) != 0)
        return -1;
    terminal_expect_key();
    for (;;) {
        int key = terminal_key(in, warning);

        if (key == TERMINAL_IDLE) {
            say_idle(&asked, question, warning);
            continue;
        }
        if (key < 0 || (key == KEY_END && asked.used == 0))
            return finish(&asked, -1);
        if (key == KEY_INTERRUPT)
            return finish(&asked, 0);
        if (key == '\r' || key == '\n')
            return finish(&asked, 1);
        if (key == '\b' || key == KEY_DELETE)
            erase_character(&asked);
        else if (key == KEY_ERASE_LINE)
            while (asked.used > 0)
                erase_character(&asked);
        else if (key >= 0x20)
            add_byte(&asked, key);
    }
}
