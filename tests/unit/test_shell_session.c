#include "shell_capture.h"

static struct capture at;

static int open_admin(void **state)
{
    (void)state;
    capture_open(&at, SHELL_ROLE_ADMIN);
    return 0;
}

static int open_user(void **state)
{
    (void)state;
    capture_open(&at, SHELL_ROLE_USER);
    return 0;
}

static int close_session(void **state)
{
    (void)state;
    capture_close(&at);
    return 0;
}

#define OUT(line, text)                                      \
    do {                                                     \
        assert_int_equal(capture_line(&at, line), SHELL_OK); \
        assert_string_equal(at.out, text);                   \
        assert_string_equal(at.errors, "");                  \
    } while (0)

#define WRONG(line, code, text)                          \
    do {                                                 \
        assert_int_equal(capture_line(&at, line), code); \
        assert_string_equal(at.errors, text);            \
        assert_string_equal(at.out, "");                 \
    } while (0)

static void abbreviates(void **state)
{
    (void)state;
    OUT("show inventory", "ran\n+inventory\n");
    OUT("sh inv", "ran\n+inventory\n");
    OUT("SHOW Inventory", "ran\n+inventory\n");
    OUT("sh int eth0", "ran\nname=[eth0]\n+interface\n");
    OUT("nc ce t l", "ran\n");
    OUT("nc ce t l d", "ran\n+detail\n");
    OUT("zo dis tr pub", "ran\n+disable\n+pubnet\n");
}

static void takes_back_with_the_same_entry(void **state)
{
    (void)state;
    OUT("configure terminal", "");
    OUT("hostname pri", "ran\nname=[pri]\n");
    OUT("no hostname", "took back\n");
    OUT("n host pri", "took back\nname=[pri]\n");
    WRONG("no username x", SHELL_NOT_UNDERSTOOD,
          "no username x\n   ^\n% invalid command detected at '^' marker.\n");
    WRONG("no", SHELL_NOT_UNDERSTOOD, "no\n  ^\n% incomplete command detected at '^' marker.\n");
    OUT("end", "");
}

static void says_what_is_ambiguous(void **state)
{
    (void)state;
    WRONG("show i", SHELL_NOT_UNDERSTOOD, "% ambiguous command: \"show i\" matches: interface inventory\n");
    WRONG("show i eth0", SHELL_NOT_UNDERSTOOD,
          "% ambiguous command: \"show i\" matches: interface inventory\n");
    WRONG("  e", SHELL_NOT_UNDERSTOOD, "% ambiguous command: \"e\" matches: echo end exit\n");
}

static void puts_the_caret_under_the_first_bad_word(void **state)
{
    (void)state;
    WRONG("ncs certvalidation tofu-cert listcert x", SHELL_NOT_UNDERSTOOD,
          "ncs certvalidation tofu-cert listcert x\n"
          "                                      ^\n"
          "% invalid command detected at '^' marker.\n");
    WRONG("bogus", SHELL_NOT_UNDERSTOOD, "bogus\n^\n% invalid command detected at '^' marker.\n");
    WRONG("ncs certvalidation tofu-certs", SHELL_NOT_UNDERSTOOD,
          "ncs certvalidation tofu-certs\n"
          "                             ^\n"
          "% incomplete command detected at '^' marker.\n");
    WRONG(
        "mix 10.0.0.300_443", SHELL_NOT_UNDERSTOOD,
        "mix 10.0.0.300_443\n"
        "    ^\n"
        "% invalid value for <host_port>: 10.0.0.300_443 is not an address, a host name and a port joined by "
        "\"_\"\n");
    WRONG("terminal length many", SHELL_NOT_UNDERSTOOD,
          "terminal length many\n"
          "                ^\n"
          "% invalid value for <number>: many is not a number from 0 to 999\n");
    WRONG("echo \"open", SHELL_NOT_UNDERSTOOD,
          "echo \"open\n     ^\n% quote without its end detected at '^' marker.\n");
    WRONG("| count", SHELL_NOT_UNDERSTOOD, "| count\n^\n% invalid command detected at '^' marker.\n");
}

