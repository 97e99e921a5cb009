#include "lab/mood_command.h"

#include "base/file.h"
#include "lab/api.h"
#include "lab/data_files.h"
#include "lab/folder.h"
#include "lab/mood.h"
#include "lab/own.h"
#include "lab/process.h"
#include "lab/standin_control.h"
#include "lab/subcommand.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the server says to a line. */
static int tell(const struct lab *lab, const struct lab_server *server, const char *line,
                char reply[CONTROL_LINE_MAX], struct error *err)
{
    static const char ok[] = "ok ";
    const size_t length = strlen(ok);

    if (lab_check_awake(lab, server, err) != 0 || control_ask(lab, server, line, reply, err) != 0)
        return -1;
    if (strncmp(reply, ok, length) != 0)
        return error_set(err, ERROR_INTERNAL, "%s: %s", server->name, reply);
    memmove(reply, reply + length, strlen(reply + length) + 1);
    return 0;
}

/* The settings as they are: the file's, and of the mood what the server still has of it. */
static int read_current(const struct lab *lab, const struct lab_server *server, struct settings *out,
                        struct error *err)
{
    char mood[CONTROL_LINE_MAX];

    if (settings_read(lab, server, out, err) != 0)
        return -1;
    if (lab_pid(lab, server) == 0 || lab_is_frozen(lab_pid(lab, server)))
        return 0;
    return tell(lab, server, "show", mood, err) == 0 ? settings_set_line(out, server, mood, err) : -1;
}

static void add_setting(void *state, const char *name, long value)
{
    json_object_set_new(state, name, json_integer(value));
}

void lab_mood_print(const struct lab *lab, const struct lab_server *server)
{
    json_t *state = lab_mood_json(lab, server);
    const char *between = " ";
    const char *name;
    json_t *value;

    printf("  mood    ");
    json_object_foreach(state, name, value)
    {
        const bool is_mood = strcmp(name, "mood") == 0;

        if (json_is_string(value))
            printf("%s%s%s%s", between, is_mood ? "" : name, is_mood ? "" : " ", json_string_value(value));
        else
            printf("%s%s %lld", between, name, (long long)json_integer_value(value));
        between = ", ";
    }
    printf("\n");
    json_decref(state);
}

json_t *lab_mood_json(const struct lab *lab, const struct lab_server *server)
{
    json_t *state = json_object();
    struct error err = {0};
    struct settings settings;
    struct text text = {0};
    char folder[PATH_MAX];
    char *colon;

    if (read_current(lab, server, &settings, &err) != 0) {
        json_object_set_new(state, "error", json_string(err.message));
        return state;
    }
    mood_format(&settings.mood, &text);
    json_object_set_new(state, "mood", json_string(text.data));
    settings_each(&settings, server, add_setting, state);
    text_clear(&text);
    data_folder(lab, server, folder);
    if (api_credentials(folder, API_SUPER, &text) && (colon = strchr(text.data, ':')) != NULL) {
        *colon = '\0';
        json_object_set_new(state, "username", json_string(text.data));
        json_object_set_new(state, "password", json_string(colon + 1));
    }
    text_free(&text);
    return state;
}

/* What `mood` takes beside moods. */
static const struct order {
    const char *name;
    const char *value; /* NULL: none */
    const char *help;
    bool of_ise;
    bool of_dnac;
} orders[] = {
    {"renewed", NULL, "a new certificate for the same key", true, true},
    {"rolled", NULL, "a new key and certificate; connections that are there live on", true, true},
    {"type", "<0-3>", "of the node: 0 standalone, 1 active, 2 backup, 3 no monitoring node", true, false},
    {"sessions", "<n>", "how many are active", true, false},
    {"devices", "<n>", "how many the inventory has", false, true},
    {"token-lifetime", "<s>", "of a token", false, true},
    {"revoke", NULL, "no token given so far counts any longer", false, true},
};
#define ORDER_COUNT (sizeof(orders) / sizeof(orders[0]))

static bool takes(const struct lab_server *server, const struct order *order)
{
    return settings_is_ise(server) ? order->of_ise : order->of_dnac;
}

