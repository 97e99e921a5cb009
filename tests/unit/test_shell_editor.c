#include "shell/editor_private.h"

#include "shell_pty.h"

#include "shell/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define PROMPT "h/admin# "

static const char *const vocabulary[] = {"show", "shutdown", "configure", "caf\xc3\xa9"};

static const char *prompt(void *arg)
{
    (void)arg;
    return PROMPT;
}

static void complete(void *arg, const char *line, size_t cursor, struct shell_words *words, size_t *typed)
{
    size_t start = cursor;

    (void)arg;
    while (start > 0 && line[start - 1] != ' ')
        start--;
    *typed = cursor - start;
    for (size_t i = 0; i < sizeof(vocabulary) / sizeof(vocabulary[0]); i++) {
        if (strncmp(vocabulary[i], line + start, cursor - start) == 0)
            shell_words_add(words, vocabulary[i], "");
    }
}

static char *help(void *arg, const char *line, size_t cursor)
{
    struct text out = {0};

    (void)arg;
    text_format(&out, "  help on %.*s\n  second line\n", (int)cursor, line);
    return text_take(&out);
}

struct settings {
    const char *term;
    int width;
    int idle_ms;
    const char *history;
    int watch; /* descriptor with notices to print */
    bool quiet_first;
};

static struct editor *under_way;
static int notices;

static void show_notice(void *arg)
{
    char text[100];
    ssize_t got = read(notices, text, sizeof(text) - 1);

    (void)arg;
    text[got > 0 ? got : 0] = '\0';
    editor_notice(under_way, text);
}

/* Says what every line was; ends as the editor ends. "slow" waits for a byte from the terminal as a command
 * that asks would. */
static int edit_lines(void *arg)
{
    const struct settings *settings = arg;
    struct editor_hooks hooks = {.prompt = prompt, .complete = complete, .help = help};
    struct editor *editor;
    struct error err = {0};
    enum editor_end end;
    char *line;

    if (settings->term != NULL)
        setenv("TERM", settings->term, 1);
    else
        unsetenv("TERM");
    editor = editor_new(0, 1, &hooks, settings->history, &err);
    if (editor == NULL)
        return 100;
    editor_set_width(editor, settings->width);
    editor_set_idle_limit_ms(editor, settings->idle_ms);
    under_way = editor;
    notices = settings->watch;
    editor_watch(editor, settings->watch > 0 ? settings->watch : -1, show_notice, NULL);
    while ((end = editor_read(editor, &line)) == EDITOR_LINE || end == EDITOR_EMPTY) {
        char answer[20] = "";

        if (end == EDITOR_EMPTY)
            continue;
        editor_remember(editor, line);
        if (strcmp(line, "ask") == 0) {
            terminal_ask(0, 1, "Name: ", true, answer, sizeof(answer));
            dprintf(1, "<%s>\r\n", answer);
        } else if (strcmp(line, "wait") == 0) {
            dprintf(1, "%d\r\n", terminal_wait(0, -1, 20000));
        } else {
            dprintf(1, "[%s]\r\n", line);
        }
        free(line);
    }
    editor_free(editor);
    return (int)end;
}

static struct pty start(const struct settings *settings)
{
    return pty_start(80, 24, edit_lines, (void *)(uintptr_t)settings);
}

/* TERM values under which libedit itself would pad, move or complain. */
static const char *const terms[] = {"xterm-256color", "vt100", "dumb", "no-such-terminal", NULL};

static void typed_text_is_echoed_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
        struct settings settings = {.term = terms[i], .width = -1};
        struct pty pty = start(&settings);

        pty_expect(&pty, PROMPT);
        pty_send(&pty, "show version\r");
        pty_expect(&pty, "show version\r\n[show version]\r\n" PROMPT);
        pty_send(&pty, "\n");
        pty_expect(&pty, "\r\n" PROMPT);
        pty_send(&pty, "a b\r\nsecond\n");
        pty_expect(&pty, "a b\r\n[a b]\r\n" PROMPT "second\r\n[second]\r\n" PROMPT);
        pty_send(&pty, "\xe6\xbc\xa2 \xc3\xa9\xf0\x9f\x98\x80\xff^\\\r");
        pty_expect(&pty, "\xe6\xbc\xa2 \xc3\xa9\xf0\x9f\x98\x80\a^\\\r\n[\xe6\xbc\xa2 "
                         "\xc3\xa9\xf0\x9f\x98\x80^\\]\r\n" PROMPT);
        pty_send(&pty, "\004");
        pty_expect(&pty, "\r\n");
        pty_end(&pty, EDITOR_EXIT);
    }
}

