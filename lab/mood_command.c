#include "lab/mood_command.h"

#include "lab/api.h"
#include "lab/data_files.h"
#include "lab/mood.h"
#include "lab/process.h"
#include "lab/standin_control.h"

#include <stdio.h>
#include <string.h>

/* What the server says to a line. */
static int tell(const struct lab *lab, const struct lab_server *server, const char *line,
                char reply[CONTROL_LINE_MAX], struct error *err)
{
    static const char ok[] = "ok ";
    const size_t length = strlen(ok);

    if (control_ask(lab, server, line, reply, err) != 0)
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
    if (lab_pid(lab, server) == 0)
        return 0;
    return tell(lab, server, "show", mood, err) == 0 ? settings_set_line(out, server, mood, err) : -1;
}

static void print_settings(const struct lab_server *server, const struct settings *settings)
{
    struct text mood = {0};

    mood_format(&settings->mood, &mood);
    printf("%-10s %s; ", "  mood", mood.data == NULL ? "" : mood.data);
    if (settings_is_ise(server))
        printf("type %ld, sessions %ld", settings->type, settings->sessions);
    else
        printf("devices %ld, token-lifetime %ld", settings->devices, settings->token_lifetime_s);
    text_free(&mood);
}

void lab_mood_print(const struct lab *lab, const struct lab_server *server)
{
    struct error err = {0};
    struct settings settings;
    struct text user = {0};
    char folder[PATH_MAX];

    if (read_current(lab, server, &settings, &err) != 0) {
        printf("%-10s %s\n", "  mood", err.message);
        return;
    }
    print_settings(server, &settings);
    data_folder(lab, server, folder);
    if (api_credentials(folder, API_SUPER, &user))
        printf("; user:password %s", user.data);
    printf("\n");
    text_free(&user);
}

static void print_list(const struct lab_server *server)
{
    for (size_t i = 0; i < mood_type_count; i++) {
        const struct mood_type *type = &mood_types[i];
        char typed[64];

        snprintf(typed, sizeof(typed), "%s%s%s%s", type->name, type->unit != NULL ? " [<" : "",
                 type->unit != NULL ? type->unit : "", type->unit != NULL ? ">]" : "");
        printf("  %-22s %s%s%s%s\n", typed, type->help, type->word != NULL ? " (" : "",
               type->word != NULL ? type->word : "", type->word != NULL ? ")" : "");
    }
    printf("behind each: [times <n>] [path <prefix>]\n"
           "  %-22s a new certificate for the same key\n"
           "  %-22s a new key and certificate; connections that are there live on\n",
           "renewed", "rolled");
    if (settings_is_ise(server))
        printf("  %-22s of the node: 0 standalone, 1 active, 2 backup, 3 no monitoring node\n"
               "  %-22s how many are active\n",
               "type <0-3>", "sessions <n>");
    else
        printf("  %-22s how many the inventory has\n"
               "  %-22s of a token\n"
               "  %-22s no token given so far counts any longer\n",
               "devices <n>", "token-lifetime <s>", "revoke");
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

    if (read_current(lab, server, &settings, err) != 0)
        return -1;
    if (!settings_is_ise(server) && strcmp(words[0], "revoke") == 0 && words[1] == NULL)
        settings.token_generations++;
    else if (settings_set(&settings, server, words, err) != 0)
        return -1;
    if (settings_write(lab, server, &settings, err) != 0)
        return -1;
    return lab_pid(lab, server) == 0 ? 0 : tell(lab, server, "settings", reply, err);
}

int lab_mood(const struct lab *lab, const struct lab_server *server, char *const *words, struct error *err)
{
    int failed = 0;

    if (server->kind != LAB_STANDIN)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is a node and has no moods; ise and dnac have",
                         server->name);
    if (words[0] != NULL && words[1] == NULL && strcmp(words[0], "list") == 0) {
        print_list(server);
        return 0;
    }
    if (words[0] != NULL && words[1] == NULL && strcmp(words[0], "renewed") == 0)
        failed = change_identity(lab, server, true, err);
    else if (words[0] != NULL && words[1] == NULL && strcmp(words[0], "rolled") == 0)
        failed = change_identity(lab, server, false, err);
    else if (words[0] != NULL)
        failed = change_settings(lab, server, words, err);
    if (failed == 0) {
        printf("%s\n", server->name);
        lab_mood_print(lab, server);
    }
    return failed;
}
