#include "shell/sink.h"
#include "shell/terminal.h"

#include "shell_pty.h"

#define MORE " --More-- "
#define ERASED "\r          \r"

struct task {
    int length, width, lines;
    size_t long_line; /* the line of this number is long_cells wide */
    size_t long_cells;
    bool interruptible;
};

static int page(void *arg)
{
    const struct task *task = arg;
    struct error err = {0};
    struct sink *sink = sink_pager(0, 1, task->length, task->width);
    struct text line = {0};
    int stopped;

    if (terminal_raw(0, &err) != 0)
        return 100;
    terminal_commands(task->interruptible);
    for (int i = 1; i <= task->lines && !sink->stopped; i++) {
        text_clear(&line);
        text_format(&line, "%d", i);
        while (i == (int)task->long_line && line.length < task->long_cells)
            text_add(&line, "x", 1);
        text_add(&line, "\n", 1);
        sink_write(sink, line.data, line.length);
    }
    sink_finish(sink);
    stopped = sink->stopped;
    sink_free(sink);
    text_free(&line);
    terminal_restore(0);
    return stopped;
}

static void exactly_a_screen_does_not_page(void **state)
{
    struct task task = {.length = 5, .width = 80, .lines = 5};
    struct pty pty = pty_start(80, 24, page, &task);

    (void)state;
    pty_expect(&pty, "1\r\n2\r\n3\r\n4\r\n5\r\n");
    pty_end(&pty, 0);
}

static void length_0_never_pages(void **state)
{
    struct task task = {.length = 0, .width = 80, .lines = 3000};
    struct pty pty = pty_start(80, 24, page, &task);

    (void)state;
    for (int i = 1; i <= 3000; i++) {
        char line[16];

        snprintf(line, sizeof(line), "%d\r\n", i);
        pty_expect(&pty, line);
    }
    pty_end(&pty, 0);
}

static void space_is_a_page_and_enter_a_line(void **state)
{
    struct task task = {.length = 4, .width = 80, .lines = 12};
    struct pty pty = pty_start(80, 24, page, &task);

    (void)state;
    pty_expect(&pty, "1\r\n2\r\n3\r\n" MORE);
    pty_send(&pty, "z\033[A ");
    pty_expect(&pty, ERASED "4\r\n5\r\n6\r\n" MORE);
    pty_send(&pty, "\r");
    pty_expect(&pty, ERASED "7\r\n" MORE);
    pty_send(&pty, "\n");
    pty_expect(&pty, ERASED "8\r\n" MORE);
    pty_send(&pty, " ");
    pty_expect(&pty, ERASED "9\r\n10\r\n11\r\n12\r\n");
    pty_end(&pty, 0);
}

static void q_and_ctrl_c_stop(void **state)
{
    static const char *const keys[] = {"q", "Q", "\003"};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct task task = {.length = 3, .width = 80, .lines = 1000000, .interruptible = i >= 3};
        struct pty pty = pty_start(80, 24, page, &task);

        pty_expect(&pty, "1\r\n2\r\n" MORE);
        pty_send(&pty, keys[i % 3]);
        pty_expect(&pty, ERASED);
        pty_end(&pty, 1);
    }
}

static void ctrl_c_stops_an_endless_output(void **state)
{
    struct task task = {.length = 0, .width = 80, .lines = 2000000000, .interruptible = true};
    struct pty pty = pty_start(80, 24, page, &task);

    (void)state;
    pty_until(&pty, "1000\r\n");
    pty_send(&pty, "\003");
    while (pty_receive(&pty))
        text_clear(&pty.seen);
    text_clear(&pty.seen);
    pty_end(&pty, 1);
}

static void slash_skips_to_a_text(void **state)
{
    struct task task = {.length = 4, .width = 80, .lines = 60};
    struct pty pty = pty_start(80, 24, page, &task);

    (void)state;
    pty_expect(&pty, "1\r\n2\r\n3\r\n" MORE);
    pty_send(&pty, "/20\r");
    pty_expect(&pty, ERASED "/20\r\n20\r\n21\r\n22\r\n" MORE);
    pty_send(&pty, "/\003");
    pty_expect(&pty, ERASED "/\r\n" MORE);
    pty_send(&pty, "/x\177nowhere\r");
    pty_expect(&pty, ERASED "/x\b \bnowhere\r\nNo further line holds: nowhere\r\n");
    pty_end(&pty, 0);
}

static void wrapped_lines_count_as_several(void **state)
{
    struct task task = {.length = 5, .width = 10, .lines = 6, .long_line = 2, .long_cells = 25};
    struct pty pty = pty_start(10, 24, page, &task);

    (void)state;
    pty_expect(&pty, "1\r\n2xxxxxxxxxxxxxxxxxxxxxxxx\r\n" MORE);
    pty_send(&pty, " ");
    pty_expect(&pty, ERASED "3\r\n4\r\n5\r\n6\r\n");
    pty_end(&pty, 0);

    task = (struct task){.length = 3, .width = 10, .lines = 4, .long_line = 2, .long_cells = 95};
    pty = pty_start(10, 24, page, &task);
    pty_expect(&pty, "1\r\n" MORE);
    pty_send(&pty, "\r");
    pty_until(&pty, "x\r\n" MORE);
    pty_send(&pty, " ");
    pty_expect(&pty, ERASED "3\r\n4\r\n");
    pty_end(&pty, 0);
}