static void long_lines_stay_whole(void **state)
{
    static const int widths[] = {-1, 0, 40};

    (void)state;
    for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]) * 3; i++) {
        struct settings settings = {.term = terms[i / 3], .width = widths[i % 3]};
        struct pty pty = start(&settings);
        struct text line = {0}, expected = {0};

        for (int word = 0; word < 130; word++)
            text_format(&line, "word%d ", word);
        pty_expect(&pty, PROMPT);
        pty_send_bytes(&pty, line.data, line.length);
        pty_send(&pty, "\n");
        text_format(&expected, "%s\r\n[%s]\r\n" PROMPT, line.data, line.data);
        pty_expect(&pty, expected.data);
        pty_send(&pty, "\032");
        pty_expect(&pty, "^Z\r\n");
        pty_end(&pty, EDITOR_MODE_END);
        text_free(&line);
        text_free(&expected);
    }
}

static void refuses_what_is_too_long_and_loses_nothing(void **state)
{
    struct settings settings = {.term = "vt100", .width = 0};
    struct pty pty = start(&settings);
    struct text line = {0}, expected = {0};

    (void)state;
    for (int i = 0; i < EDITOR_LINE_MOST / 2; i++)
        text_add(&line, "\xc3\xa9", 2);
    pty_expect(&pty, PROMPT);
    pty_send_bytes(&pty, line.data, line.length);
    pty_expect(&pty, line.data);
    pty_send(&pty, "xyz\t");
    pty_expect(&pty, "\a\a\a\a");
    pty_send(&pty, "\r");
    text_format(&expected, "\r\n[%s]\r\n" PROMPT, line.data);
    pty_expect(&pty, expected.data);
    pty_send(&pty, "\004");
    pty_expect(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
    text_free(&line);
    text_free(&expected);
}

/* What is sent, and the line that comes of it; how it is drawn is not the point here. */
static void keys_edit(void **state)
{
    static const struct {
        const char *keys, *line;
    } rows[] = {
        {"ac\002b\r", "abc"},
        {"bc\001a\005d\r", "abcd"},
        {"abc\033[D\033[D\033[C.\r", "ab.c"},
        {"abc\033OD.\r", "ab.c"},
        {"abc\033[Hx\033[Fy\r", "xabcy"},
        {"abc\033[1~x\033[4~y\r", "xabcy"},
        {"abc\001\033[3~\004\r", "c"},
        {"one two three\027\027x\r", "one x"},
        {"one two\033b\033[1;5Dx\033fy\r", "xoney two"},
        {"one two\001\033d.\r", ". two"},
        {"abc def\002\002\025x\r", "xef"},
        {"abc def\002\002\013x\r", "abc dx"},
        {"abc\025\031\031\r", "abcabc"},
        {"\xe6\xbc\xa2\xc3\xa9\177\177z\r", "z"},
        {"a\xe6\xbc\xa2"
         "b\002\002\xc3\xa9\r",
         "a\xc3\xa9\xe6\xbc\xa2"
         "b"},
        {"a\033[5~\033[15~\033[[A\033OP\033[200~b\033[201~\r", "ab"},
        {"a\026?b\r", "a?b"},
        {"a\026\003\026\tb\r", "a\003\tb"},
        {"x\003y\r", "y"},
        {"sh\tv\001\r", "shv"},
        {"sho\tversion\r", "show version"},
        {"conf\tx\r", "configure x"},
        {"caf\t.\r", "caf\xc3\xa9 ."},
        {"a sho\002\002\002\tx\r", "a xsho"},
        {"sho?w\r", "show"},
        {"\0330\0339\0339a\033x\r", "a"},
        {"\024ab\024\r", "ba"},
    };
    struct settings settings = {.term = "xterm", .width = -1};
    struct pty pty = start(&settings);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text expected = {0};

        text_format(&expected, "\r\n[%s]\r\n" PROMPT, rows[i].line);
        pty_send(&pty, rows[i].keys);
        pty_until(&pty, expected.data);
        text_free(&expected);
    }
    pty_send(&pty, "\004");
    pty_expect(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
}

static void edits_within_a_row_need_no_escape(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1};
    struct pty pty = start(&settings);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "abd");
    pty_expect(&pty, "abd");
    pty_send(&pty, "\177");
    pty_expect(&pty, "\b \b");
    pty_send(&pty, "\002");
    pty_expect(&pty, "\b");
    pty_send(&pty, "x");
    pty_expect(&pty, "xb\b");
    pty_send(&pty, "\033[C");
    pty_expect(&pty, "b");
    pty_send(&pty, "\025");
    pty_expect(&pty, "\b\b\b   \b\b\b");
    pty_send(&pty, "\xe6\xbc\xa2\177");
    pty_expect(&pty, "\xe6\xbc\xa2\b\b  \b\b");
    pty_send(&pty, "\003");
    pty_expect(&pty, "^C\r\n" PROMPT);
    pty_send(&pty, "\004");
    pty_expect(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
}

