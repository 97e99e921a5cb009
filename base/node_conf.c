#include "base/node_conf.h"

#include "base/file.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONF_SIZE_MAX 65536
#define PORTS_OF_THE_MACHINE 1024 /* below, a port takes a privilege */
#define MONITOR_INTERVAL_DEFAULT_MS 5000
#define SERVER_INTERVAL_MIN_MS 100
#define SERVER_INTERVAL_MAX_MS 86400000
#define SERVER_INTERVAL_DEFAULT_MS 900000
#define MONITOR_INTERVAL_MIN_MS 50
#define MONITOR_INTERVAL_MAX_MS 3600000

typedef int (*set_fn)(struct node_conf *conf, const char *value, struct error *err);

static int set_text(char *out, size_t size, const char *value, struct error *err)
{
    if (strlen(value) >= size)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the value is longer than %zu characters", size - 1);
    memcpy(out, value, strlen(value) + 1);
    return 0;
}

static int set_number(const char *value, unsigned long least, unsigned long most, unsigned long *out,
                      struct error *err)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);

    if (!isdigit((unsigned char)value[0]) || *end != '\0' || number < least || number > most)
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" is not a number from %lu to %lu", value, least,
                         most);
    *out = number;
    return 0;
}

static int set_hostname(struct node_conf *conf, const char *value, struct error *err)
{
    enum host_kind kind;

    if (host_parse(value, &kind, conf->hostname, err) != 0)
        return -1;
    if (kind != HOST_NAME)
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" is an address, not a host name", value);
    return 0;
}

static int set_listen(struct node_conf *conf, const char *value, struct error *err)
{
    char copy[NODE_LISTEN_MAX * HOST_TEXT_MAX];
    char *rest;

    if (set_text(copy, sizeof(copy), value, err) != 0)
        return -1;
    conf->listen_count = 0;
    for (char *word = strtok_r(copy, ", ", &rest); word != NULL; word = strtok_r(NULL, ", ", &rest)) {
        enum host_kind kind;

        if (conf->listen_count == NODE_LISTEN_MAX)
            return error_set(err, ERROR_INVALID_ARGUMENT, "more than %d addresses to listen on",
                             NODE_LISTEN_MAX);
        if (host_parse(word, &kind, conf->listen[conf->listen_count], err) != 0)
            return -1;
        if (kind == HOST_NAME)
            return error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" is a host name, not an address", word);
        conf->listen_count++;
    }
    return conf->listen_count > 0 ? 0 : error_set(err, ERROR_INVALID_ARGUMENT, "no address to listen on");
}

static int set_port(struct node_conf *conf, const char *value, struct error *err)
{
    unsigned long port;

    if (set_number(value, 1, UINT16_MAX, &port, err) != 0)
        return -1;
    conf->port = (uint16_t)port;
    return 0;
}

static int set_log_level(struct node_conf *conf, const char *value, struct error *err)
{
    return log_level_parse(value, &conf->log_level, err);
}

static int set_user(struct node_conf *conf, const char *value, struct error *err)
{
    return set_text(conf->user, sizeof(conf->user), value, err);
}

static int set_subject(struct node_conf *conf, const char *value, struct error *err)
{
    return set_text(conf->subject, sizeof(conf->subject), value, err);
}

bool node_release_check(const char *release)
{
    return strcmp(release, NODE_RELEASE_DEFAULT) == 0 || strcmp(release, "3.9") == 0 ||
           strcmp(release, "3.10") == 0;
}

static int set_release(struct node_conf *conf, const char *value, struct error *err)
{
    if (!node_release_check(value))
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" is not 3.5, 3.9 or 3.10", value);
    return set_text(conf->release, sizeof(conf->release), value, err);
}

static int set_ca_bundle(struct node_conf *conf, const char *value, struct error *err)
{
    if (value[0] != '/')
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.100s\" is no absolute path", value);
    return set_text(conf->ca_bundle, sizeof(conf->ca_bundle), value, err);
}

