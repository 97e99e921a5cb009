#include "commands/login.h"

#include "base/url.h"

#include <stdio.h>
#include <string.h>

#define PASSWORD_MAX 256

static int ask_user(struct shell_call *call, const struct url *url, json_t *params, bool *named,
                    struct error *err)
{
    bool needed = url->scheme == URL_SFTP || url->scheme == URL_SCP;
    const char *given = shell_arg(call, "login");
    char user[URL_USER_MAX];

    *named = given != NULL || url->user[0] != '\0' || needed;
    if (given != NULL)
        json_object_set_new(params, "user", json_string(given));
    if (given != NULL || url->user[0] != '\0' || !needed)
        return 0;
    if (shell_ask(call, "Username: ", NULL, "user <name>", user, sizeof(user), err) != 0)
        return -1;
    json_object_set_new(params, "user", json_string(user));
    return 0;
}

static int ask_password(struct shell_call *call, json_t *params, struct error *err)
{
    char password[PASSWORD_MAX];
    json_t *text;
    int failed;

    if (shell_has(call, "password-file")) {
        json_object_set_new(params, "password_file", json_string(shell_arg(call, "disk_path")));
        return 0;
    }
    failed = shell_has(call, "password-stdin")
                 ? shell_input_line(call, password, sizeof(password), err)
                 : shell_ask_secret(call, "Password: ", "password-stdin", password, sizeof(password), err);
    if (failed == 0) {
        text = json_string(password);
        failed = text != NULL ? json_object_set_new(params, "password", text)
                              : error_set(err, ERROR_INVALID_ARGUMENT, "the password is no UTF-8");
    }
    explicit_bzero(password, sizeof(password));
    return failed;
}

int login_ask(struct shell_call *call, const char *text, json_t *params, struct error *err)
{
    struct url url;
    bool named;

    if (!url_is_like(text))
        return 0;
    if (url_parse(text, &url, err) != 0 || ask_user(call, &url, params, &named, err) != 0)
        return -1;
    /* without a name there is nobody to have a password */
    if (url.scheme == URL_TFTP || (!named && !shell_has(call, "password-stdin")))
        return 0;
    return ask_password(call, params, err);
}

void login_forget(json_t *params)
{
    static const char *const names[] = {"password", "passphrase"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_t *text = json_object_get(params, names[i]);

        /* jansson has no call for it: these are its own bytes */
        if (text != NULL)
            explicit_bzero((char *)(uintptr_t)json_string_value(text), json_string_length(text));
    }
}
