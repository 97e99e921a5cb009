#include "lab/ssh.h"

#include "base/file.h"
#include "base/text.h"
#include "lab/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY_FILE_MAX 4096 /* bytes of a public key's file */

void lab_ssh_path(const struct lab *lab, const struct lab_server *server, const char *name,
                  char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/ssh%s%s/%s", lab->folder, server != NULL ? "/" : "",
                 server != NULL ? server->name : "", name) >= PATH_MAX)
        out[0] = '\0';
}

uint16_t lab_ssh_port(const struct lab_server *server)
{
    return (uint16_t)(LAB_SSH_PORT + server->host);
}

/* The Unix account that everybody logs in as: an sshd that is not root can let in no other. */
static const char *login_name(void)
{
    const struct passwd *account = getpwuid(geteuid());

    return account != NULL ? account->pw_name : NULL;
}

/* Paths go into three files with a quoting of their own each: what all of them take literally is allowed. */
static int check_paths(const struct lab *lab, struct error *err)
{
    if (strpbrk(lab->folder, "\"'\\%\n") == NULL && strpbrk(lab->programs, "\"'\\%\n") == NULL)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "sshd cannot serve a lab whose path holds one of \" ' \\ %%");
}

static int make_key(const char *path, struct error *err)
{
    int status = 1;
    pid_t pid;

    if (access(path, F_OK) == 0)
        return 0;
    pid = fork();
    if (pid == 0) {
        execlp("ssh-keygen", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "primelab", "-f", path,
               (char *)NULL);
        _exit(errno == ENOENT ? 127 : 126);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return error_set_errno(err, errno, "cannot start ssh-keygen");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return error_set(err, ERROR_NOT_FOUND, "ssh-keygen is not installed");
    return status == 0 ? 0 : error_set(err, ERROR_INTERNAL, "ssh-keygen could not make %s", path);
}

/* "<algorithm> <base64>" of a key; the caller frees. */
static char *public_key(const char *path, struct error *err)
{
    char name[PATH_MAX + 4];
    char *line = NULL;
    size_t length;
    char *end;

    snprintf(name, sizeof(name), "%s.pub", path);
    if (file_read(name, KEY_FILE_MAX, &line, &length, err) != 0)
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    end = strchr(line, ' ');
    end = end != NULL ? strchr(end + 1, ' ') : NULL;
    if (end != NULL)
        *end = '\0';
    return line;
}

static int write_text(const char *path, struct text *text, mode_t mode, struct error *err)
{
    int failed;

    if (text->failed)
        failed = error_set(err, ERROR_INTERNAL, "out of memory");
    else
        failed = file_write(path, text->data, text->length, mode, err);
    text_free(text);
    return failed;
}

/* env(1) in front, because sshd runs only what root owns, and a build of one's own is one's own. */
static void add_keys_command(struct text *text, const struct lab *lab, const struct lab_server *server,
                             const char *user)
{
    char home[PATH_MAX];

    lab_path(lab, server, "", home);
    text_format(text, "AuthorizedKeysFile none\nAuthorizedKeysCommandUser %s\n", user);
    text_format(text,
                "AuthorizedKeysCommand /usr/bin/env \"%s/primesh\" --home \"%s\" --authorized-keys %%t %%k\n",
                lab->programs, home);
}

static int write_sshd_config(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    const char *user = login_name();
    struct text text = {0};
    char address[LAB_ADDRESS_MAX];
    char folder[PATH_MAX];
    char path[PATH_MAX];

    if (user == NULL)
        return error_set(err, ERROR_NOT_FOUND, "the user with number %u has no name, so nobody can log in",
                         (unsigned)geteuid());
    lab_address(lab, server, address);
    lab_ssh_path(lab, server, "", folder);
    folder[strlen(folder) - 1] = '\0';
    text_format(&text, "# sshd of %s, made by primelab\n", server->name);
    text_format(&text, "ListenAddress %s:%u\n", address, lab_ssh_port(server));
    text_format(&text, "HostKey \"%s/host_key\"\nPidFile \"%s/sshd.pid\"\n", folder, folder);
    add_keys_command(&text, lab, server, user);
    text_format(&text, "AllowUsers %s\nPermitRootLogin forced-commands-only\n", user);
    text_add_string(&text, "# the lab may lie below a folder that everybody may write, such as /tmp\n"
                           "StrictModes no\n"
                           "AuthenticationMethods publickey\n"
                           "PasswordAuthentication no\n"
                           "KbdInteractiveAuthentication no\n"
                           "UsePAM no\n"
                           "PrintMotd no\n"
                           "PrintLastLog no\n"
                           "PermitUserEnvironment no\n"
                           "PermitUserRC no\n"
                           "DisableForwarding yes\n"
                           "AllowTcpForwarding no\n"
                           "AllowStreamLocalForwarding no\n"
                           "AllowAgentForwarding no\n"
                           "X11Forwarding no\n"
                           "GatewayPorts no\n"
                           "PermitTunnel no\n"
                           "LoginGraceTime 30\n"
                           "MaxStartups 100\n"
                           "# a client that vanished without a word is gone after a minute and a half\n"
                           "ClientAliveInterval 30\n"
                           "ClientAliveCountMax 3\n"
                           "LogLevel INFO\n");
    lab_ssh_path(lab, server, "sshd_config", path);
    return write_text(path, &text, 0600, err);
}

static int prepare_node(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];

    lab_ssh_path(lab, server, "", folder);
    lab_ssh_path(lab, server, "host_key", path);
    if (file_make_folder(folder, 0700, err) != 0 || make_key(path, err) != 0)
        return -1;
    return write_sshd_config(lab, server, err);
}

