/* A person at a terminal: the contract of the screen, to the byte. */
#include "shell_table.h"

#include "shell_pty.h"

#include <signal.h>

#define PROMPT "prime-pri/admin# "
#define CONFIG "prime-pri/admin(config)# "

struct setting {
    enum shell_role role;
    const char *history;
};

static int run_session(void *arg)
{
    const struct setting *setting = arg;
    static struct table_context context;
    struct shell_program program = table_program(&context);
    struct shell_caller caller = {setting->role == SHELL_ROLE_ADMIN ? "admin" : "oper", setting->role,
                                  setting->history};
    struct error err = {0};
    struct shell_session *session = shell_session_new(&program, &caller, &err);
    int status;

    if (session == NULL)
        return 99;
    status = (int)shell_run_terminal(session);
    shell_session_free(session);
    return status;
}

static struct pty start(int columns, int lines)
{
    static struct setting setting = {SHELL_ROLE_ADMIN, NULL};

    return pty_start(columns, lines, run_session, &setting);
}

/* Sends a line and expects its echo, what it prints, and the prompt again. */
static void say(struct pty *pty, const char *line, const char *output, const char *prompt)
{
    struct text all = {0};

    pty_send(pty, line);
    pty_send(pty, "\r");
    text_format(&all, "%s\r\n%s%s", line, output, prompt);
    pty_expect(pty, all.data);
    text_free(&all);
}

static void leave(struct pty *pty)
{
    pty_send(pty, "exit\r");
    pty_expect(pty, "exit\r\n");
    pty_end(pty, 0);
}

static void leave_modes(struct pty *pty)
{
    pty_send(pty, "end\r");
    pty_until(pty, PROMPT);
    leave(pty);
}

static void answers_lines(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    say(&pty, "show inventory", "ran\r\n+inventory\r\n", PROMPT);
    say(&pty, "show clock", "", PROMPT);
    say(&pty, "", "", PROMPT);
    say(&pty, "! a comment", "", PROMPT);
    say(&pty, "show rows | include beta | count", "Count: 2 lines\r\n", PROMPT);
    say(&pty, "fail", "% Error: there is no pin of 10.0.0.1_443\r\nSee listcerts\r\n", PROMPT);
    leave(&pty);
}

static void puts_the_caret_behind_the_prompt(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    say(&pty, "show i", "% ambiguous command: \"show i\" matches: interface inventory\r\n", PROMPT);
    say(&pty, "ncs certvalidation tofu-cerz listcerts",
        "                                    ^\r\n% invalid command detected at '^' marker.\r\n", PROMPT);
    say(&pty, "ncs certvalidation tofu-certs",
        "                                              ^\r\n% incomplete command detected at '^' marker.\r\n",
        PROMPT);
    say(&pty, "echo \xc3\xa9 x", "                        ^\r\n% invalid command detected at '^' marker.\r\n",
        PROMPT);
    leave(&pty);
}

static void counts_a_literal_tab_as_it_is_shown(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "show\x16\tbogus\r");
    pty_until(&pty, "show^Ibogus\r\n                       ^\r\n% invalid command");
    pty_until(&pty, PROMPT);
    say(&pty, "conf t", "", CONFIG);
    pty_send(&pty, "do\x16\tshow bogus\r");
    pty_until(&pty, "do^Ishow bogus\r\n                                  ^\r\n% invalid command");
    pty_until(&pty, CONFIG);
    leave_modes(&pty);
}

static void follows_a_line_that_wraps(void **state)
{
    struct pty pty = start(40, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "ncs certvalidation tofu-certs bogus\r");
    pty_until(&pty, "\r\n       ^\r\n% invalid command detected at '^' marker.\r\n" PROMPT);
    leave(&pty);
}

static void completes_and_helps(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "sh\t");
    pty_expect(&pty, "show ");
    pty_send(&pty, "inv?");
    pty_until(&pty, "  inventory         The hardware\r\n" PROMPT "show inv");
    pty_send(&pty, "\t\r");
    pty_expect(&pty, "entory \r\nran\r\n+inventory\r\n" PROMPT);
    pty_send(&pty, "mix 127.0.0.22\t\r");
    pty_expect(&pty, "mix 127.0.0.22_443 \r\nran\r\nhost_port=[127.0.0.22_443]\r\n" PROMPT);
    leave(&pty);
}