static void hints_at_what_to_do_instead(void **state)
{
    (void)state;
    WRONG("copy run tftp://x", SHELL_NOT_UNDERSTOOD,
          "copy run tftp://x\n^\n% invalid command detected at '^' marker.\nshow it\n");
    WRONG("copy run", SHELL_NOT_UNDERSTOOD, "copy run\n^\n% invalid command detected at '^' marker.\n");
    WRONG("term mon", SHELL_NOT_UNDERSTOOD,
          "term mon\n     ^\n% invalid command detected at '^' marker.\nit is on\n");
    WRONG("term", SHELL_NOT_UNDERSTOOD,
          "term\n    ^\n% incomplete command detected at '^' marker.\nsay which\n");
    WRONG("term bogus", SHELL_NOT_UNDERSTOOD,
          "term bogus\n     ^\n% invalid command detected at '^' marker.\n");
    assert_int_equal(capture_line(&at, "nc ce to del 10.1.1.1_443"), SHELL_NOT_UNDERSTOOD);
    assert_non_null(strstr(at.errors, "marker.\nwrite host in front of it\n"));
    assert_int_equal(capture_line(&at, "copy run x | json"), SHELL_NOT_UNDERSTOOD);
    assert_non_null(strstr(at.out, "\"hint\":\"show it\"}"));
}

static void counts_cells_not_bytes(void **state)
{
    (void)state;
    WRONG("echo \xc3\xa9\xc3\xa9 x", SHELL_NOT_UNDERSTOOD,
          "echo \xc3\xa9\xc3\xa9 x\n        ^\n% invalid command detected at '^' marker.\n");
    WRONG("echo \xe6\xbc\xa2\xe5\xad\x97 x", SHELL_NOT_UNDERSTOOD,
          "echo \xe6\xbc\xa2\xe5\xad\x97 x\n          ^\n% invalid command detected at '^' marker.\n");
    WRONG("\tshow\tbogus", SHELL_NOT_UNDERSTOOD,
          " show bogus\n      ^\n% invalid command detected at '^' marker.\n");
    WRONG("echo e\xcc\x81 x", SHELL_NOT_UNDERSTOOD,
          "echo e\xcc\x81 x\n       ^\n% invalid command detected at '^' marker.\n");
}

static void takes_options_in_any_order(void **state)
{
    const char *all = "ran\nhost_port=[h_1]\nfp=[aa]\nfile=[f.pem]\nrepository=[r]\n+force\n";

    (void)state;
    OUT("ncs certvalidation tofu-certs addcert host h_1", "ran\nhost_port=[h_1]\n");
    OUT("nc ce to add host h_1 fingerprint aa certfile f.pem repository r force", all);
    OUT("nc ce to add host h_1 force certfile f.pem repository r fingerprint aa", all);
    OUT("nc ce to add host h_1 cert f.pem rep r force finger aa", all);
    assert_int_equal(capture_line(&at, "nc ce to add host h_1 force force"), SHELL_NOT_UNDERSTOOD);
    assert_int_equal(capture_line(&at, "nc ce to add host h_1 certfile f.pem"), SHELL_NOT_UNDERSTOOD);
    assert_non_null(strstr(at.errors, "incomplete"));
}

static void prefers_keywords_to_arguments(void **state)
{
    (void)state;
    OUT("mix all", "ran\n+all\n");
    OUT("mix al", "ran\n+all\n");
    OUT("mix all_443", "ran\nhost_port=[all_443]\n");
    WRONG("mix \"all\"", SHELL_NOT_UNDERSTOOD,
          "mix \"all\"\n    ^\n% invalid value for <host_port>: all is not an address, a host name and a "
          "port joined "
          "by \"_\"\n");
}