static int set_monitor_interval(struct node_conf *conf, const char *value, struct error *err)
{
    unsigned long interval;

    if (set_number(value, MONITOR_INTERVAL_MIN_MS, MONITOR_INTERVAL_MAX_MS, &interval, err) != 0)
        return -1;
    conf->monitor_interval_ms = (unsigned)interval;
    return 0;
}

static int set_server_interval(struct node_conf *conf, const char *value, struct error *err)
{
    unsigned long interval;

    if (set_number(value, SERVER_INTERVAL_MIN_MS, SERVER_INTERVAL_MAX_MS, &interval, err) != 0)
        return -1;
    conf->server_interval_ms = (unsigned)interval;
    return 0;
}

static const struct {
    const char *key;
    set_fn set;
} keys[] = {
    {"hostname", set_hostname},
    {"listen", set_listen},
    {"port", set_port},
    {"log-level", set_log_level},
    {"user", set_user},
    {"subject", set_subject},
    {"platform-release", set_release},
    {"ca-bundle", set_ca_bundle},
    {"monitor-interval-ms", set_monitor_interval},
    {"server-interval-ms", set_server_interval},
};

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (isspace((unsigned char)*text))
        text++;
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

static int read_line(struct node_conf *conf, char *line, struct error *err)
{
    char *equals;
    char *key;

    line[strcspn(line, "#")] = '\0';
    line = trim(line);
    if (line[0] == '\0')
        return 0;
    equals = strchr(line, '=');
    if (equals == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.100s\" is not of the form key = value", line);
    *equals = '\0';
    key = trim(line);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].key, key) == 0)
            return keys[i].set(conf, trim(equals + 1), err);
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.100s\" is no key of this file", key);
}

static void set_defaults(struct node_conf *conf)
{
    char machine[HOST_TEXT_MAX] = "";

    *conf = (struct node_conf){.listen = {"127.0.0.1"},
                               .listen_count = 1,
                               .port = NODE_PORT,
                               .log_level = LOG_LEVEL_INFO,
                               .user = "primesh",
                               .release = NODE_RELEASE_DEFAULT,
                               .ca_bundle = NODE_CA_BUNDLE,
                               .monitor_interval_ms = MONITOR_INTERVAL_DEFAULT_MS,
                               .server_interval_ms = SERVER_INTERVAL_DEFAULT_MS};
    gethostname(machine, sizeof(machine) - 1);
    if (set_hostname(conf, machine, NULL) != 0)
        set_hostname(conf, "primesh", NULL);
}

int node_conf_read(const char *home, struct node_conf *out, struct error *err)
{
    char path[PATH_MAX];
    struct error cause = {0};
    char *data = NULL;
    char *rest = NULL;
    size_t length;
    int number = 0;

    set_defaults(out);
    if (node_path(home, "node.conf", path, sizeof(path), err) != 0)
        return -1;
    if (file_read_here(path, CONF_SIZE_MAX, &data, &length, &cause) != 0) {
        if (cause.code == ERROR_NOT_FOUND)
            return 0;
        if (err != NULL)
            *err = cause;
        return -1;
    }
    for (char *line = data; line != NULL; line = rest) {
        rest = strchr(line, '\n');
        if (rest != NULL)
            *rest++ = '\0';
        number++;
        if (read_line(out, line, &cause) != 0) {
            error_set(err, ERROR_INVALID_ARGUMENT, "%.200s line %d: %.200s", path, number, cause.message);
            break;
        }
    }
    free(data);
    return cause.code == ERROR_NONE ? 0 : -1;
}

bool node_conf_may_take_port(const struct node_conf *conf, uint16_t port)
{
    return port >= PORTS_OF_THE_MACHINE || port == conf->port;
}

const char *node_home(void)
{
    const char *home = getenv("PRIMESH_HOME");

    return home != NULL && home[0] != '\0' ? home : NODE_HOME_DEFAULT;
}

int node_path(const char *home, const char *name, char *out, size_t size, struct error *err)
{
    if (snprintf(out, size, "%s/%s", home, name) >= (int)size)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path %.200s.../%s is too long", home, name);
    return 0;
}
