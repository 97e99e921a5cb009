/*
 * The privileged half of primed and, in place of the other half, whoever types: for tests of the virtual
 * address without a pair.
 *
 * usage: address <home>          with node.conf in it
 *
 * Commands on standard input, each answered by one line: check|start <own> <peer> <ipv4> <ipv6 or ->
 * <heartbeat ms>, active <epoch>, standby, stop, state. Ends with its standard input; `die` is a crash of the
 * other half.
 */
#include "daemon/broker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(int result, const struct error *err)
{
    if (result == 0)
        puts("ok");
    else
        printf("%s: %s\n", error_code_name(err->code), err->message);
}

static void show_state(int socket)
{
    struct virtual_address_state state;
    struct error err = {0};

    if (broker_address_state(socket, &state, &err) != 0)
        say(-1, &err);
    else
        printf("started=%d running=%d held=%d restarts=%u %s\n", state.started, state.running, state.held,
               state.restarts, state.problem);
}

static void obey(int socket, const char *line)
{
    struct virtual_address wanted = {.router_id = 77};
    struct error err = {0};
    char verb[16] = "";
    unsigned long number = 0;

    if (sscanf(line, "%15s %253s %253s %15s %45s %u", verb, wanted.own, wanted.peer, wanted.ipv4, wanted.ipv6,
               &wanted.heartbeat_ms) == 6) {
        if (strcmp(wanted.ipv6, "-") == 0)
            wanted.ipv6[0] = '\0';
        say(strcmp(verb, "check") == 0 ? broker_address_check(socket, &wanted, &err)
                                       : broker_address_start(socket, &wanted, &err),
            &err);
    } else if (sscanf(line, "active %lu", &number) == 1) {
        say(broker_address_set(socket, true, number, &err), &err);
    } else if (strncmp(line, "standby", 7) == 0) {
        say(broker_address_set(socket, false, 0, &err), &err);
    } else if (strncmp(line, "stop", 4) == 0) {
        say(broker_address_stop(socket, &err), &err);
    } else if (strncmp(line, "state", 5) == 0) {
        show_state(socket);
    } else if (strncmp(line, "die", 3) == 0) {
        kill(getpid(), SIGKILL);
    } else {
        puts("no such command");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct node_conf conf;
    struct error err = {0};
    char line[1024];
    int pair[2];
    pid_t child;

    if (argc != 2 || node_conf_read(argv[1], &conf, &err) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        say(-1, &err);
        return 1;
    }
    child = fork();
    if (child == 0) {
        close(pair[0]);
        while (fgets(line, sizeof(line), stdin) != NULL)
            obey(pair[1], line);
        return 0;
    }
    close(pair[1]);
    close(STDIN_FILENO);
    return broker_serve(pair[0], child, argv[1], &conf);
}