static void prefers_visible_commands(void **state)
{
    (void)state;
    OUT("ncs cert tofu deletec host h_1", "ran\nhost_port=[h_1]\n");
    OUT("ncs cert tofu deletecercert host h_1", "ran\nhost_port=[h_1]\n");
    assert_string_equal(at.context.line, "ncs cert tofu deletecercert host h_1");
    OUT("ncs cert tofu deletecert host h_1", "ran\nhost_port=[h_1]\n");
}

static void carries_any_argument(void **state)
{
    (void)state;
    OUT("echo DOM\\user", "ran\nword=[DOM\\user]\n");
    OUT("echo \"a | b\"", "ran\nword=[a | b]\n");
    OUT("echo '\\'", "ran\nword=[\\]\n");
    OUT("echo ?", "ran\nword=[?]\n");
    OUT("note one  two \"three\"", "ran\ntext=[one  two \"three\"]\n");
    OUT("note \"one two\"", "ran\ntext=[one two]\n");
    OUT("note a b | include one", "");
}

static void refuses_what_is_no_line(void **state)
{
    char longest[4100];

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    WRONG(longest, SHELL_NOT_UNDERSTOOD, "% Error: the line is longer than 4000 bytes\n");
    WRONG("echo \x01", SHELL_NOT_UNDERSTOOD, "% Error: the line holds a control character (0x01)\n");
    WRONG("echo \xff", SHELL_NOT_UNDERSTOOD, "% Error: the line is not valid UTF-8\n");
    assert_int_equal(at.context.runs, 0);
}

static void filters(void **state)
{
    (void)state;
    OUT("show rows", "alpha 0\nbeta 1\ngamma 2\nbeta|max 3\n");
    OUT("show rows | include beta", "beta 1\nbeta|max 3\n");
    OUT("sh rows | inc 'beta.max'", "beta|max 3\n");
    OUT("sh rows | inc alpha|gam", "alpha 0\ngamma 2\n");
    OUT("sh rows | ex beta | begin gamma", "gamma 2\n");
    OUT("sh rows|include gam|count", "gamma 2\n"); /* one pattern */
}

static void filters_chain(void **state)
{
    (void)state;
    OUT("sh rows | include beta | count", "Count: 2 lines\n");
    OUT("sh rows | last 1", "beta|max 3\n");
    OUT("sh rows | include gamma 2", "gamma 2\n");
    OUT("sh rows | more", "alpha 0\nbeta 1\ngamma 2\nbeta|max 3\n");
}

static void refuses_bad_modifiers(void **state)
{
    (void)state;
    assert_int_equal(capture_line(&at, "show rows | include ("), SHELL_NOT_UNDERSTOOD);
    assert_memory_equal(
        at.errors, "show rows | include (\n                    ^\n% invalid value for <pattern>: ",
        strlen("show rows | include (\n                    ^\n% invalid value for <pattern>: "));
    assert_string_equal(at.out, "");
    WRONG("show rows | e", SHELL_NOT_UNDERSTOOD,
          "% ambiguous command: \"show rows | e\" matches: end exclude\n");
    WRONG("show rows | bogus", SHELL_NOT_UNDERSTOOD,
          "show rows | bogus\n            ^\n% invalid command detected at '^' marker.\n");
    WRONG("show rows |", SHELL_NOT_UNDERSTOOD,
          "show rows |\n           ^\n% incomplete command detected at '^' marker.\n");
    WRONG("show rows | include", SHELL_NOT_UNDERSTOOD,
          "show rows | include\n                   ^\n% incomplete command detected at '^' marker.\n");
    WRONG("show rows | last x", SHELL_NOT_UNDERSTOOD,
          "show rows | last x\n                 ^\n% invalid value for <count>: x is not a number from 1 to "
          "1000000\n");
    WRONG("show rows | save f repository r | count", SHELL_NOT_UNDERSTOOD,
          "show rows | save f repository r | count\n                                  ^\n% invalid command "
          "detected at '^' marker.\n");
    assert_int_equal(at.context.runs, 0);
}

