#include "shell_capture.h"

#include "shell/complete.h"
#include "shell/words.h"

static struct grammar grammar;
static struct table_context context;
static struct shell_program program;

static int compile(void **state)
{
    struct error err = {0};

    (void)state;
    program = table_program(&context);
    return grammar_compile(&grammar, &program, &err);
}

static int release(void **state)
{
    (void)state;
    grammar_free(&grammar);
    return 0;
}

/* The candidates, parted by a blank; with the typed bytes in front and <cr> behind. */
static const char *tab_in(const struct shell_mode *mode, enum shell_role role, const char *line)
{
    static char out[2048];
    struct complete_place place = {&grammar, mode, role};
    struct shell_words words = {0};
    size_t typed = 0, used;

    complete_words(&place, line, strlen(line), &words, &typed);
    used = (size_t)snprintf(out, sizeof(out), "%zu:", typed);
    for (size_t i = 0; i < words.count; i++)
        used += (size_t)snprintf(out + used, sizeof(out) - used, " %s", words.items[i].word);
    if (words.may_end)
        snprintf(out + used, sizeof(out) - used, " <cr>");
    shell_words_free(&words);
    return out;
}

static const char *tab(const char *line)
{
    return tab_in(&shell_mode_exec, SHELL_ROLE_ADMIN, line);
}

static void completes_keywords(void **state)
{
    (void)state;
    assert_string_equal(tab("sh"), "2: show");
    assert_string_equal(tab("show"), "4: show");
    assert_string_equal(tab("show i"), "1: interface inventory");
    assert_string_equal(tab("show "), "0: clock history interface inventory rows");
    assert_string_equal(tab("sh INV"), "3: inventory");
    assert_string_equal(tab("nc ce t "), "0: addcert deletecert listcerts");
    assert_string_equal(tab("bogus "), "0:");
    assert_string_equal(tab("show i "), "0:"); /* ambiguous: nothing is known of what follows */
    assert_string_equal(tab("zones "), "0: disable enable");
    assert_string_equal(tab("show clock "), "0: <cr>");
}

static void completes_values(void **state)
{
    (void)state;
    assert_string_equal(tab("mix "), "0: 127.0.0.21_443 127.0.0.22_443 all");
    assert_string_equal(tab("mix 127.0.0.22"), "10: 127.0.0.22_443");
    assert_string_equal(tab("nc ce t add host h_1 certfile pl"), "2: plain.pem");
    assert_string_equal(tab("nc ce t add host h_1 certfile t"), "1: \"two words.pem\"");
    assert_string_equal(tab("nc ce t add host h_1 certfile \"tw"), "3: \"two words.pem\"");
    assert_string_equal(tab("nc ce t add host h_1 certfile q"), "1: q\"uote");
    assert_string_equal(tab("nc ce t add host h_1 certfile a"), "1: \"a|b\"");
}

static void offers_the_options_that_are_left(void **state)
{
    (void)state;
    assert_string_equal(tab("nc ce t add host h_1 "), "0: certfile fingerprint force <cr>");
    assert_string_equal(tab("nc ce t add host h_1 force "), "0: certfile fingerprint <cr>");
    assert_string_equal(tab("nc ce t add host h_1 force fingerprint "), "0:");
    assert_string_equal(tab("nc ce t add host h_1 certfile x "), "0: repository");
}

static void completes_modifiers(void **state)
{
    (void)state;
    assert_string_equal(tab("show rows | "),
                        "0: begin count end exclude include json last more save section");
    assert_string_equal(tab("show rows | e"), "1: end exclude");
    assert_string_equal(tab("show rows|"), "0: begin count end exclude include json last more save section");
    assert_string_equal(tab("show rows | include "), "0:");
    assert_string_equal(tab("show rows | include x | co"), "2: count");
    assert_string_equal(tab("show rows | save f repository "), "0: defaultRepo");
}

static void completes_in_modes(void **state)
{
    (void)state;
    assert_string_equal(tab_in(&table_config, SHELL_ROLE_ADMIN, ""),
                        "0: do end exit ha help hostname no username");
    assert_string_equal(tab_in(&table_config, SHELL_ROLE_ADMIN, "do show i"), "1: interface inventory");
    assert_string_equal(tab_in(&table_config, SHELL_ROLE_ADMIN, "do sh"), "2: show");
    assert_string_equal(tab_in(&table_config, SHELL_ROLE_ADMIN, "do show inv | co"), "2: count");
    assert_string_equal(tab_in(&table_config_ha, SHELL_ROLE_ADMIN, ""), "0: end exit help secondary-server");
    assert_string_equal(tab_in(&table_config_ha, SHELL_ROLE_ADMIN, "host"), "4: hostname");
    assert_string_equal(tab_in(&table_config_ha, SHELL_ROLE_ADMIN, "username a password abcd "), "0: role");
}

