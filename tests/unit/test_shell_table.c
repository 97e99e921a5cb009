/* The check of a table finds what is planted; the reference says what is there; every command is dispatched.
 */
#include "shell_capture.h"

#include "shell/session_private.h"

static void accepts_the_table(void **state)
{
    struct table_context context = {0};
    struct shell_program program = table_program(&context);
    struct error err = {0};

    (void)state;
    if (shell_check_table(&program, &err) != 0)
        fail_msg("%s", err.message);
}

#define PLAIN(text) .help = (text), .run = table_silent

static void finds_planted_faults(void **state)
{
    static const struct {
        struct shell_command commands[3];
        const char *says;
    } rows[] = {
        {{{"show clock", PLAIN("x")}, SHELL_WORD("show", "x"), {"show clock", PLAIN("x")}},
         "is in the table twice"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"c {d | e", PLAIN("x")}}, "a { is not closed"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"c [d", PLAIN("x")}}, "a [ is not closed"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"c d]", PLAIN("x")}}, "was not opened"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"c <bogus>", PLAIN("x")}}, "the type is unknown"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"c <word", PLAIN("x")}}, "not written <name>"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"c {}", PLAIN("x")}}, "something is missing"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"{c | d}", PLAIN("x")}}, "does not start with a keyword"},
        {{{"a", PLAIN("x")}, {"b", PLAIN("x")}, {"", PLAIN("x")}}, "something is missing"},
        {{{"a b", PLAIN("x")}, {"a c", PLAIN("y")}, {"d", PLAIN("x")}}, "no help for \"a\""},
        {{{"a", PLAIN("")}, {"b", PLAIN("x")}, {"d", PLAIN("x")}}, "no help for \"a\""},
        {{{"a", PLAIN("x.")}, {"b", PLAIN("x")}, {"d", PLAIN("x")}}, "full stop"},
        {{{"a", PLAIN("x")}, SHELL_WORD("b", "x"), {"d", PLAIN("x")}}, "no command has: \"b\""},
        {{{"a <word>", PLAIN("x")}, {"a <x:word>", PLAIN("x")}, {"d", PLAIN("x")}}, "can be typed alike"},
        {{{"a <word>", PLAIN("x")}, {"a <file>", PLAIN("x")}, {"d", PLAIN("x")}}, "cannot be told apart"},
        {{{"a <text>", PLAIN("x")}, {"a <word>", PLAIN("x")}, {"d", PLAIN("x")}}, "cannot be told apart"},
        {{{"a [b] [c]", PLAIN("x"), .words = "b: x\nc: x\n"}, {"a c b", PLAIN("x")}, {"d", PLAIN("x")}},
         "can be typed alike"},
        {{{"a b", PLAIN("x")}, {"a B", PLAIN("x")}, {"a", PLAIN("x")}}, "another spelling"},
        {{{"a {b | c}", PLAIN("x"), .words = "b: x\n"}, {"b", PLAIN("x")}, {"d", PLAIN("x")}},
         "behind \"a\": no help for \"c\""},
        {{{"a'", PLAIN("x")}, {"b", PLAIN("x")}, {"d", PLAIN("x")}}, "cannot be typed plainly"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct table_context context = {0};
        struct shell_program program = table_program(&context);
        struct shell_branch branch = {rows[i].commands, 3};
        struct error err = {0};

        program.branches = &branch;
        if (shell_check_table(&program, &err) == 0)
            fail_msg("row %zu is taken for good: \"%s\" was to be found", i, rows[i].says);
        assert_int_equal(err.code, ERROR_INTERNAL);
        if (strstr(err.message, rows[i].says) == NULL)
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, err.message, rows[i].says);
    }
}

static void refuses_a_broken_table_at_start(void **state)
{
    static const struct shell_command commands[] = {{"c <bogus>", PLAIN("x"), NULL}};
    struct table_context context = {0};
    struct shell_program program = table_program(&context);
    struct shell_branch branch = {commands, 1};
    struct shell_caller caller = {"admin", SHELL_ROLE_ADMIN, NULL};
    struct error err = {0};

    (void)state;
    program.branches = &branch;
    assert_null(shell_session_new(&program, &caller, &err));
    assert_string_equal(err.message, "command \"c <bogus>\": the type is unknown at \"<bogus>\"");
}

static void count_run(void *arg)
{
    ++*(int *)arg;
}