static int add_known_host(struct text *text, const struct lab *lab, const struct lab_server *server,
                          struct error *err)
{
    char address[LAB_ADDRESS_MAX];
    char path[PATH_MAX];
    char *key;

    lab_ssh_path(lab, server, "host_key", path);
    key = public_key(path, err);
    if (key == NULL)
        return -1;
    lab_address(lab, server, address);
    text_format(text, "%s,[%s]:%u %s\n", server->name, address, lab_ssh_port(server), key);
    free(key);
    return 0;
}

static void add_client_host(struct text *text, const struct lab *lab, const struct lab_server *server)
{
    char address[LAB_ADDRESS_MAX];

    lab_address(lab, server, address);
    text_format(text, "Host %s\n    HostName %s\n    Port %u\n    HostKeyAlias %s\n", server->name, address,
                lab_ssh_port(server), server->name);
}

/* What a client needs: who the nodes are, and how to get in. */
static int write_client_files(const struct lab *lab, struct error *err)
{
    struct text hosts = {0};
    struct text config = {0};
    char path[PATH_MAX];
    int failed = 0;

    text_add_string(&config, "# ssh -F <this file> prime-pri\n");
    for (size_t i = 0; i < lab_server_count && failed == 0; i++) {
        if (lab_servers[i].kind != LAB_NODE)
            continue;
        failed = add_known_host(&hosts, lab, &lab_servers[i], err);
        add_client_host(&config, lab, &lab_servers[i]);
    }
    text_format(&config,
                "Host *\n    User %s\n    IdentityFile \"%s/ssh/client_key\"\n    IdentitiesOnly yes\n"
                "    UserKnownHostsFile \"%s/ssh/known_hosts\"\n    GlobalKnownHostsFile /dev/null\n"
                "    StrictHostKeyChecking yes\n    LogLevel ERROR\n",
                login_name(), lab->folder, lab->folder);
    lab_ssh_path(lab, NULL, "known_hosts", path);
    if (failed != 0)
        text_free(&hosts);
    else
        failed = write_text(path, &hosts, 0644, err);
    lab_ssh_path(lab, NULL, "config", path);
    if (failed != 0)
        text_free(&config);
    else
        failed = write_text(path, &config, 0644, err);
    return failed;
}

int lab_ssh_prepare(const struct lab *lab, struct error *err)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    int failed = 0;

    lab_ssh_path(lab, NULL, "", folder);
    lab_ssh_path(lab, NULL, "client_key", path);
    if (check_paths(lab, err) != 0 || file_make_folder(folder, 0700, err) != 0 || make_key(path, err) != 0)
        return -1;
    for (size_t i = 0; i < lab_server_count && failed == 0; i++) {
        if (lab_servers[i].kind == LAB_NODE)
            failed = prepare_node(lab, &lab_servers[i], err);
    }
    return failed == 0 ? write_client_files(lab, err) : -1;
}

/* Feeds the node's shell with lines. */
static int configure(const struct lab *lab, const struct lab_server *server, const struct text *lines)
{
    char program[PATH_MAX + 16];
    char home[PATH_MAX];
    int input[2];
    int status = 1;
    pid_t pid;

    lab_path(lab, server, "", home);
    snprintf(program, sizeof(program), "%s/primesh", lab->programs);
    if (lines->failed || pipe2(input, O_CLOEXEC) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(input[0], STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        execl(program, "primesh", "--home", home, "--stop-on-error", (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    if (pid > 0 && file_write_all(input[1], lines->data, lines->length) != 0)
        status = 1;
    close(input[1]);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

int lab_ssh_admit(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    struct text lines = {0};
    char path[PATH_MAX];
    char done[PATH_MAX];
    char *key;
    int failed;

    lab_ssh_path(lab, server, "admitted", done);
    if (access(done, F_OK) == 0)
        return 0;
    lab_ssh_path(lab, NULL, "client_key", path);
    key = public_key(path, err);
    if (key == NULL)
        return -1;
    text_format(&lines,
                "configure terminal\nusername " LAB_SSH_USER " sshkey %s lab role admin\nend\nwrite memory\n",
                key);
    free(key);
    failed = configure(lab, server, &lines);
    text_free(&lines);
    if (failed != 0)
        return error_set(err, ERROR_INTERNAL, "%s did not take the lab's key for " LAB_SSH_USER,
                         server->name);
    return file_write(done, "", 0, 0600, err);
}

#define WORDS_MOST 1024

static int check_listens(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    if (lab_ssh_pid(lab, server) != 0)
        return 0;
    if (lab_ssh_check(err) != 0)
        return -1;
    error_set(err, ERROR_UNREACHABLE, "there is no way into %s over SSH: its sshd does not run",
              server->name);
    return error_hint(err, "start it with: primelab%s start %s", lab->option, server->name);
}

int lab_ssh_connect(const struct lab *lab, const struct lab_server *server, char *const words[],
                    struct error *err)
{
    char config[PATH_MAX];
    const char *arguments[WORDS_MOST + 6] = {"ssh", "-F", config, server->name};
    size_t count = 4;
    int why;

    if (check_listens(lab, server, err) != 0)
        return -1;
    lab_ssh_path(lab, NULL, "config", config);
    for (size_t i = 0; words[i] != NULL && i < WORDS_MOST; i++)
        arguments[count++] = words[i];
    if (lab_namespace_enter(lab, server, err) != 0)
        return -1;
    execvp("ssh", (char *const *)(uintptr_t)arguments);
    why = errno;
    error_set_errno(err, why, "cannot run ssh");
    err->code = why == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED;
    return -1;
}