static void completes_lists_and_helps(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1};
    struct pty pty = start(&settings);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "sho\t");
    pty_expect(&pty, "show ");
    pty_send(&pty, "s\t");
    pty_expect(&pty, "sh");
    pty_send(&pty, "\t");
    pty_expect(&pty, "\r\nshow      shutdown\r\n" PROMPT "show sh");
    pty_send(&pty, "x\t");
    pty_expect(&pty, "x\a");
    pty_send(&pty, "\177?");
    pty_expect(&pty, "\b \b\r\n  help on show sh\r\n  second line\r\n" PROMPT "show sh");
    pty_send(&pty, "\002?");
    pty_expect(&pty, "\bh\r\n  help on show s\r\n  second line\r\n" PROMPT "show sh\b");
    pty_send(&pty, "\r");
    pty_expect(&pty, "h\r\n[show sh]\r\n" PROMPT);
    pty_send(&pty, "\004");
    pty_expect(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
}

static void typed_ahead_text_waits_for_whom_it_is_meant(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1};
    struct pty pty = start(&settings);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "one\rask\rBob\xc3\xa9\177y\rtwo\rthr");
    pty_expect(&pty, "one\r\n[one]\r\n" PROMPT "ask\r\nName: Bob\xc3\xa9\b \by\r\n<Boby>\r\n" PROMPT
                     "two\r\n[two]\r\n" PROMPT "thr");
    pty_send(&pty, "ee\rwait\r");
    pty_expect(&pty, "ee\r\n[three]\r\n" PROMPT "wait\r\n");
    pty_send(&pty, "next");
    pty_send(&pty, "\003");
    pty_expect(&pty, "0\r\n" PROMPT "next");
    pty_send(&pty, "\003\004");
    pty_expect(&pty, "^C\r\n" PROMPT "\r\n");
    pty_end(&pty, EDITOR_EXIT);
}

/* A program that takes its time to start, and starts only once all is typed. */
static int edit_after_typing(void *arg)
{
    const struct settings *settings = arg;
    int waiting = 0;

    setenv("TERM", settings->term, 1);
    if (settings->quiet_first)
        terminal_quiet(0, 1);
    dprintf(1, "up\n");
    while (ioctl(0, FIONREAD, &waiting) == 0 && waiting < (int)strlen("show clock\r"))
        poll(NULL, 0, 1);
    if (!settings->quiet_first)
        terminal_quiet(0, 1);
    return edit_lines(arg);
}

static void what_is_typed_before_the_prompt_is_shown_behind_it(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1, .quiet_first = true};
    struct pty pty = pty_start(80, 24, edit_after_typing, &settings);

    (void)state;
    pty_expect(&pty, "up\r\n");
    pty_send(&pty, "show clock\r\nnext");
    pty_expect(&pty, PROMPT "show clock\r\n[show clock]\r\n" PROMPT "next");
    pty_send(&pty, "\025\004");
    pty_until(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);

    /* what the terminal itself has shown already is taken off the line where it stands */
    settings.quiet_first = false;
    pty = pty_start(80, 24, edit_after_typing, &settings);
    pty_expect(&pty, "up\r\n");
    pty_send(&pty, "show clock\r");
    pty_expect(&pty,
               "show clock\r\n\r                      \r" PROMPT "show clock\r\n[show clock]\r\n" PROMPT);
    pty_send(&pty, "\025\004");
    pty_until(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
}

static void walks_and_searches_the_history(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1};
    struct pty pty = start(&settings);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "alpha\rbeta\rbeta\rgamma\r");
    pty_until(&pty, "[gamma]\r\n" PROMPT);
    pty_send(&pty, "\033[A\033[A\033[A\r");
    pty_until(&pty, "\r\n[alpha]\r\n" PROMPT);
    pty_send(&pty, "dra\020\020\016\016ft\r");
    pty_until(&pty, "\r\n[draft]\r\n" PROMPT);
    pty_send(&pty, "\022bet");
    pty_until(&pty, "\r\nSearch: ");
    pty_send(&pty, "\r");
    pty_until(&pty, "\r\n[beta]\r\n" PROMPT);
    pty_send(&pty, "\004");
    pty_expect(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
}