static void saves(void **state)
{
    char path[] = "/tmp/primesh-save-XXXXXX";
    char content[64] = "";
    int fd = mkstemp(path);

    (void)state;
    at.context.save_path = path;
    OUT("show rows | include beta | save out.txt repository defaultRepo", "");
    assert_true(pread(fd, content, sizeof(content) - 1, 0) > 0);
    assert_string_equal(content, "beta 1\nbeta|max 3\n");
    at.context.save_path = NULL;
    WRONG("show rows | save out.txt repository nowhere", SHELL_FAILED,
          "% Error: cannot write out.txt in nowhere\n");
    at.context.save_path = "/dev/full";
    WRONG("show rows | save out.txt repository full", SHELL_FAILED, "% Error: cannot save all of out.txt\n");
    close(fd);
    unlink(path);
}

static void answers_in_json(void **state)
{
    (void)state;
    assert_int_equal(capture_line(&at, "show rows | json"), SHELL_OK);
    assert_non_null(strstr(at.out, "{\"words\":["));
    OUT("show clock | json", "{\"ok\":true}\n");
    assert_int_equal(capture_line(&at, "fail | json"), SHELL_FAILED);
    assert_non_null(strstr(at.out, "\"code\":\"not-found\""));
    assert_non_null(strstr(at.out, "\"hint\":\"See listcerts\""));
    assert_string_equal(at.errors, "");
    at.context.unmet = TABLE_NEEDS_DAEMON;
    assert_int_equal(capture_line(&at, "needs daemon | json"), SHELL_UNREACHABLE);
    assert_non_null(strstr(at.out, "\"code\":\"unreachable\""));
}

static void json_is_one_document(void **state)
{
    static const char refused[] = "% \"include\" takes lines, but \"json\" prints one whole document\n";

    (void)state;
    assert_int_equal(capture_line(&at, "show rows | include beta | json"), SHELL_NOT_UNDERSTOOD);
    assert_memory_equal(at.errors, "show rows | include beta | json\n            ^\n", 46);
    assert_string_equal(at.errors + 46, refused);
    assert_string_equal(at.out,
                        "{\"error\":{\"code\":\"invalid-argument\",\"message\":\"\\\"include\\\" takes "
                        "lines, but \\\"json\\\" prints one whole document\",\"hint\":null}}\n");
    assert_int_equal(capture_line(&at, "show rows | json | count"), SHELL_NOT_UNDERSTOOD);
    assert_int_equal(at.context.runs, 0);
    assert_int_equal(capture_line(&at, "show rows | json | more"), SHELL_OK);
    assert_int_equal(capture_line(&at, "show bogus | js"), SHELL_NOT_UNDERSTOOD);
    assert_string_equal(at.errors, "show bogus | js\n     ^\n% invalid command detected at '^' marker.\n");
    assert_string_equal(at.out, "{\"error\":{\"code\":\"invalid-argument\",\"message\":\"invalid command "
                                "detected at '^' marker.\",\"hint\":null}}\n");
    capture_line(&at, "show i | json");
    assert_non_null(strstr(at.out, "\"message\":\"ambiguous command: \\\"show i\\\" matches"));
    capture_line(&at, "conf t");
    assert_int_equal(capture_line(&at, "do show bogus | json"), SHELL_NOT_UNDERSTOOD);
    assert_memory_equal(at.out, "{\"error\":", 9);
}

static void tells_failures_apart(void **state)
{
    (void)state;
    WRONG("fail", SHELL_FAILED, "% Error: there is no pin of 10.0.0.1_443\nSee listcerts\n");
    at.context.unmet = TABLE_NEEDS_DAEMON | TABLE_NEEDS_ACTIVE;
    at.context.runs = 0;
    WRONG("needs daemon", SHELL_UNREACHABLE, "% Error: cannot reach the daemon\n");
    assert_string_equal(at.context.refused, ""); /* it would have changed nothing */
    WRONG("needs active", SHELL_FAILED, "% Error: this node is not the active one\n");
    assert_string_equal(at.context.refused, "needs active");
    assert_int_equal(at.context.refused_code, ERROR_NOT_ACTIVE);
    assert_int_equal(at.context.runs, 0);
}