static void moves_between_modes(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    say(&pty, "conf t", "", "prime-pri/admin(config)# ");
    say(&pty, "ha", "", "prime-pri/admin(config-ha)# ");
    say(&pty, "do show bogus",
        "                                    ^\r\n% invalid command detected at '^' marker.\r\n",
        "prime-pri/admin(config)# ");
    pty_send(&pty, "\x1a");
    pty_until(&pty, "\r\n" PROMPT);
    say(&pty, "conf t", "", "prime-pri/admin(config)# ");
    pty_send(&pty, "\x04");
    pty_until(&pty, "\r\n" PROMPT);
    leave(&pty);
}

static void asks(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    say(&pty, "ask", "", "Name [x]: ");
    say(&pty, "bob", "answer=[bob]\r\n", PROMPT);
    say(&pty, "ask", "", "Name [x]: ");
    say(&pty, "", "answer=[x]\r\n", PROMPT);
    say(&pty, "ask secret", "", "Password: ");
    pty_send(&pty, "hidden?\r");
    pty_expect(&pty, "\r\nContinue [yes] : ");
    say(&pty, "maybe", "Please answer yes or no.\r\n", "Continue [yes] : ");
    say(&pty, "n", "7 letters, 0\r\n", PROMPT);
    say(&pty, "ask", "", "Name [x]: ");
    pty_send(&pty, "\x03");
    pty_until(&pty, "\r\n% Error: interrupted\r\n" PROMPT);
    leave(&pty);
}

static void stops_waiting(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    pty_send(&pty, "wait\r");
    pty_expect(&pty, "wait\r\n");
    pty_send(&pty, "\x03");
    pty_until(&pty, "% Error: interrupted; it goes on\r\n" PROMPT);
    leave(&pty);
}

static void pages(void **state)
{
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    say(&pty, "terminal length 2", "", PROMPT);
    pty_send(&pty, "show rows\r");
    pty_until(&pty, "alpha 0\r\n");
    pty_until(&pty, " --More-- ");
    pty_send(&pty, "q");
    pty_until(&pty, "\r" PROMPT);
    say(&pty, "terminal length 0", "", PROMPT);
    say(&pty, "show rows", "alpha 0\r\nbeta 1\r\ngamma 2\r\nbeta|max 3\r\n", PROMPT);
    leave(&pty);
}

static void greets_users_with_their_own_prompt(void **state)
{
    static struct setting setting = {SHELL_ROLE_USER, NULL};
    struct pty pty = pty_start(80, 24, run_session, &setting);

    (void)state;
    pty_expect(&pty, "prime-pri/oper> ");
    say(&pty, "conf t", "% Error: \"configure terminal\" is for administrators\r\noper has the role user\r\n",
        "prime-pri/oper> ");
    leave(&pty);
}

