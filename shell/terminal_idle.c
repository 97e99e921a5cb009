/* The idle limit while a command has the terminal. */
#include "shell/terminal.h"

#include "shell/idle.h"

#include "base/file.h"

#include <string.h>
#include <sys/ioctl.h>

/* Of the one terminal of a process. */
static struct {
    struct idle idle;
    bool over;
    int waiting; /* bytes typed ahead, when last looked at */
} watch;

void terminal_set_idle_limit(int64_t limit_ms)
{
    watch.idle.limit_ms = limit_ms;
    watch.over = false;
}

void terminal_expect_key(void)
{
    idle_touch(&watch.idle);
    watch.waiting = 0;
}

bool terminal_idle_over(void)
{
    return watch.over;
}

int64_t terminal_idle_left(void)
{
    return watch.over ? 0 : idle_left(&watch.idle);
}

int terminal_idle_passed(char *warning)
{
    if (!watch.over && idle_warn(&watch.idle, warning, IDLE_WARNING_SIZE))
        return TERMINAL_IDLE;
    watch.over = true;
    return -1;
}

int terminal_watched(int in, char *warning)
{
    int waiting = 0;

    if (ioctl(in, FIONREAD, &waiting) == 0 && waiting > watch.waiting) {
        terminal_expect_key();
        watch.waiting = waiting;
    }
    return terminal_idle_left() == 0 ? terminal_idle_passed(warning) : 0;
}