/*
 * libedit's search keeps the address of the cursor while it looks through the history, and a line longer than
 * its buffer (1,024 characters) moves that: when the search is given up the cursor is put back into memory
 * that is free. What ends a search has to meet a sound cursor, whichever key it is.
 */
static void a_search_through_long_lines_loses_no_cursor(void **state)
{
    static const char *const keys[] = {"\x0b",      "\x19", "\x15", "\x14",     "\x01",    "\x05",
                                       "\x02",      "\x06", "\t",   "?",        "\x1b[3~", "\x1b[1;5D",
                                       "\x1b[1;5C", "\x10", "\x0e", "\xc4\x99", "\x16x"};
    char history[] = "/tmp/test_editor_history.XXXXXX";
    FILE *file = fdopen(mkstemp(history), "w");

    (void)state;
    fputs("zq", file);
    for (int i = 0; i < 1200; i++)
        fputc('l', file);
    fputs("\n", file);
    fclose(file);
    for (size_t i = 0; i < 2 * sizeof(keys) / sizeof(keys[0]); i++) {
        struct settings settings = {.term = "xterm", .width = 0, .history = history};
        struct pty pty = start(&settings);

        pty_expect(&pty, PROMPT);
        pty_send(&pty, "kept abc\x17"); /* something to put back, too */
        pty_until(&pty, "kept ");
        pty_send(&pty, "one two");
        pty_send(&pty, "\x12zq"); /* found: the buffer moves */
        pty_until(&pty, "zqlll");
        pty_send(&pty, i % 2 == 0 ? "\x07" : "\b\b"); /* given up: the cursor is put back */
        pty_send(&pty, keys[i / 2]);
        pty_send(&pty, "Z"); /* it goes into the line, and nowhere else */
        pty_until(&pty, "Z");
        pty_send(&pty, "\x05\x15shown\r");
        pty_until(&pty, "[shown]\r\n" PROMPT);
        pty_send(&pty, "\004");
        pty_expect(&pty, "\r\n");
        pty_end(&pty, EDITOR_EXIT);
    }
    unlink(history);
}

static void ends_when_idle_after_a_warning(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1, .idle_ms = 400};
    struct pty pty = start(&settings);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "half");
    pty_send_bytes(&pty, "\0\0\0", 3);
    pty_expect(&pty, "half\rThis session ends in 1 seconds unless a key is pressed.\r\n" PROMPT "half\r\n");
    pty_end(&pty, EDITOR_IDLE);
}

static void notices_do_not_disturb_the_line(void **state)
{
    int ends[2];
    struct settings settings = {.term = "vt100", .width = -1};
    struct pty pty;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    settings.watch = ends[0];
    pty = start(&settings);
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "longer than it\002");
    pty_expect(&pty, "longer than it\b");
    assert_int_equal(write(ends[1], "a notice", 8), 8);
    pty_expect(&pty, "\ra notice               \r\n" PROMPT "longer than it\b");
    pty_send(&pty, "\r");
    pty_expect(&pty, "t\r\n[longer than it]\r\n" PROMPT);
    pty_send(&pty, "\004");
    pty_expect(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
    close(ends[0]);
    close(ends[1]);
}

static void follows_the_window(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1};
    struct pty pty = start(&settings);
    struct winsize size = {.ws_col = 20, .ws_row = 10};

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "0123456789abc");
    pty_expect(&pty, "0123456789abc");
    assert_int_equal(ioctl(pty.master, TIOCSWINSZ, &size), 0);
    pty_expect(&pty, "\033[1A\r\r\033[J" PROMPT "0123456789abc");
    pty_send(&pty, "\001");
    pty_expect(&pty, "\033[1A\r\033[9C");
    pty_send(&pty, "\r");
    pty_expect(&pty, "\n\r\033[2C\r\n[0123456789abc]\r\n" PROMPT);
    pty_send(&pty, "\004");
    pty_expect(&pty, "\r\n");
    pty_end(&pty, EDITOR_EXIT);
}