static void keeps_users_out(void **state)
{
    (void)state;
    OUT("show inventory", "ran\n+inventory\n");
    WRONG("ncs cert tofu deletecert host h_1", SHELL_FAILED,
          "% Error: \"ncs certvalidation tofu-certs deletecert host\" is for administrators\n"
          "oper has the role user\n");
    assert_string_equal(at.context.refused, "ncs cert tofu deletecert host h_1");
    assert_int_equal(at.context.refused_code, ERROR_DENIED);
    WRONG("ncs ha authkey S3cret", SHELL_FAILED,
          "% Error: \"ncs ha authkey\" is for administrators\noper has the role user\n");
    assert_string_equal(at.context.refused, "ncs ha authkey ****");
    /* What is not there for a user does not make words ambiguous, nor is it told of. */
    assert_int_equal(capture_line(&at, "ncs h"), SHELL_NOT_UNDERSTOOD);
    assert_non_null(strstr(at.errors, "invalid command"));
    assert_int_equal(at.context.runs, 1);
}

static void masks_secrets(void **state)
{
    (void)state;
    OUT("ncs ha authkey S3cret", "ran\nkey=[S3cret]\n");
    assert_string_equal(at.context.line, "ncs ha authkey ****");
    OUT("ncs ha auth 'S3 cr|t' | include ran", "ran\n");
    assert_string_equal(at.context.line, "ncs ha auth **** | include ran");
    capture_line(&at, "ncs ha authkey abc");
    assert_null(strstr(at.errors, "abc is"));
    assert_non_null(strstr(at.errors, "% invalid value for <key>: it cannot be taken"));
}

static void moves_between_modes(void **state)
{
    (void)state;
    assert_int_equal(capture_input(&at, "conf t\nhostname a\nha\nsecondary-server b\n"), SHELL_OK);
    assert_ptr_equal(shell_mode(at.session), &table_config_ha);
    assert_string_equal(at.out, "ran\nname=[a]\nran\nname=[b]\n");
    /* A command of the mode around it leaves the submode; one that is known anywhere does not. */
    assert_int_equal(capture_line(&at, "help"), SHELL_OK);
    assert_ptr_equal(shell_mode(at.session), &table_config_ha);
    OUT("hostname c", "ran\nname=[c]\n");
    assert_ptr_equal(shell_mode(at.session), &table_config);
    WRONG("show clock", SHELL_NOT_UNDERSTOOD, "show clock\n^\n% invalid command detected at '^' marker.\n");
    OUT("ha", "");
    OUT("exit", "");
    assert_ptr_equal(shell_mode(at.session), &table_config);
    OUT("ha", "");
    OUT("end", "");
    assert_ptr_equal(shell_mode(at.session), &shell_mode_exec);
}

static void does_exec_commands(void **state)
{
    (void)state;
    OUT("conf t", "");
    OUT("ha", "");
    OUT("do sh inv", "ran\n+inventory\n");
    assert_ptr_equal(shell_mode(at.session), &table_config);
    OUT("do show rows | include gamma", "gamma 2\n");
    WRONG("do show bogus", SHELL_NOT_UNDERSTOOD,
          "do show bogus\n        ^\n% invalid command detected at '^' marker.\n");
    WRONG("do fail", SHELL_FAILED, "% Error: there is no pin of 10.0.0.1_443\nSee listcerts\n");
    assert_ptr_equal(shell_mode(at.session), &table_config);
}

static void runs_input(void **state)
{
    (void)state;
    assert_int_equal(capture_input(&at, "! a comment\n# another\n\n  \nshow inv\r\n  echo last"), SHELL_OK);
    assert_string_equal(at.out, "ran\n+inventory\nran\nword=[last]\n");
    assert_string_equal(at.errors, "");
    assert_int_equal(at.context.runs, 2);
}

