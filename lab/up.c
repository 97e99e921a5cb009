/* `up`: starts what does not run, side by side, and shows how far each is. */
#include "base/clock.h"
#include "base/text.h"
#include "lab/folder.h"
#include "lab/namespace.h"
#include "lab/network.h"
#include "lab/process.h"
#include "lab/progress.h"
#include "lab/ssh.h"
#include "lab/subcommand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 100 /* how often a terminal shows the time that goes by */
#define JOBS_MAX 16

/* Something that is started in a process of its own, which says what goes wrong on `said`. */
struct job {
    int (*run)(const struct lab *lab, const struct lab_server *server, struct error *err);
    const struct lab_server *server;
    const char *done; /* what its line says then */
    size_t line;      /* LAB_PROGRESS_MAX: none */
    bool optional;    /* the lab goes on without it */
    pid_t pid;
    int said;
    struct text text;
    int status;
};

struct wave {
    const struct lab_arguments *arguments;
    const struct lab *lab;
    struct lab_progress progress;
    struct job jobs[JOBS_MAX];
    size_t count;
    int64_t began;
    int status; /* of the first that failed */
};

static int say_and_exit(const struct error *err)
{
    static const struct lab_arguments plain = {0};

    return lab_complain(&plain, err);
}

static void start_job(struct wave *wave, struct job *job)
{
    pid_t parent = getpid();
    int ends[2];

    job->status = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    job->said = ends[0];
    job->pid = fork();
    if (job->pid == 0) {
        struct error err = {0};

        /* What a killed `up` leaves behind must not go on by itself. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(LAB_FAILED);
        dup2(ends[1], STDERR_FILENO);
        _exit(job->run(wave->lab, job->server, &err) == 0 ? LAB_OK : say_and_exit(&err));
    }
    close(ends[1]);
}

static struct job *add_job(struct wave *wave, const struct job *job)
{
    wave->jobs[wave->count] = *job;
    start_job(wave, &wave->jobs[wave->count]);
    return &wave->jobs[wave->count++];
}

/* Each line of what it said, without the name of the program in front, as one. */
static void join_lines(struct text *text)
{
    static const char *const fronts[] = {"primelab: ", "primed: "};
    struct text out = {0};
    char *rest = text->data;
    char *line;

    while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
        for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++)
            line += strncmp(line, fronts[i], strlen(fronts[i])) == 0 ? strlen(fronts[i]) : 0;
        if (*line != '\0' && (out.data == NULL || strstr(out.data, line) == NULL))
            text_format(&out, "%s%s", out.length > 0 ? "; " : "", line);
    }
    text_free(text);
    *text = out;
}

static void settle_job(struct wave *wave, struct job *job)
{
    int status = 1;

    close(job->said);
    if (job->pid > 0 && waitpid(job->pid, &status, 0) == job->pid && WIFEXITED(status))
        job->status = WEXITSTATUS(status);
    else
        job->status = LAB_FAILED;
    job->pid = 0;
    join_lines(&job->text);
    if (job->status != LAB_OK && !job->optional && wave->status == LAB_OK)
        wave->status = job->status;
    if (job->line == LAB_PROGRESS_MAX)
        return;
    if (job->status == LAB_OK)
        lab_progress_set(&wave->progress, job->line, true, "%s", job->done);
    else
        lab_progress_set(&wave->progress, job->line, true, "%s: %s",
                         job->optional ? "not there" : "did not start",
                         job->text.length > 0 ? job->text.data : "no reason was given");
}

static void show_time(struct wave *wave)
{
    double seconds = (double)(clock_monotonic_ms() - wave->began) / 1000;

    for (size_t i = 0; i < wave->count; i++) {
        if (wave->jobs[i].pid > 0 && wave->jobs[i].line < LAB_PROGRESS_MAX)
            lab_progress_set(&wave->progress, wave->jobs[i].line, false, "starting, %.1f s", seconds);
    }
}

/* Until all have ended: each closes its standard error when it does. */
static void wait_for_jobs(struct wave *wave)
{
    for (;;) {
        struct pollfd waits[JOBS_MAX];
        struct job *jobs[JOBS_MAX];
        nfds_t open = 0;

        for (size_t i = 0; i < wave->count; i++) {
            if (wave->jobs[i].pid == 0)
                continue;
            jobs[open] = &wave->jobs[i];
            waits[open++] = (struct pollfd){.fd = wave->jobs[i].said, .events = POLLIN};
        }
        if (open == 0)
            return;
        if (poll(waits, open, TICK_MS) <= 0)
            show_time(wave);
        else
            for (nfds_t i = 0; i < open; i++) {
                char bytes[1024];
                ssize_t got = waits[i].revents != 0 ? read(waits[i].fd, bytes, sizeof(bytes)) : -2;

                if (got > 0)
                    text_add(&jobs[i]->text, bytes, (size_t)got);
                else if (got == 0 || (got == -1 && errno != EINTR))
                    settle_job(wave, jobs[i]);
            }
    }
}

