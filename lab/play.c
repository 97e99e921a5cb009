/* `play`: the published flows, each on a fresh lab of its own. */
#include "base/clock.h"
#include "base/text.h"
#include "lab/process.h"
#include "lab/record.h"
#include "lab/scenario.h"
#include "lab/subcommand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS_PER_S 1000.0
#define SKIPPED 77 /* a scenario's exit status where the machine lacks what it needs */

struct play {
    const struct lab_arguments *arguments;
    struct record *record;
    char folder[PATH_MAX]; /* of the scenario's lab */
    FILE *said;            /* what is printed only where it went wrong; in memory */
    int failed;
    int count;
    json_t *results; /* --json: an object for each that was played; NULL: lines instead */
};

/* Only what came of it is to be seen, and where it went wrong all of it. */
static bool is_quiet(const struct play *play)
{
    return play->arguments->quiet || play->results != NULL;
}

static volatile sig_atomic_t interrupted;

/* The scenario ends by the same signal; its lab must be taken down all the same. */
static void interrupt(int number)
{
    interrupted = number;
}

static void catch_signals(void)
{
    const struct sigaction action = {.sa_handler = interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* Runs a program to its end, its output behind what is in a file (NULL: where ours goes). A signal ends it
 * too, unless it is `shielded`. The status of waitpid(2). */
static int run(char *const argv[], FILE *output, bool shielded)
{
    int status = -1;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (shielded)
            setpgid(0, 0);
        if (output != NULL) {
            dup2(fileno(output), STDOUT_FILENO);
            dup2(fileno(output), STDERR_FILENO);
        }
        execvp(argv[0], argv);
        fprintf(stderr, "primelab: cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) != pid && errno == EINTR) {
        if (!shielded)
            kill(pid, SIGTERM);
    }
    return status;
}

static int run_primelab(const struct play *play, const char *command, const char *option)
{
    char program[PATH_MAX + 16];
    char *argv[] = {program,
                    "--folder",
                    (char *)(uintptr_t)play->folder,
                    (char *)(uintptr_t)command,
                    (char *)(uintptr_t)option,
                    NULL};

    snprintf(program, sizeof(program), "%s/primelab", play->arguments->lab.programs);
    return run(argv, play->said, strcmp(command, "down") == 0);
}

/* One that others may enter: as root, the nodes run as another user. */
static int make_folder(struct play *play, struct error *err)
{
    const char *above = getenv("TMPDIR");

    snprintf(play->folder, sizeof(play->folder), "%s/primelab-play.XXXXXX", above != NULL ? above : "/tmp");
    if (mkdtemp(play->folder) == NULL || chmod(play->folder, 0755) != 0)
        return error_set_errno(err, errno, "cannot make a folder for the lab in %s",
                               above != NULL ? above : "/tmp");
    return 0;
}

static int open_said(struct play *play, struct error *err)
{
    int fd = memfd_create("said", MFD_CLOEXEC);

    play->said = fd >= 0 ? fdopen(fd, "a+") : NULL;
    return play->said != NULL ? 0 : error_set_errno(err, errno, "cannot keep what the scenario says");
}

static void empty_said(const struct play *play)
{
    fflush(play->said);
    if (ftruncate(fileno(play->said), 0) == 0)
        rewind(play->said);
}

static void print_said(const struct play *play)
{
    char line[4096];

    rewind(play->said);
    while (fgets(line, sizeof(line), play->said) != NULL)
        printf("# %s", line);
}

static void tell_scenario(const struct play *play)
{
    const struct lab_arguments *arguments = play->arguments;
    char program[PATH_MAX + 16];

    snprintf(program, sizeof(program), "%s/primelab", arguments->lab.programs);
    setenv("PRIMELAB", program, 1);
    setenv("PRIMELAB_FOLDER", play->folder, 1);
    setenv("PRIMELAB_STEP", arguments->step ? "1" : "", 1);
    /* who watches a recording wants to see it typed */
    setenv("PRIMELAB_PACE", play->record != NULL ? "25" : "0", 0);
}

static int run_script(struct play *play, const struct scenario *scenario)
{
    char *argv[] = {"expect", "-f", (char *)(uintptr_t)scenario->path, NULL};
    struct error err = {0};
    int status;

    tell_scenario(play);
    if (play->record == NULL)
        return run(argv, is_quiet(play) ? play->said : NULL, false);
    status = record_run(play->record, argv, is_quiet(play) ? play->said : stdout, &err);
    if (status < 0)
        fprintf(stderr, "primelab: %s\n", err.message);
    return status;
}

/* Networks of its own are not to be had everywhere, as root even: it then plays on loopback, and says so. */
static int bring_up(const struct play *play, const struct scenario *scenario)
{
    if (scenario->namespaces && geteuid() == 0) {
        if (run_primelab(play, "up", "--netns") == 0)
            return 0;
        run_primelab(play, "down", NULL);
    }
    return run_primelab(play, "up", NULL);
}

/* The scenario's exit status. */
static int play_on_lab(struct play *play, const struct scenario *scenario)
{
    int status = bring_up(play, scenario);

    if (status == 0 && !interrupted) {
        empty_said(play);
        status = run_script(play, scenario);
    }
    if (play->arguments->keep && play->results == NULL)
        printf("# its lab goes on: primelab --folder %s status\n", play->folder);
    else if (!play->arguments->keep && run_primelab(play, "down", NULL) != 0)
        status = -1;
    return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : LAB_FAILED;
}

/* What was printed, line by line. */
static json_t *said_lines(const struct play *play)
{
    json_t *lines = json_array();
    char line[4096];

    rewind(play->said);
    while (fgets(line, sizeof(line), play->said) != NULL) {
        struct text shown = {0};

        text_add_line(&shown, line, strcspn(line, "\r\n"));
        json_array_append_new(lines, json_string(shown.data != NULL ? shown.data : ""));
        text_free(&shown);
    }
    return lines;
}

static json_t *make_result(const struct scenario *scenario, int number, const char *word)
{
    return json_pack("{s:i, s:s, s:s, s:s}", "number", number, "name", scenario->name, "title",
                     scenario->title, "result", word);
}

/* For a program: an object each. What was printed stands in it only where something is to be explained. */
static void add_result(struct play *play, const struct scenario *scenario, int status, int64_t took_ms)
{
    const char *word = status == 0 ? "ok" : status == SKIPPED ? "skipped" : "failed";
    json_t *result = make_result(scenario, play->count, word);

    json_object_set_new(result, "seconds", json_real((double)took_ms / MS_PER_S));
    if (play->arguments->keep)
        json_object_set_new(result, "folder", json_string(play->folder));
    if (status != 0)
        json_object_set_new(result, "output", said_lines(play));
    json_array_append_new(play->results, result);
}

/* The line that a test harness reads (Test Anything Protocol). */
static void say_result(struct play *play, const struct scenario *scenario, int status, int64_t took_ms)
{
    play->count++;
    play->failed += status != 0 && status != SKIPPED;
    if (play->results != NULL) {
        add_result(play, scenario, status, took_ms);
        return;
    }
    if (status != 0 && (play->arguments->quiet || status != SKIPPED))
        print_said(play);
    printf("%s %d - %s: %s%s", status != 0 && status != SKIPPED ? "not ok" : "ok", play->count,
           scenario->name, scenario->title, status == SKIPPED ? " # SKIP" : "");
    printf(status == SKIPPED ? "\n" : " (%.1f s)\n", (double)took_ms / MS_PER_S);
    fflush(stdout);
}

static int play_one(struct play *play, const struct scenario *scenario)
{
    int64_t began = clock_monotonic_ms();
    struct error err = {0};
    int status;

    if (open_said(play, &err) != 0 || make_folder(play, &err) != 0)
        return lab_complain(play->arguments, &err);
    status = play_on_lab(play, scenario);
    say_result(play, scenario, status, clock_monotonic_ms() - began);
    fclose(play->said);
    return LAB_OK;
}

/* One of several that are played at once: its output waits until it is its turn to be seen. */
struct turn {
    pid_t pid; /* 0: it has not begun, or is over */
    FILE *output;
    int status;
};

static int begin_turn(const struct play *play, const struct scenario *scenario, int number, struct turn *turn)
{
    turn->output = tmpfile();
    fflush(stdout);
    turn->pid = turn->output != NULL ? fork() : -1;
    if (turn->pid == 0) {
        struct play own = *play;
        int status;

        own.count = number;
        if (own.results != NULL)
            own.results = json_array();
        dup2(fileno(turn->output), STDOUT_FILENO);
        dup2(fileno(turn->output), STDERR_FILENO);
        status = play_one(&own, scenario);
        if (own.results != NULL && status == LAB_OK)
            lab_print_json(own.results);
        fflush(stdout);
        _exit(status != LAB_OK ? status : own.failed);
    }
    return turn->pid > 0 ? 0 : -1;
}

/* The child's array of one, or its error. */
static void take_results(struct play *play, const struct scenario *scenario, FILE *output)
{
    json_t *got = json_loadf(output, 0, NULL);
    json_t *failed = json_is_array(got) ? NULL : make_result(scenario, play->count + 1, "failed");

    if (failed == NULL)
        json_array_extend(play->results, got);
    else if (json_object_get(got, "error") != NULL)
        json_object_set(failed, "error", json_object_get(got, "error"));
    if (failed != NULL)
        json_array_append_new(play->results, failed);
    json_decref(got);
}

static void show_turn(struct play *play, const struct scenario *scenario, struct turn *turn)
{
    char bytes[16384];
    size_t got;

    rewind(turn->output);
    if (play->results != NULL)
        take_results(play, scenario, turn->output);
    while (play->results == NULL && (got = fread(bytes, 1, sizeof(bytes), turn->output)) > 0)
        fwrite(bytes, 1, got, stdout);
    fflush(stdout);
    fclose(turn->output);
    play->count++;
    play->failed += turn->status != LAB_OK;
}

/* Waits until one of them is over; passes a signal on to all. */
static void wait_for_turn(struct turn *turns, size_t count)
{
    int status;
    pid_t pid = wait(&status);

    for (size_t i = 0; i < count; i++) {
        if (pid < 0 && interrupted && turns[i].pid > 0)
            kill(turns[i].pid, SIGTERM);
        if (pid > 0 && turns[i].pid == pid) {
            turns[i].pid = 0;
            turns[i].status = WIFEXITED(status) ? WEXITSTATUS(status) : LAB_FAILED;
        }
    }
}

static int play_side_by_side(struct play *play, const struct scenario *first, size_t count)
{
    struct turn *turns = calloc(count, sizeof(turns[0]));
    size_t begun = 0;
    size_t shown = 0;
    int running = 0;

    if (turns == NULL)
        abort();
    while (shown < begun || (begun < count && !interrupted)) {
        while (begun < count && running < play->arguments->jobs && !interrupted) {
            if (begin_turn(play, &first[begun], (int)begun, &turns[begun]) != 0)
                abort();
            begun++;
            running++;
        }
        wait_for_turn(turns, begun);
        running = 0;
        for (size_t i = 0; i < begun; i++)
            running += turns[i].pid != 0;
        while (shown < begun && turns[shown].pid == 0) {
            show_turn(play, &first[shown], &turns[shown]);
            shown++;
        }
    }
    free(turns);
    return LAB_OK;
}

static int list_scenarios(const struct lab_arguments *arguments, const struct scenario_list *list)
{
    json_t *out = arguments->json ? json_array() : NULL;

    for (size_t i = 0; i < list->count; i++) {
        const struct scenario *scenario = &list->all[i];

        if (out != NULL)
            json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "name", scenario->name, "title",
                                                 scenario->title, "path", scenario->path));
        else
            printf("%-26s %s\n", scenario->name, scenario->title);
    }
    return out != NULL ? lab_print_json(json_pack("{s:o}", "scenarios", out)) : LAB_OK;
}