static void reports_the_first_failure(void **state)
{
    (void)state;
    assert_int_equal(capture_input(&at, "echo a\nfail\nbogus\necho b\n"), SHELL_FAILED);
    assert_string_equal(at.out, "ran\nword=[a]\nran\nword=[b]\n");
    assert_non_null(strstr(at.errors, "bogus\n^\n"));
}

static void stops_on_error(void **state)
{
    (void)state;
    assert_int_equal(capture_do(&at, NULL, "echo a\nbogus\necho b\n", 20, true), SHELL_NOT_UNDERSTOOD);
    assert_string_equal(at.out, "ran\nword=[a]\n");
}

static void leaves_at_exit(void **state)
{
    (void)state;
    assert_int_equal(capture_input(&at, "echo a\nexit\necho b\n"), SHELL_OK);
    assert_string_equal(at.out, "ran\nword=[a]\n");
}

static void takes_lines_of_any_length(void **state)
{
    size_t length = 300000;
    char *input = malloc(length + 32);

    (void)state;
    memset(input, 'x', length);
    memcpy(input + length, "\necho after\n", 13);
    assert_int_equal(capture_do(&at, NULL, input, length + 12, false), SHELL_NOT_UNDERSTOOD);
    assert_string_equal(at.errors, "% Error: the line is longer than 4000 bytes\n");
    assert_string_equal(at.out, "ran\nword=[after]\n");
    free(input);
}

static void refuses_nul_bytes(void **state)
{
    (void)state;
    assert_int_equal(capture_do(&at, NULL, "echo a\0b\necho c\n", 16, false), SHELL_NOT_UNDERSTOOD);
    assert_string_equal(at.errors, "% Error: the line holds a control character (0x00)\n");
    assert_string_equal(at.out, "ran\nword=[c]\n");
}

static void gives_commands_their_input(void **state)
{
    (void)state;
    assert_int_equal(capture_input(&at, "read\nhunter2\necho after\nread\n"), SHELL_FAILED);
    assert_string_equal(at.out, "read=[hunter2]\nran\nword=[after]\n");
    assert_string_equal(at.errors, "% Error: standard input has no further line\n");
}

/* Standard input that has ended begins anew with a new session. */
static enum shell_status input_anew(const char *input)
{
    enum shell_role role = shell_role(at.session);
    unsigned unmet = at.context.unmet;

    capture_close(&at);
    capture_open(&at, role);
    at.context.unmet = unmet;
    return capture_input(&at, input);
}

static void swallows_a_secret_that_was_not_read(void **state)
{
    static const char *const lines[] = {
        "needs login a prot 1 password-stdin", "needs login a prot 1 passw",
        "needs login a prot 1 pasword-stdin",  "needs login a password-stdn",
        "needs login a port x password-stdin", "needs login a password-stdin | bogus",
        "needs login a password-stdin x",      "needs login a password-stdin \"",
        "do needs login a prot 1 pass",        "do needs login a pass | bogus",
        "needs login a password-stdin \x01",   "needs login a password-stdin | include (",
    };
    char input[128];

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        snprintf(input, sizeof(input), "%s\nS3cret\necho after\n", lines[i]);
        if (input_anew(input) != SHELL_NOT_UNDERSTOOD)
            fail_msg("%s", input);
        assert_string_equal(at.out, "ran\nword=[after]\n");
        assert_null(strstr(at.errors, "S3cret"));
    }
    at.context.unmet = TABLE_NEEDS_DAEMON;
    assert_int_equal(input_anew("needs login a password-s\nS3cret\necho after\n"), SHELL_UNREACHABLE);
    assert_string_equal(at.errors, "% Error: cannot reach the daemon\n");
    assert_string_equal(at.out, "ran\nword=[after]\n");
    assert_int_equal(input_anew("do needs login a password-s\nS3cret\necho after\n"), SHELL_UNREACHABLE);
    assert_string_equal(at.out, "ran\nword=[after]\n");
}

static void swallows_a_secret_of_who_may_not(void **state)
{
    (void)state;
    assert_int_equal(input_anew("needs login a password-stdin\nS3cret\necho after\n"), SHELL_FAILED);
    assert_null(strstr(at.errors, "S3cret"));
    assert_string_equal(at.out, "ran\nword=[after]\n");
}