static void keeps_no_secret(void **state)
{
    char path[] = "/tmp/primesh-history-XXXXXX";
    struct setting setting = {SHELL_ROLE_ADMIN, path};
    char kept[256] = "";
    int fd = mkstemp(path);
    struct pty pty = pty_start(80, 24, run_session, &setting);

    (void)state;
    pty_expect(&pty, PROMPT);
    say(&pty, "ncs ha authkey S3cret", "ran\r\nkey=[S3cret]\r\n", PROMPT);
    say(&pty, "ncs ha authkye S3cret",
        "                        ^\r\n% invalid command detected at '^' marker.\r\n", PROMPT);
    say(&pty, "show history", "ncs ha authkey ****\r\nncs ha authkye ****\r\n", PROMPT);
    leave(&pty);
    close(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(pread(fd, kept, sizeof(kept) - 1, 0) > 0);
    assert_non_null(strstr(kept, "ncs ha authkey ****"));
    assert_null(strstr(kept, "S3cret"));
    close(fd);
    unlink(path);
}

/* Says the line, whatever comes of it, and looks at what is kept of it. */
static void keeps(struct pty *pty, const char *line, const char *kept, const char *prompt)
{
    pty_send(pty, line);
    pty_send(pty, "\r");
    pty_until(pty, prompt);
    pty_send(pty, "\x10"); /* Ctrl-P */
    pty_expect(pty, kept);
    pty_send(pty, "\x03");
    pty_until(pty, prompt);
}

static void keeps_no_secret_of_a_line_within_a_line(void **state)
{
    static const char *const lines[][2] = {
        {"do ncs ha authkey S3cret", "do ncs ha authkey ****"},
        {" do  ncs ha auth S3cret | include ran", " do  ncs ha auth **** | include ran"},
        {"do do ncs ha authkey S3cret", "do do ncs ha authkey ****"},
        {"do ncs ha authky S3cret", "do ncs ha authky ****"},
        {"do do ncs ha authky S3cret", "do do ncs ha authky ****"},
        {"do \"ncs ha authkey S3cret\"", "do ****"},
        {"do \"ncs ha authky S3cret\"", "do ****"},
        {"do \"show clock\"", "do \"show clock\""},
        {"do show clock", "do show clock"},
        {"do do do do do do show clock", "do do do do do **** **** ****"},
    };
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    say(&pty, "conf t", "", CONFIG);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        keeps(&pty, lines[i][0], lines[i][1], CONFIG);
    leave_modes(&pty);
}

static void keeps_nothing_behind_what_is_called_a_secret(void **state)
{
    static const char *const lines[][2] = {
        {"user u pasword S3cret", "user u pasword ****"},
        {"snmp-server comunity S3cret ro", "snmp-server comunity **** ****"},
        {"echo a enable secret 5 S3cret", "echo a enable secret **** ****"},
        {"show interface password bogus", "show interface password ****"},
        {"ncs ha bogus", "ncs ha bogus"},
    };
    struct pty pty = start(80, 24);

    (void)state;
    pty_expect(&pty, PROMPT);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        keeps(&pty, lines[i][0], lines[i][1], PROMPT);
    leave(&pty);
}

static void ends_with_the_terminal(void **state)
{
    struct pty pty = start(80, 24);
    int status;

    (void)state;
    pty_expect(&pty, PROMPT);
    close(pty.master);
    assert_int_equal(waitpid(pty.child, &status, 0), pty.child);
    text_free(&pty.seen);
}

static void restores_the_terminal_when_told_to_end(void **state)
{
    struct pty pty = start(80, 24);
    struct termios now;
    int status;

    (void)state;
    pty_expect(&pty, PROMPT);
    assert_int_equal(tcgetattr(pty.master, &now), 0);
    assert_int_equal(now.c_lflag & ICANON, 0);
    assert_int_equal(kill(pty.child, SIGTERM), 0);
    assert_int_equal(waitpid(pty.child, &status, 0), pty.child);
    assert_int_equal(tcgetattr(pty.master, &now), 0);
    assert_int_not_equal(now.c_lflag & ICANON, 0);
    close(pty.master);
    text_free(&pty.seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_lines),
        cmocka_unit_test(puts_the_caret_behind_the_prompt),
        cmocka_unit_test(counts_a_literal_tab_as_it_is_shown),
        cmocka_unit_test(follows_a_line_that_wraps),
        cmocka_unit_test(completes_and_helps),
        cmocka_unit_test(moves_between_modes),
        cmocka_unit_test(asks),
        cmocka_unit_test(stops_waiting),
        cmocka_unit_test(pages),
        cmocka_unit_test(greets_users_with_their_own_prompt),
        cmocka_unit_test(keeps_no_secret),
        cmocka_unit_test(keeps_no_secret_of_a_line_within_a_line),
        cmocka_unit_test(keeps_nothing_behind_what_is_called_a_secret),
        cmocka_unit_test(ends_with_the_terminal),
        cmocka_unit_test(restores_the_terminal_when_told_to_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