static void end_wave(struct wave *wave)
{
    for (size_t i = 0; i < wave->count; i++)
        text_free(&wave->jobs[i].text);
    wave->count = 0;
}

static int start_server(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    return lab_start(lab, server, err);
}

static int prepare_ssh(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    (void)server;
    return lab_ssh_prepare(lab, err);
}

static int start_sshd(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    if (lab_ssh_pid(lab, server) != 0)
        return 0;
    if (lab_check_awake(lab, server, err) != 0 || lab_ssh_admit(lab, server, err) != 0)
        return -1;
    return lab_ssh_start(lab, server, err);
}

static size_t add_line(struct wave *wave, const struct lab_server *server, uint16_t port)
{
    char address[LAB_ADDRESS_MAX];
    char name[80];

    lab_address(wave->lab, server, address);
    snprintf(name, sizeof(name), "%-10s %s port %-4u", server->name, address, port);
    return lab_progress_add(&wave->progress, name, "");
}

/* One that hangs is not brought up by leaving it so. */
static void leave_running(struct wave *wave, const struct lab_server *server, size_t line)
{
    struct error err = {0};

    if (lab_check_awake(wave->lab, server, &err) == 0) {
        lab_progress_set(&wave->progress, line, true, "runs already");
        return;
    }
    lab_progress_set(&wave->progress, line, true, "hangs; %s", err.hint);
    wave->status = LAB_FAILED;
}

/* The servers, and beside them the keys for the way in. Returns the job that makes those. */
static struct job *start_servers(struct wave *wave)
{
    struct job keys = {.run = prepare_ssh, .line = LAB_PROGRESS_MAX, .optional = true};

    for (size_t i = 0; i < lab_server_count; i++) {
        const struct lab_server *server = &lab_servers[i];
        struct job job = {.run = start_server, .server = server, .done = "up"};

        if (server->on_demand)
            continue;
        job.line = add_line(wave, server, lab_port(wave->lab, server));
        if (lab_pid(wave->lab, server) != 0)
            leave_running(wave, server, job.line);
        else
            add_job(wave, &job);
    }
    return add_job(wave, &keys);
}

/* With the command that goes there, unless the folder's name leaves no room for it. */
static void say_way_in(const struct lab *lab, const struct lab_server *server, char out[LAB_PROGRESS_TEXT])
{
    if (snprintf(out, LAB_PROGRESS_TEXT, "sshd listens: primelab%s ssh %s", lab->option, server->name) >=
        LAB_PROGRESS_TEXT)
        snprintf(out, LAB_PROGRESS_TEXT, "sshd listens");
}

/* The way in over SSH. The lab goes on without where there is no sshd. */
static void start_way_in(struct wave *wave, const char *without)
{
    for (size_t i = 0; i < lab_server_count; i++) {
        const struct lab_server *server = &lab_servers[i];
        struct job job = {.run = start_sshd, .server = server, .optional = true};
        char done[LAB_PROGRESS_TEXT];

        if (server->kind != LAB_NODE)
            continue;
        job.line = add_line(wave, server, lab_ssh_port(server));
        say_way_in(wave->lab, server, done);
        job.done = done;
        if (without != NULL)
            lab_progress_set(&wave->progress, job.line, true, "no way in over SSH: %s", without);
        else {
            add_job(wave, &job);
            wait_for_jobs(wave);
        }
    }
}

static void say_ports(const struct wave *wave)
{
    for (size_t i = 0; i < lab_server_count; i++) {
        if (lab_servers[i].kind == LAB_STANDIN && lab_port(wave->lab, &lab_servers[i]) != 443) {
            printf("port 443 may not be bound here, so the stand-ins listen on port %u\n",
                   lab_port(wave->lab, &lab_servers[i]));
            return;
        }
    }
}

static int bring_up(struct wave *wave)
{
    char *without = NULL;
    struct job *keys;
    int status;

    wave->began = clock_monotonic_ms();
    lab_progress_start(&wave->progress, wave->arguments->json ? NULL : stdout);
    keys = start_servers(wave);
    wait_for_jobs(wave);
    if (keys->status != LAB_OK)
        without = keys->text.data != NULL ? keys->text.data : (char *)(uintptr_t) "ssh-keygen failed";
    status = wave->status;
    start_way_in(wave, without);
    end_wave(wave);
    if (wave->arguments->json)
        lab_print_status(wave->lab);
    else if (status == LAB_OK) {
        say_ports(wave);
        printf("up after %.1f s in %s\n", (double)(clock_monotonic_ms() - wave->began) / 1000,
               wave->lab->folder);
    }
    return status;
}