static void swallows_no_command(void **state)
{
    (void)state;
    input_anew("needs login a password-stdin\nS3cret\necho b\n");
    assert_string_equal(at.out, "read=[S3cret]\nran\nword=[b]\n");
    input_anew("do needs login a password-s\nS3cret\necho b\n");
    assert_string_equal(at.out, "read=[S3cret]\nran\nword=[b]\n");
    input_anew("echo password-stdin\necho b\n");
    assert_string_equal(at.out, "ran\nword=[password-stdin]\nran\nword=[b]\n");
    input_anew("bogus password a\necho b\n");
    assert_string_equal(at.out, "ran\nword=[b]\n");
    input_anew("needs login a password-file\necho b\n");
    assert_string_equal(at.out, "ran\nword=[b]\n");
    input_anew("show bogus | include password-stdin\necho b\n");
    assert_string_equal(at.out, "ran\nword=[b]\n");
}

static void asks_nobody_without_a_terminal(void **state)
{
    (void)state;
    WRONG("ask", SHELL_FAILED,
          "% Error: cn <name> was not given\nThere is no terminal to ask at: add \"cn <name>\" to the "
          "command\n");
    WRONG("ask secret", SHELL_FAILED,
          "% Error: password-stdin was not given\nThere is no terminal to ask at: add \"password-stdin\" to "
          "the "
          "command\n");
}

static void draws_bars_as_lines(void **state)
{
    (void)state;
    OUT("progress", "Database Replication  [                                        ]   0%\n"
                    "Database Replication  [####################                    ]  50%\n"
                    "Database Replication  [########################################] 100%\n");
    OUT("progress | json", "{\"ok\":true}\n");
}

static void ends_when_nobody_reads(void **state)
{
    int ends[2], kept, in, in_kept;
    const char *lines = "show rows\necho after\n";

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    fflush(NULL);
    in = capture_redirect(STDIN_FILENO, &in_kept);
    assert_int_equal(write(in, lines, strlen(lines)), strlen(lines));
    lseek(in, 0, SEEK_SET);
    kept = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    shell_run_input(at.session, false);
    dup2(kept, STDOUT_FILENO);
    dup2(in_kept, STDIN_FILENO);
    close(kept);
    close(in_kept);
    close(in);
    close(ends[1]);
    assert_int_equal(at.context.runs, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_admin, close_session)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(abbreviates),
        TEST(takes_back_with_the_same_entry),
        TEST(says_what_is_ambiguous),
        TEST(puts_the_caret_under_the_first_bad_word),
        TEST(hints_at_what_to_do_instead),
        TEST(counts_cells_not_bytes),
        TEST(takes_options_in_any_order),
        TEST(prefers_keywords_to_arguments),
        TEST(prefers_visible_commands),
        TEST(carries_any_argument),
        TEST(refuses_what_is_no_line),
        TEST(filters),
        TEST(filters_chain),
        TEST(refuses_bad_modifiers),
        TEST(saves),
        TEST(answers_in_json),
        TEST(json_is_one_document),
        TEST(tells_failures_apart),
        cmocka_unit_test_setup_teardown(keeps_users_out, open_user, close_session),
        TEST(masks_secrets),
        TEST(moves_between_modes),
        TEST(does_exec_commands),
        TEST(runs_input),
        TEST(reports_the_first_failure),
        TEST(stops_on_error),
        TEST(leaves_at_exit),
        TEST(takes_lines_of_any_length),
        TEST(refuses_nul_bytes),
        TEST(gives_commands_their_input),
        TEST(swallows_a_secret_that_was_not_read),
        cmocka_unit_test_setup_teardown(swallows_a_secret_of_who_may_not, open_user, close_session),
        TEST(swallows_no_command),
        TEST(asks_nobody_without_a_terminal),
        TEST(draws_bars_as_lines),
        TEST(ends_when_nobody_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
