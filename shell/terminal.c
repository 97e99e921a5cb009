#include "shell/terminal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* A process has one terminal; its state is global because signal handlers restore it. */
static struct {
    volatile sig_atomic_t active;
    int fd;
    struct termios before;
    struct termios keys;     /* Ctrl-C is a byte */
    struct termios commands; /* Ctrl-C is a signal */
    volatile sig_atomic_t running;
    volatile sig_atomic_t interrupted;
    struct sigaction interrupt_before;
    bool exit_hook;
} terminal;

static const int fatal_signals[] = {SIGHUP, SIGTERM, SIGQUIT, SIGINT, SIGSEGV,
                                    SIGBUS, SIGABRT, SIGFPE,  SIGILL};

bool terminal_size(int fd, int *columns, int *lines)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return false;
    *columns = size.ws_col;
    *lines = size.ws_row;
    return true;
}

static void restore_at_exit(void)
{
    if (terminal.active)
        tcsetattr(terminal.fd, TCSANOW, &terminal.before);
}

/* Runs in signal context: tcsetattr() and raise() are async-signal-safe (POSIX.1-2017 section 2.4.3). */
static void restore_and_die(int number)
{
    restore_at_exit();
    terminal.active = 0;
    raise(number); /* its action is the default again (SA_RESETHAND) */
}

/* Another program had the terminal while this one was stopped. */
static void take_up_again(int number)
{
    int saved = errno;

    (void)number;
    if (terminal.active)
        tcsetattr(terminal.fd, TCSANOW, terminal.running ? &terminal.commands : &terminal.keys);
    errno = saved;
}

static void note_interrupt(int number)
{
    (void)number;
    terminal.interrupted = 1;
}

/* Leaves alone what the program (or a sanitizer) handles itself. */
static void set_handler(int number, void (*from)(int), void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct sigaction before;

    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && (before.sa_flags & SA_SIGINFO) == 0 &&
        before.sa_handler == from)
        sigaction(number, &action, NULL);
}

static void set_handlers(bool on)
{
    for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++) {
        if (on)
            set_handler(fatal_signals[i], SIG_DFL, restore_and_die, (int)SA_RESETHAND);
        else
            set_handler(fatal_signals[i], restore_and_die, SIG_DFL, 0);
    }
    if (on)
        set_handler(SIGCONT, SIG_DFL, take_up_again, SA_RESTART);
    else
        set_handler(SIGCONT, take_up_again, SIG_DFL, 0);
}

/* Its settings are changed: from here on they are put back, come what may. */
static void take_over(int fd)
{
    if (terminal.active)
        return;
    terminal.fd = fd;
    terminal.active = 1;
    if (!terminal.exit_hook)
        atexit(restore_at_exit);
    terminal.exit_hook = true;
    set_handlers(true);
}

bool terminal_can_move(void)
{
    const char *term = getenv("TERM");

    return term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0 && strcmp(term, "unknown") != 0;
}

#define CELLS_OF_BYTE 2    /* at most: ^C */
#define COLUMNS_UNKNOWN 80 /* of a terminal that does not say */
#define SCREEN_COLUMNS_MOST 511

/* What was typed before this program ran was shown then, and is shown again behind the prompt. It is taken
 * off with blanks: to whoever only types and sends, no escape sequence goes. */
static void erase_shown(int in, int out)
{
    char erase[2 + SCREEN_COLUMNS_MOST];
    int waiting = 0, columns = COLUMNS_UNKNOWN, lines;
    size_t cells;

    if ((terminal.before.c_lflag & ECHO) == 0 || !terminal_can_move() || ioctl(in, FIONREAD, &waiting) != 0 ||
        waiting <= 0)
        return;
    (void)terminal_size(out, &columns, &lines);
    cells = columns < SCREEN_COLUMNS_MOST ? (size_t)columns - 1 : SCREEN_COLUMNS_MOST;
    if ((size_t)waiting * CELLS_OF_BYTE < cells)
        cells = (size_t)waiting * CELLS_OF_BYTE;
    erase[0] = '\r';
    memset(erase + 1, ' ', cells);
    erase[cells + 1] = '\r';
    (void)!write(out, erase, cells + 2);
}