static void hides_what_a_user_may_not(void **state)
{
    (void)state;
    assert_string_equal(tab_in(&shell_mode_exec, SHELL_ROLE_USER, "nc ce t "), "0: listcerts");
    assert_string_equal(tab_in(&shell_mode_exec, SHELL_ROLE_USER, "ncs "), "0: certvalidation");
    assert_string_equal(tab_in(&shell_mode_exec, SHELL_ROLE_USER, "conf"), "4:");
}

static void help_is(const char *line, size_t indent, const char *expected)
{
    struct complete_place place = {&grammar, &shell_mode_exec, SHELL_ROLE_ADMIN};
    char *text = complete_help(&place, line, strlen(line), (struct caret){indent, 0});

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void helps(void **state)
{
    (void)state;
    help_is("show i", 0,
            "  interface         The interfaces\n"
            "  inventory         The hardware\n");
    help_is("ncs ", 0,
            "  certvalidation    Trust in certificates\n"
            "  ha                The pair\n");
    help_is("nc ce t ", 0,
            "  addcert           Add a pin\n"
            "  deletecert        Forget a pin\n"
            "  listcerts         The pins\n");
    help_is("show interface ", 0,
            "  <name>            A name\n"
            "  |                 Output modifiers\n"
            "  <cr>\n");
    help_is("mix ", 0,
            "  all               All of them\n"
            "  <host_port>       Address or name and port, e.g. 10.1.1.1_443\n"
            "    127.0.0.21_443  ISE-server\n"
            "    127.0.0.22_443  kong\n");
    help_is("zones ", 0,
            "  disable           Trust all\n"
            "  enable            Check them\n");
    help_is("zones enable ", 0, "  trustzone         Which zone\n");
    help_is("zones enable trustzone ", 0,
            "  devicemgmt        Devices\n"
            "  pubnet            Hosts\n");
    help_is("nc ce t add host h_1 f", 0,
            "  fingerprint       A word\n"
            "  force             Do not ask\n");
    help_is("show rows | la", 0, "  last              The last lines, 10 unless said otherwise\n");
}

static void completes_values_with_blanks(void **state)
{
    (void)state;
    assert_string_equal(tab("start "), "0: Big TFTP Big Tomcat Small");
    assert_string_equal(tab("start Big"), "3: Big TFTP Big Tomcat");
    assert_string_equal(tab("start Big "), "4: Big TFTP Big Tomcat");
    assert_string_equal(tab("do start Big To"), "6: Big Tomcat");
    assert_string_equal(tab("start \"Big To"), "7: \"Big Tomcat\"");
    assert_string_equal(tab("start Big x"), "0:");
    help_is("start Big ", 0,
            "  <service>         A service, its blanks included\n"
            "    Big TFTP        tftp\n"
            "    Big Tomcat      tomcat\n");
    help_is("start Big Tomcat ", 0,
            "  |                 Output modifiers\n"
            "  <cr>\n");
    help_is("start Big x ", 0, "      ^\n% invalid value for <service>: Big x is not a service\n");
}

static void points_at_what_is_wrong_when_asked(void **state)
{
    (void)state;
    help_is("show bogus ", 10, "               ^\n% invalid command detected at '^' marker.\n");
    help_is("show bogus", 10, "               ^\n% invalid command detected at '^' marker.\n");
    help_is("show i ", 0, "% ambiguous command: \"show i\" matches: interface inventory\n");
    help_is("mix 1.2 ", 0,
            "    ^\n% invalid value for <host_port>: 1.2 is not an address, a host name and a port joined by "
            "\"_\"\n");
}

static void never_runs_anything(void **state)
{
    (void)state;
    assert_int_equal(context.runs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completes_keywords),
        cmocka_unit_test(completes_values),
        cmocka_unit_test(offers_the_options_that_are_left),
        cmocka_unit_test(completes_modifiers),
        cmocka_unit_test(completes_in_modes),
        cmocka_unit_test(hides_what_a_user_may_not),
        cmocka_unit_test(helps),
        cmocka_unit_test(completes_values_with_blanks),
        cmocka_unit_test(points_at_what_is_wrong_when_asked),
        cmocka_unit_test(never_runs_anything),
    };

    return cmocka_run_group_tests(tests, compile, release);
}