static bool is_installed(const char *program)
{
    char folders[8192];
    char *rest = folders;
    char *folder;

    snprintf(folders, sizeof(folders), "%s", getenv("PATH") != NULL ? getenv("PATH") : "/usr/bin:/bin");
    while ((folder = strsep(&rest, ":")) != NULL) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", folder, program) < (int)sizeof(path) &&
            access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static size_t count_results(const json_t *results, const char *word)
{
    size_t count = 0;
    size_t i;
    json_t *result;

    json_array_foreach(results, i, result)
    {
        count += strcmp(json_string_value(json_object_get(result, "result")), word) == 0;
    }
    return count;
}

static void print_end(struct play *play)
{
    json_t *results = play->results;

    if (results == NULL) {
        printf("1..%d\n", play->count);
        return;
    }
    play->results = NULL;
    lab_print_json(json_pack("{s:i, s:i, s:i, s:o}", "passed", (int)count_results(results, "ok"), "failed",
                             (int)count_results(results, "failed"), "skipped",
                             (int)count_results(results, "skipped"), "played", results));
}

static int play_them(struct play *play, const struct scenario *first, size_t count)
{
    int status = LAB_OK;

    catch_signals();
    if (play->arguments->jobs > 1)
        status = play_side_by_side(play, first, count);
    for (size_t i = 0; play->arguments->jobs <= 1 && i < count && status == LAB_OK && !interrupted; i++)
        status = play_one(play, &first[i]);
    if (status != LAB_OK)
        return status;
    print_end(play);
    if (interrupted)
        return 128 + interrupted;
    return play->failed == 0 ? LAB_OK : LAB_FAILED;
}

static int play_chosen(struct play *play, const struct scenario_list *list)
{
    const struct lab_arguments *arguments = play->arguments;
    bool all = strcmp(arguments->words[0], "all") == 0;
    struct error err = {0};
    const struct scenario *first = all ? list->all : scenario_find(list, arguments->words[0], &err);
    int status;

    if (first != NULL && arguments->json && arguments->step)
        error_set(&err, ERROR_INVALID_ARGUMENT,
                  "with --json only what came of it is printed: there is nothing to step through");
    else if (first != NULL && arguments->record != NULL && arguments->jobs > 1)
        error_set(&err, ERROR_INVALID_ARGUMENT, "what is played side by side cannot be recorded");
    else if (first != NULL && !is_installed("expect")) {
        error_set(&err, ERROR_NOT_FOUND, "the scenarios are scripts for expect, which is not installed");
        error_hint(&err, "apt-get install expect");
    } else if (first != NULL && arguments->record != NULL)
        play->record = record_open(arguments->record, all ? "primesh" : first->title, &err);
    if (err.code != ERROR_NONE)
        return lab_complain(arguments, &err);
    play->results = arguments->json ? json_array() : NULL;
    status = play_them(play, first, all ? list->count : 1);
    json_decref(play->results);
    if (record_close(play->record, &err) != 0)
        return lab_complain(arguments, &err);
    return status;
}

int lab_run_play(const struct lab_arguments *arguments)
{
    struct play play = {.arguments = arguments};
    struct scenario_list list;
    struct error err = {0};
    int status;

    if (scenario_list_read(arguments->lab.programs, &list, &err) != 0)
        return lab_complain(arguments, &err);
    status = arguments->word_count == 0 ? list_scenarios(arguments, &list) : play_chosen(&play, &list);
    scenario_list_free(&list);
    return status;
}