void terminal_quiet(int in, int out)
{
    struct termios quiet;

    if (terminal.active || tcgetattr(in, &terminal.before) != 0)
        return;
    quiet = terminal.before;
    quiet.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON);
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(in, TCSANOW, &quiet) != 0)
        return;
    terminal.keys = terminal.commands = quiet;
    take_over(in);
    erase_shown(in, out);
}

int terminal_raw(int fd, struct error *err)
{
    struct termios *keys = &terminal.keys;

    if (!terminal.active && tcgetattr(fd, &terminal.before) != 0)
        return error_set_errno(err, errno, "cannot read the terminal's settings");
    *keys = terminal.before;
    cfmakeraw(keys);
    keys->c_cc[VMIN] = 1;
    keys->c_cc[VTIME] = 0;
    terminal.commands = *keys;
    terminal.commands.c_lflag |= ISIG | NOFLSH; /* NOFLSH: what is typed ahead survives Ctrl-C */
    for (size_t i = 0; i < NCCS; i++) {
        if (i != VMIN && i != VTIME)
            terminal.commands.c_cc[i] = _POSIX_VDISABLE;
    }
    terminal.commands.c_cc[VINTR] = 3;
    if (tcsetattr(fd, TCSADRAIN, keys) != 0)
        return error_set_errno(err, errno, "cannot change the terminal's settings");
    take_over(fd);
    return 0;
}

void terminal_restore(int fd)
{
    if (!terminal.active || terminal.fd != fd)
        return;
    terminal_commands(false);
    set_handlers(false);
    terminal.active = 0;
    tcsetattr(fd, TCSADRAIN, &terminal.before);
}

void terminal_commands(bool running)
{
    if (!terminal.active || (bool)terminal.running == running)
        return;
    if (running) {
        struct sigaction action = {.sa_handler = note_interrupt}; /* no SA_RESTART: it cuts short */

        terminal.interrupted = 0;
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, &terminal.interrupt_before);
        terminal.running = 1;
        tcsetattr(terminal.fd, TCSANOW, &terminal.commands);
    } else {
        terminal.running = 0;
        tcsetattr(terminal.fd, TCSANOW, &terminal.keys);
        sigaction(SIGINT, &terminal.interrupt_before, NULL);
    }
}

bool terminal_interrupted(void)
{
    return terminal.interrupted != 0;
}

void terminal_forget_interrupt(void)
{
    terminal.interrupted = 0;
}

int terminal_wait(int in, int fd, int timeout_ms)
{
    int64_t until = timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms;
    bool switched = in >= 0 && !terminal.running;
    int person = in < 0 && fd < 0 ? STDOUT_FILENO : in;
    sigset_t blocked, before, during;
    int result = -2;

    /* SIGINT is let in only while waiting, so that none slips in between the look and the wait. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    during = before;
    sigdelset(&during, SIGINT);
    if (switched)
        terminal_commands(true);
    while (result == -2) {
        struct pollfd wait[2] = {{.fd = fd, .events = POLLIN}, {.fd = person, .events = 0}};
        int64_t left = until < 0 ? 0 : until - clock_monotonic_ms();
        struct timespec limit = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        int ready;

        if (left < 0)
            limit = (struct timespec){0};
        if (in >= 0 && terminal.interrupted)
            result = 0;
        else if ((ready = ppoll(wait, 2, until < 0 ? NULL : &limit, &during)) == 0)
            result = -1;
        else if (ready < 0 && errno != EINTR)
            result = -1;
        else if (ready > 0 && wait[0].revents == 0 && (wait[1].revents & POLLNVAL) != 0)
            person = -1; /* started with its output closed: nobody is there who could leave */
        else if (ready > 0)
            result = wait[0].revents != 0 ? 1 : 0; /* a terminal that is gone counts as Ctrl-C */
    }
    if (switched)
        terminal_commands(false);
    if (switched || result == 0) /* it is answered: what the command says of it must not be cut short */
        terminal.interrupted = 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}