/* libcli finds each command by its path, siblings that start alike and every mode included. */
static void dispatches_every_command(void **state)
{
    static const struct shell_command more[] = {
        {"ncs server", PLAIN("x"), NULL},
        {"ncs server-list", PLAIN("x"), NULL},
        {"ncs serve", PLAIN("x"), NULL},
        {"shows", PLAIN("x"), NULL},
        {"sho", PLAIN("x"), NULL},
        {"-x -csr", PLAIN("x"), NULL},
        {"ncs server x <word>", PLAIN("x"), NULL},
        {"ncs SERVER2", PLAIN("x"), NULL},
    };
    struct shell_branch branches[] = {SHELL_BRANCH(table_commands), SHELL_BRANCH(more)};
    struct table_context context = {0};
    struct shell_program program = table_program(&context);
    const char *modifiers[] = {"include", "count"};
    struct grammar grammar;
    struct error err = {0};
    struct tree *tree;
    int expected = 0, runs = 0;

    (void)state;
    program.branches = branches;
    program.branch_count = 2;
    assert_int_equal(grammar_compile(&grammar, &program, &err), 0);
    tree = tree_new(&grammar);
    for (size_t turn = 0; turn < 2; turn++) {
        for (size_t m = 0; m < grammar.mode_count; m++) {
            const struct grammar_mode *mode = &grammar.modes[m];
            for (size_t i = mode->count; i > 0; i--) {
                const struct entry *entry = mode->entries[i - 1];
                if (entry->command->run == NULL)
                    continue;
                if (tree_run(tree, mode, entry, modifiers, turn * 2, count_run, &runs, &err) != 0)
                    fail_msg("%s", err.message);
                assert_int_equal(runs, ++expected);
            }
        }
    }
    tree_free(tree);
    grammar_free(&grammar);
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void writes_the_reference(void **state)
{
    struct table_context context = {0};
    struct shell_program program = table_program(&context);
    char *markdown = shell_reference_markdown(&program);
    char *roff = shell_reference_roff(&program);

    (void)state;
    assert_non_null(markdown);
    has(markdown, "\n## EXEC mode\n\n### `ask`\n\n#### `ask`\n\nAsks for a name.\n");
    has(markdown, "\n### `ncs`\n");
    has(markdown,
        "#### `ncs certvalidation tofu-certs deletecert host <host_port>`\n\nForget a pin. Role: admin.\n");
    has(markdown, "\n## Mode `(config-ha)`\n");
    has(markdown, "| `<number>` | 0 to 999 |\n");
    has(markdown, "| `include <pattern>` | ");
    has(markdown, "| `3` | The appliance could not be reached |\n");
    assert_null(strstr(markdown, "deletecercert"));
    assert_non_null(roff);
    has(roff, ".SH COMMANDS\n");
    has(roff, "\\fBncs certvalidation tofu\\-certs listcerts [detail]\\fR\n");
    has(roff, "Lines that start\n\\&.so are text.\n");
    has(roff, ".SH \"EXIT STATUS\"\n");
    free(markdown);
    free(roff);
}

/* Lines that are kept although they were not understood. */
static void masks_what_may_be_a_secret(void **state)
{
    static const struct {
        const char *typed, *kept;
    } rows[] = {
        {"ncs ha authkey S3cret", "ncs ha authkey ****"},
        {"ncs ha authkye S3cret", "ncs ha authkye ****"},
        {"ncs ha authkey S3cret more", "ncs ha authkey **** ****"},
        {"usrname bob password hunter2 role admin", "usrname bob password **** **** ****"},
        {"username bob password hunter2 rolle admin", "username bob password **** **** ****"},
        {"pasword 'two words'", "pasword ****"},
        {"ncs ha authkey \"open quote", "ncs ha authkey ****"},
        {"ncs ha authkey \"glued\"quote and more", "ncs ha authkey ********"},
        {"ncs ha authkey S3cret | bogus", "ncs ha authkey **** | ****"},
        {"shw clock", "shw clock"},
        {"show clokc", "show clokc"},
        {"ncs cert tofu delete host 10.1.1.1_443", "ncs cert tofu delete host 10.1.1.1_443"},
    };
    struct table_context context = {0};
    struct shell_program program = table_program(&context);
    struct shell_caller caller = {"admin", SHELL_ROLE_ADMIN, NULL};
    struct error err = {0};

    (void)state;
    for (size_t mode = 0; mode < 2; mode++) {
        struct shell_session *session = shell_session_new(&program, &caller, &err);
        int errors, errors_kept, out, out_kept;
        char text[4096];

        assert_non_null(session);
        shell_enter_mode(session, mode == 0 ? NULL : &table_config);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            char *kept = NULL;
            out = capture_redirect(STDOUT_FILENO, &out_kept);
            errors = capture_redirect(STDERR_FILENO, &errors_kept);
            session_run(session, rows[i].typed, strlen(rows[i].typed), (struct caret){0, 0}, &kept);
            capture_restore(STDERR_FILENO, errors_kept, errors, text, sizeof(text));
            capture_restore(STDOUT_FILENO, out_kept, out, text, sizeof(text));
            assert_non_null(kept);
            assert_string_equal(kept, rows[i].kept);
            free(kept);
        }
        shell_session_free(session);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_table),
        cmocka_unit_test(finds_planted_faults),
        cmocka_unit_test(refuses_a_broken_table_at_start),
        cmocka_unit_test(dispatches_every_command),
        cmocka_unit_test(writes_the_reference),
        cmocka_unit_test(masks_what_may_be_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