static int ask(void *arg)
{
    struct error err = {0};
    char line[12];
    int rc, wait;

    if (terminal_raw(0, &err) != 0)
        return 100;
    rc = terminal_ask(0, 1, "Password: ", *(bool *)arg, line, sizeof(line));
    dprintf(1, "%d %s\r\n", rc, line);
    wait = terminal_wait(0, -1, 10);
    dprintf(1, "%d\r\n", wait);
    terminal_restore(0);
    return 0;
}

static void questions_echo_or_do_not(void **state)
{
    static const struct {
        bool echo;
        const char *keys, *seen;
    } rows[] = {
        {true, "abc\r", "abc\r\n1 abc\r\n"},
        {false, "ab?\tc\xc3\xa9\r", "\r\n1 ab?c\xc3\xa9\r\n"},
        {false, "abc\177\025x\r", "\r\n1 x\r\n"},
        {true, "a\xe6\xbc\xa2\177b\r", "a\xe6\xbc\xa2\b \b\b \bb\r\n1 ab\r\n"},
        {true, "ab\003", "ab\r\n0 \r\n"},
        {true, "\004", "\r\n-1 \r\n"},
        {true, "0123456789abcd\r", "0123456789a\a\a\a\r\n1 0123456789a\r\n"},
        {true, "\033[A\033OBa\xff.\r", "a\a.\r\n1 a.\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool echo = rows[i].echo;
        struct pty pty = pty_start(80, 24, ask, &echo);

        pty_expect(&pty, "Password: ");
        pty_send(&pty, rows[i].keys);
        pty_expect(&pty, rows[i].seen);
        pty_expect(&pty, "-1\r\n");
        pty_end(&pty, 0);
    }
}

#define WARNING "This session ends in 1 seconds unless a key is pressed."
#define IDLE_MS 400

static int page_idle(void *arg)
{
    int stopped;

    terminal_set_idle_limit(IDLE_MS);
    stopped = page(arg);
    return terminal_idle_over() ? 10 + stopped : stopped;
}

static void more_ends_when_idle_after_a_warning(void **state)
{
    struct task task = {.length = 4, .width = 80, .lines = 60};
    struct pty pty = pty_start(80, 24, page_idle, &task);

    (void)state;
    pty_expect(&pty, "1\r\n2\r\n3\r\n" MORE);
    pty_expect(&pty, ERASED WARNING "\r\n" MORE);
    pty_send(&pty, "\r");
    pty_expect(&pty, ERASED "4\r\n" MORE);
    pty_send_bytes(&pty, "\0\0\0", 3); /* nobody's fingers */
    pty_expect(&pty, ERASED WARNING "\r\n" MORE ERASED);
    pty_end(&pty, 11);
}

static int ask_idle(void *arg)
{
    terminal_set_idle_limit(IDLE_MS);
    ask(arg);
    return terminal_idle_over();
}

static void questions_end_when_idle_after_a_warning(void **state)
{
    bool echo = true, silent = false;
    struct pty pty = pty_start(80, 24, ask_idle, &echo);

    (void)state;
    pty_expect(&pty, "Password: ");
    pty_send(&pty, "ab");
    pty_expect(&pty, "ab\r\n" WARNING "\r\nPassword: ab\r\n-1 \r\n-1\r\n");
    pty_end(&pty, 1);
    pty = pty_start(80, 24, ask_idle, &silent);
    pty_expect(&pty, "Password: ");
    pty_send(&pty, "ab");
    pty_expect(&pty, "\r\n" WARNING "\r\nPassword: ");
    pty_send(&pty, "c\r");
    pty_expect(&pty, "\r\n1 abc\r\n-1\r\n");
    pty_end(&pty, 0);
}

static int watch(void *arg)
{
    char warning[IDLE_WARNING_SIZE];
    struct error err = {0};
    int due;

    (void)arg;
    if (terminal_raw(0, &err) != 0)
        return 100;
    terminal_set_idle_limit(IDLE_MS);
    terminal_expect_key();
    dprintf(1, "watching\r\n");
    while ((due = terminal_watched(0, warning)) != -1) {
        if (due == TERMINAL_IDLE)
            dprintf(1, "%s\r\n", warning);
        terminal_wait(0, -1, 10);
    }
    terminal_restore(0);
    return terminal_idle_over();
}

static void what_only_shows_ends_when_idle_after_a_warning(void **state)
{
    struct pty pty = pty_start(80, 24, watch, NULL);

    (void)state;
    pty_expect(&pty, "watching\r\n" WARNING "\r\n");
    pty_send(&pty, "x"); /* it stays for the next line, and counts */
    pty_expect(&pty, WARNING "\r\n");
    pty_end(&pty, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_a_screen_does_not_page),
        cmocka_unit_test(length_0_never_pages),
        cmocka_unit_test(space_is_a_page_and_enter_a_line),
        cmocka_unit_test(q_and_ctrl_c_stop),
        cmocka_unit_test(ctrl_c_stops_an_endless_output),
        cmocka_unit_test(slash_skips_to_a_text),
        cmocka_unit_test(wrapped_lines_count_as_several),
        cmocka_unit_test(questions_echo_or_do_not),
        cmocka_unit_test(more_ends_when_idle_after_a_warning),
        cmocka_unit_test(questions_end_when_idle_after_a_warning),
        cmocka_unit_test(what_only_shows_ends_when_idle_after_a_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
