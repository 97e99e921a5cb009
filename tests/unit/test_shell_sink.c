#include "shell/sink.h"

#include "base/text.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct text read_rest(int fd)
{
    struct text out = {0};
    char block[4096];
    ssize_t got;

    while ((got = read(fd, block, sizeof(block))) > 0)
        text_add(&out, block, (size_t)got);
    return out;
}

static void translates_line_ends_only_for_a_terminal(void **state)
{
    (void)state;
    for (int crlf = 0; crlf < 2; crlf++) {
        struct sink *sink;
        struct text out;
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        sink = sink_fd(ends[1], crlf);
        sink_write(sink, "a\n\nb\n", 5);
        sink_write(sink, "c\n", 2);
        sink_finish(sink);
        sink_free(sink);
        close(ends[1]);
        out = read_rest(ends[0]);
        assert_string_equal(out.data, crlf ? "a\r\n\r\nb\r\nc\r\n" : "a\n\nb\nc\n");
        text_free(&out);
        close(ends[0]);
    }
}

/* A descriptor that does not block, a slow reader, writes of all sizes: every byte arrives, in order. */
static void everything_arrives(void **state)
{
    (void)state;
    for (int crlf = 0; crlf < 2; crlf++) {
        int ends[2];
        pid_t child;
        int status;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        if (child == 0) {
            struct sink *sink = sink_fd(ends[1], crlf);
            static char line[200002];

            fcntl(ends[1], F_SETFL, O_NONBLOCK);
            memset(line, 'x', sizeof(line));
            for (size_t i = 0; i < 400; i++) {
                size_t length = i % 50 == 0 ? sizeof(line) - 1 - i : i * 7 % 300;

                line[length] = '\n';
                sink_write(sink, line, length + 1);
                line[length] = 'x';
            }
            sink_finish(sink);
            status = sink->stopped;
            sink_free(sink);
            _exit(status);
        }
        close(ends[1]);
        struct text out = read_rest(ends[0]);
        const char *at = out.data;
        for (size_t i = 0; i < 400; i++) {
            size_t length = i % 50 == 0 ? 200001 - i : i * 7 % 300;

            assert_int_equal(strspn(at, "x"), length);
            at += length;
            assert_memory_equal(at, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
            at += crlf ? 2 : 1;
        }
        assert_int_equal(at - out.data, out.length);
        text_free(&out);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        close(ends[0]);
    }
}

static void stops_when_the_reader_is_gone(void **state)
{
    struct sink *sink;
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    sink = sink_fd(ends[1], false);
    sink_write(sink, "a\n", 2);
    assert_false(sink->stopped);
    sink_flush(sink);
    assert_true(sink->stopped);
    sink_write(sink, "b\n", 2);
    sink_finish(sink);
    sink_free(sink);
    close(ends[1]);
    sink_free(NULL);
}

static void holds_back_until_flushed(void **state)
{
    struct sink *sink;
    struct pollfd wait;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    wait = (struct pollfd){.fd = ends[0], .events = POLLIN};
    sink = sink_fd(ends[1], true);
    sink_write(sink, "a\n", 2);
    assert_int_equal(poll(&wait, 1, 0), 0);
    sink_flush(sink);
    assert_int_equal(poll(&wait, 1, 0), 1);
    sink_finish(sink);
    sink_free(sink);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translates_line_ends_only_for_a_terminal),
        cmocka_unit_test(everything_arrives),
        cmocka_unit_test(stops_when_the_reader_is_gone),
        cmocka_unit_test(holds_back_until_flushed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
