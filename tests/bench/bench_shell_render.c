/* Rows a second through the renderer, beside fwrite() of the same bytes, to /dev/null and into a pipe. */
#include "shell/render.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROWS 1000000
#define REPEATS 3 /* the best of them counts */

static const char host[] = "host-123456.example.com_443";
static const char subject[] = "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=host-123456";

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void with_fwrite(int fd)
{
    FILE *file = fdopen(dup(fd), "w");
    char line[256];
    int length = snprintf(line, sizeof(line), "host=%s;  subject= %s\n", host, subject);

    setvbuf(file, NULL, _IOFBF, 65536);
    for (int i = 0; i < ROWS; i++)
        fwrite(line, 1, (size_t)length, file);
    fclose(file);
}

static void with_printf(int fd)
{
    FILE *file = fdopen(dup(fd), "w");

    setvbuf(file, NULL, _IOFBF, 65536);
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "host=%s;  subject= %s\n", host, subject);
    fclose(file);
}

static void render(int fd, enum render_form form, enum shell_listing_form listing_form)
{
    static const struct shell_column columns[] = {{"host", "Host", SHELL_TEXT, 0},
                                                  {"subject", "Subject", SHELL_TEXT, 0}};
    struct shell_listing listing = {
        "pins", listing_form, SHELL_COLUMNS(columns), NULL, "host={host};  subject= {subject}", NULL, false};
    struct sink *sink = sink_fd(fd, false);
    struct shell_output *output = render_new(form, sink);

    output_begin(output, &listing);
    for (int i = 0; i < ROWS; i++) {
        output_text(output, 0, host, sizeof(host) - 1);
        output_text(output, 1, subject, sizeof(subject) - 1);
        output_row_end(output);
    }
    output_end(output);
    render_finish(output, NULL);
    sink_finish(sink);
    render_free(output);
    sink_free(sink);
}

static void with_lines(int fd)
{
    render(fd, RENDER_TEXT, SHELL_LINES);
}

static void with_table(int fd)
{
    render(fd, RENDER_TEXT, SHELL_TABLE);
}

static void with_json(int fd)
{
    render(fd, RENDER_JSON, SHELL_LINES);
}

static double into_null(void (*write_rows)(int))
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    double start = now();

    write_rows(fd);
    close(fd);
    return now() - start;
}

static double into_pipe(void (*write_rows)(int))
{
    static char buffer[1 << 16];
    int ends[2];
    double start = now();
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0)
        exit(1);
    if (child == 0) {
        close(ends[1]);
        while (read(ends[0], buffer, sizeof(buffer)) > 0)
            ;
        _exit(0);
    }
    close(ends[0]);
    write_rows(ends[1]);
    close(ends[1]);
    waitpid(child, NULL, 0);
    return now() - start;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*write_rows)(int);
    } ways[] = {{"fwrite", with_fwrite},
                {"fprintf", with_printf},
                {"lines", with_lines},
                {"table", with_table},
                {"json", with_json}};
    double reference[2] = {0};
    struct rusage usage;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        double best[2] = {1e9, 1e9};

        for (int repeat = 0; repeat < REPEATS; repeat++) {
            double seconds[2] = {into_null(ways[i].write_rows), into_pipe(ways[i].write_rows)};

            for (int to = 0; to < 2; to++)
                best[to] = seconds[to] < best[to] ? seconds[to] : best[to];
        }
        for (int to = 0; to < 2; to++) {
            if (i == 0)
                reference[to] = best[to];
            printf("%-8s %-5s %6.1f ns/row  %5.2f x fwrite\n", ways[i].name, to == 0 ? "null" : "pipe",
                   best[to] * 1e9 / ROWS, best[to] / reference[to]);
        }
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory %ld KiB\n", usage.ru_maxrss);
    return 0;
}