static int start_one(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    if (lab_pid(lab, server) != 0)
        return lab_check_awake(lab, server, err);
    if (lab_network_check_free(lab, server, err) != 0)
        return -1;
    return lab_start(lab, server, err);
}

/* A node is of use without. */
static void open_way_in(const struct lab *lab, const struct lab_server *server)
{
    struct error err = {0};

    if (server->kind == LAB_NODE && (lab_ssh_prepare(lab, &err) != 0 || start_sshd(lab, server, &err) != 0))
        fprintf(stderr, "primelab: no way in over SSH: %s\n", err.message);
}

int lab_run_start(const struct lab_arguments *typed)
{
    const struct lab_server *server = typed->server;
    struct lab lab = typed->lab;
    struct error err = {0};
    int lock = lab_lock_present(&lab, &err);
    int failed;

    if (lock < 0)
        return lab_complain(typed, &err);
    failed = start_one(&lab, server, &err);
    if (failed == 0)
        open_way_in(&lab, server);
    close(lock);
    if (failed != 0)
        return lab_complain(typed, &err);
    if (typed->json)
        return lab_print_status(&lab);
    printf("%s is up\n", server->name);
    return LAB_OK;
}

int lab_run_stop(const struct lab_arguments *typed)
{
    struct error err = {0};
    pid_t sshd = lab_ssh_pid(&typed->lab, typed->server);

    if ((sshd != 0 && lab_ssh_stop(&typed->lab, sshd, &err) != 0) ||
        lab_stop(&typed->lab, typed->server, &err) != 0)
        return lab_complain(typed, &err);
    if (typed->json)
        return lab_print_status(&typed->lab);
    printf("%s does not run\n", typed->server->name);
    return LAB_OK;
}

static bool has_running(const struct lab *lab)
{
    for (size_t i = 0; i < lab_server_count; i++) {
        if (lab_pid(lab, &lab_servers[i]) != 0)
            return true;
    }
    return false;
}

/* Where it comes up. What an `up` before wrote down counts: its servers listen there, and their certificates
 * and settings say so. */
static int settle_network(const struct lab_arguments *typed, struct lab *lab, struct error *err)
{
    if (lab_read(lab, err) != 0)
        return -1;
    if (lab->network[0] == '\0' && has_running(lab)) {
        error_set(err, ERROR_CONFLICT, "servers of the lab in %s run, but its file `network` is gone",
                  lab->folder);
        return error_hint(err, "take it down first: primelab%s down", lab->option);
    }
    if (lab->network[0] == '\0') {
        lab->namespaces = typed->namespaces;
        snprintf(lab->network, sizeof(lab->network), "%s", typed->network != NULL ? typed->network : "");
        return 0;
    }
    if (typed->namespaces && !lab->namespaces)
        error_set(err, ERROR_CONFLICT, "the lab in %s has its addresses on loopback", lab->folder);
    else if (typed->network != NULL && strcmp(typed->network, lab->network) != 0)
        error_set(err, ERROR_CONFLICT, "the lab in %s has the addresses %s, not %s", lab->folder,
                  lab->network, typed->network);
    else
        return 0;
    return error_hint(err,
                      "take it down first: primelab%s down; or bring up another: primelab --name <name> up",
                      lab->option);
}

/* The lab's addresses, held against others that come up; -1: it is as if nothing had been. */
static int claim_network(const struct lab_arguments *typed, struct lab *lab, struct error *err)
{
    int range = -1;

    if (lab_check_room(lab, err) == 0 && settle_network(typed, lab, err) == 0 &&
        lab_end_strays(lab, err) == 0)
        range = lab_network_claim(lab, typed->named == NULL, err);
    if (range >= 0 && lab_namespaces_make(lab, err) == 0 && lab_save(lab, err) == 0)
        return range;
    if (range >= 0) {
        if (lab->namespaces && !has_running(lab))
            lab_namespaces_end(lab);
        close(range);
    }
    lab_remove_empty(lab);
    return -1;
}

int lab_run_up(const struct lab_arguments *typed)
{
    static struct lab_arguments arguments; /* with the addresses that are found only here */
    struct wave wave = {.arguments = &arguments, .lab = &arguments.lab};
    struct error err = {0};
    int range;
    int status;
    int lock;

    arguments = *typed;
    lock = lab_lock_own(&arguments.lab, &err);
    if (lock < 0)
        return lab_complain(&arguments, &err);
    range = claim_network(typed, &arguments.lab, &err);
    if (range < 0)
        status = lab_complain(&arguments, &err);
    else {
        status = bring_up(&wave);
        close(range);
    }
    close(lock);
    return status;
}
