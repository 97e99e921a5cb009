#include "base/base64.h"
#include "base/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void encodes_the_examples_of_the_standard(void **state)
{
    static const char *const rows[][2] = {{"f", "Zg=="},         {"fo", "Zm8="},
                                          {"foo", "Zm9v"},       {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        char text[16];
        uint8_t bytes[16];
        size_t length;

        base64_encode(rows[i][0], strlen(rows[i][0]), text);
        assert_string_equal(text, rows[i][1]);
        assert_true(base64_decode(text, bytes, &length));
        assert_int_equal(length, strlen(rows[i][0]));
        assert_memory_equal(bytes, rows[i][0], length);
    }
}

static void refuses_what_is_no_base64(void **state)
{
    static const char *const bad[] = {"",     "Z",    "Zg",    "Zg=",          "Zg===", "Z===", "====",
                                      "Zh==", "Zm9=", "Zm9\n", "Zm9vZg==Zm9v", "Zm 9",  "Zm-_", "=Zm9"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t bytes[16];
        size_t length;

        assert_false(base64_decode(bad[i], bytes, &length));
    }
}

static void follows_parents(void **state)
{
    struct process self, child;
    pid_t parent, pid = fork();

    (void)state;
    if (pid == 0) {
        /* a name that looks like the end of the name and more fields */
        prctl(PR_SET_NAME, ") S 1 1");
        pause();
        _exit(0);
    }
    assert_true(process_find(getpid(), &self, NULL));
    do
        assert_true(process_find(pid, &child, &parent));
    while (parent != getpid());
    assert_true(process_descends(pid, &self));
    assert_true(process_descends(getpid(), &self));
    assert_false(process_descends(getpid(), &child));
    assert_true(process_lives(&child));
    self.start++;
    assert_false(process_descends(pid, &self));
    assert_false(process_lives(&self)); /* another one of that number */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_false(process_lives(&child));
    assert_false(process_find(pid, &child, NULL));
    assert_false(process_find(-1, &child, NULL));
    assert_false(process_under_sshd(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_the_examples_of_the_standard),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(follows_parents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