static void a_terminal_that_goes_away_ends_it(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1};
    struct pty pty = start(&settings);
    int status = 0;

    (void)state;
    pty_expect(&pty, PROMPT);
    close(pty.master);
    assert_int_equal(waitpid(pty.child, &status, 0), pty.child);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGHUP : WEXITSTATUS(status) == EDITOR_GONE);
    text_free(&pty.seen);
}

static void a_signal_leaves_the_terminal_as_it_was(void **state)
{
    struct settings settings = {.term = "vt100", .width = -1};
    struct termios before, after;
    struct pty pty;
    int master, slave, status;

    (void)state;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(slave, &before), 0);
    pty = (struct pty){.master = master, .child = fork()};
    if (pty.child == 0) {
        dup2(slave, 0);
        dup2(slave, 1);
        exit(edit_lines(&settings));
    }
    pty_expect(&pty, PROMPT);
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_int_equal(after.c_lflag & (ICANON | ECHO | ISIG), 0);
    kill(pty.child, SIGTERM);
    assert_int_equal(waitpid(pty.child, &status, 0), pty.child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
    assert_int_equal(after.c_oflag, before.c_oflag);
    assert_int_equal(after.c_iflag, before.c_iflag);
    close(master);
    close(slave);
    text_free(&pty.seen);
}

static void history_lasts_and_stays_clean(void **state)
{
    char folder[] = "/tmp/primesh-editor-XXXXXX", file[64], link[64];
    struct editor_history history = {0}, other = {0};
    struct stat facts;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/history", folder);
    snprintf(link, sizeof(link), "%s/link", folder);
    editor_history_open(&history, file);
    editor_history_open(&other, file);
    editor_history_add(&history, "first");
    editor_history_add(&history, "first");
    editor_history_add(&history, "");
    editor_history_add(&history, "bad\033[2J");
    editor_history_add(&history, "bad\nline");
    editor_history_add(&history, "bad \xff");
    assert_int_equal(history.count, 1);
    for (int i = 0; i < 3000; i++) {
        char line[32];

        snprintf(line, sizeof(line), "line %d", i);
        editor_history_add(i % 2 == 0 ? &history : &other, line);
    }
    assert_int_equal(history.count, EDITOR_HISTORY_MOST);
    assert_int_equal(stat(file, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    editor_history_close(&history);
    editor_history_close(&other);
    editor_history_open(&history, file);
    assert_int_equal(history.count, EDITOR_HISTORY_MOST);
    assert_true(history.in_file <= EDITOR_HISTORY_MOST);
    assert_string_equal(history.lines[999], "line 2999");
    assert_string_equal(history.lines[0], "line 2000");
    editor_history_close(&history);
    if (geteuid() == 0) {
        assert_int_equal(chown(file, 65534, 65534), 0); /* somebody else's: neither read nor written */
        editor_history_open(&history, file);
        assert_int_equal(history.count, 0);
        editor_history_add(&history, "in memory only");
        editor_history_close(&history);
        assert_int_equal(chown(file, 0, 0), 0);
        editor_history_open(&history, file);
        assert_string_equal(history.lines[history.count - 1], "line 2999");
        editor_history_close(&history);
    }

    assert_int_equal(symlink(file, link), 0);
    editor_history_open(&history, link);
    assert_int_equal(history.count, 0);
    editor_history_add(&history, "kept in memory only");
    assert_int_equal(history.count, 1);
    editor_history_close(&history);
    editor_history_open(&history, folder);
    editor_history_add(&history, "a folder is no file");
    editor_history_close(&history);
    unlink(link);
    unlink(file);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typed_text_is_echoed_to_the_letter),
        cmocka_unit_test(long_lines_stay_whole),
        cmocka_unit_test(refuses_what_is_too_long_and_loses_nothing),
        cmocka_unit_test(keys_edit),
        cmocka_unit_test(edits_within_a_row_need_no_escape),
        cmocka_unit_test(completes_lists_and_helps),
        cmocka_unit_test(typed_ahead_text_waits_for_whom_it_is_meant),
        cmocka_unit_test(what_is_typed_before_the_prompt_is_shown_behind_it),
        cmocka_unit_test(walks_and_searches_the_history),
        cmocka_unit_test(a_search_through_long_lines_loses_no_cursor),
        cmocka_unit_test(ends_when_idle_after_a_warning),
        cmocka_unit_test(notices_do_not_disturb_the_line),
        cmocka_unit_test(follows_the_window),
        cmocka_unit_test(a_terminal_that_goes_away_ends_it),
        cmocka_unit_test(a_signal_leaves_the_terminal_as_it_was),
        cmocka_unit_test(history_lasts_and_stays_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