static void print_list(const struct lab_server *server)
{
    char typed[64];

    for (size_t i = 0; i < mood_type_count; i++) {
        const struct mood_type *type = &mood_types[i];

        snprintf(typed, sizeof(typed), "%s%s%s%s", type->name, type->unit != NULL ? " [<" : "",
                 type->unit != NULL ? type->unit : "", type->unit != NULL ? ">]" : "");
        printf("  %-22s %s%s%s%s\n", typed, type->help, type->word != NULL ? " (" : "",
               type->word != NULL ? type->word : "", type->word != NULL ? ")" : "");
    }
    printf("behind each: [times <n>] [path <prefix>]\n");
    for (size_t i = 0; i < ORDER_COUNT; i++) {
        if (!takes(server, &orders[i]))
            continue;
        snprintf(typed, sizeof(typed), "%s%s%s", orders[i].name, orders[i].value != NULL ? " " : "",
                 orders[i].value != NULL ? orders[i].value : "");
        printf("  %-22s %s\n", typed, orders[i].help);
    }
}

static int print_list_json(const struct lab_server *server)
{
    json_t *moods = json_array();
    json_t *others = json_array();

    for (size_t i = 0; i < mood_type_count; i++) {
        const struct mood_type *type = &mood_types[i];

        json_array_append_new(moods, json_pack("{s:s, s:s*, s:s*, s:s}", "name", type->name, "unit",
                                               type->unit, "words", type->word, "help", type->help));
    }
    for (size_t i = 0; i < ORDER_COUNT; i++) {
        if (takes(server, &orders[i]))
            json_array_append_new(others, json_pack("{s:s, s:s*, s:s}", "name", orders[i].name, "value",
                                                    orders[i].value, "help", orders[i].help));
    }
    return lab_print_json(
        json_pack("{s:s, s:o, s:o}", "name", server->name, "moods", moods, "others", others));
}

static int change_identity(const struct lab *lab, const struct lab_server *server, bool keep_key,
                           struct error *err)
{
    char reply[CONTROL_LINE_MAX];

    if (lab_new_identity(lab, server, keep_key, err) != 0)
        return -1;
    return lab_pid(lab, server) == 0 ? 0 : tell(lab, server, "identity", reply, err);
}

static int change_settings(const struct lab *lab, const struct lab_server *server, char *const *words,
                           struct error *err)
{
    struct settings settings;
    char reply[CONTROL_LINE_MAX];
    char folder[PATH_MAX];

    if (read_current(lab, server, &settings, err) != 0)
        return -1;
    if (!settings_is_ise(server) && strcmp(words[0], "revoke") == 0 && words[1] == NULL)
        settings.revocations++;
    else if (settings_set(&settings, server, words, err) != 0)
        return -1;
    lab_path(lab, server, "", folder);
    if (file_make_folder(folder, 0755, err) != 0 || settings_write(lab, server, &settings, err) != 0)
        return -1;
    return lab_pid(lab, server) == 0 ? 0 : tell(lab, server, "settings", reply, err);
}

static int change(const struct lab *lab, const struct lab_server *server, char *const *words,
                  struct error *err)
{
    const bool is_one = words[1] == NULL;

    if (lab_pid(lab, server) != 0 && lab_check_awake(lab, server, err) != 0)
        return -1;
    if (is_one && strcmp(words[0], "renewed") == 0)
        return change_identity(lab, server, true, err);
    if (is_one && strcmp(words[0], "rolled") == 0)
        return change_identity(lab, server, false, err);
    return change_settings(lab, server, words, err);
}

static int run(const struct lab_arguments *arguments, struct error *err)
{
    struct lab lab = arguments->lab;
    int failed;
    int lock;

    if (arguments->rest[0] == NULL)
        return lab_check_present(&lab, err);
    lock = lab_lock_present(&lab, err);
    if (lock < 0)
        return -1;
    failed = change(&lab, arguments->server, arguments->rest, err);
    close(lock);
    return failed;
}

/* In force when it returns; where the server does not run, from its next start on. */
int lab_run_mood(const struct lab_arguments *arguments)
{
    const struct lab_server *server = arguments->server;
    struct error err = {0};

    if (server->kind != LAB_STANDIN) {
        error_set(&err, ERROR_INVALID_ARGUMENT, "%s is a node and has no moods; ise and dnac have",
                  server->name);
        return lab_complain(arguments, &err);
    }
    if (arguments->rest[0] != NULL && strcmp(arguments->rest[0], "list") == 0) {
        if (arguments->json)
            return print_list_json(server);
        print_list(server);
        return LAB_OK;
    }
    if (run(arguments, &err) != 0)
        return lab_complain(arguments, &err);
    if (arguments->json)
        return lab_print_json(lab_mood_json(&arguments->lab, server));
    printf("%s\n", server->name);
    lab_mood_print(&arguments->lab, server);
    return LAB_OK;
}
