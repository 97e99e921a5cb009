/* ncs server ise|dnac: registering the partner servers. */
#include "commands/server.h"

#include "commands/login.h"

#include <stdlib.h>
#include <string.h>

/* ---- what both kinds share ---- */

static json_t *host_params(enum server_kind kind, const char *host)
{
    return json_pack("{s:s, s:s}", "kind", server_kind_name(kind), "host", host);
}

static void set_number(struct shell_call *call, json_t *params, const char *name, const char *argument)
{
    const char *typed = shell_arg(call, argument);

    if (typed != NULL)
        json_object_set_new(params, name, json_integer(strtol(typed, NULL, 10))); /* its type checked it */
}

static void set_text(struct shell_call *call, json_t *params, const char *name, const char *argument)
{
    const char *typed = shell_arg(call, argument);

    if (typed != NULL)
        json_object_set_new(params, name, json_string(typed));
}

static int ask_twice(struct shell_call *call, char out[SERVER_PASSWORD_MAX], struct error *err)
{
    char again[SERVER_PASSWORD_MAX];
    int failed = shell_ask_secret(call, "Password: ", "password-stdin", out, SERVER_PASSWORD_MAX, err);

    if (failed == 0)
        failed = shell_ask_secret(call, "Confirm Password: ", "password-stdin", again, sizeof(again), err);
    if (failed == 0 && strcmp(out, again) != 0)
        failed = error_set(err, ERROR_INVALID_ARGUMENT, "the two passwords differ");
    explicit_bzero(again, sizeof(again));
    return failed;
}

/* -1 where nobody can tell; the host as it was typed. */
static int is_registered(struct shell_call *call, const char *typed)
{
    struct store_txn *txn = NULL;
    char host[HOST_TEXT_MAX];
    enum host_kind kind;
    struct server server;
    int found;

    if (host_parse(typed, &kind, host, NULL) != 0)
        return -1;
    if (context_require(context_of(call), NEED_STORE, NULL) == 0)
        txn = context_read(call, NULL);
    if (txn == NULL)
        return -1;
    found = server_get(txn, server_kind_typed(call), host, &server, NULL, NULL);
    store_end(txn);
    return found == 0;
}

/* Before anybody is asked for a password: is it clear that primed refuses? */
static bool is_hopeless(struct shell_call *call, const char *host, bool is_edit)
{
    json_t *status = NULL;
    bool standby;

    if (context_ask(call, "ha.status", NULL, NULL, NULL, &status, NULL) != 0)
        return false;
    standby = json_is_false(json_object_get(status, "active"));
    json_decref(status);
    return standby || (is_edit && is_registered(call, host) == 0);
}

static int add_password(struct shell_call *call, json_t *params, bool is_edit, struct error *err)
{
    char password[SERVER_PASSWORD_MAX] = "";
    json_t *text = NULL;
    int failed;

    /* a line of standard input that is the password is not to become a command */
    if (!shell_has(call, "password-stdin") &&
        is_hopeless(call, json_string_value(json_object_get(params, "host")), is_edit))
        return 0;
    failed = shell_has(call, "password-stdin") ? shell_input_line(call, password, sizeof(password), err)
                                               : ask_twice(call, password, err);

    if (failed == 0)
        failed = server_check_password(password, err);
    if (failed == 0) {
        text = json_string(password);
        failed = text != NULL ? json_object_set_new(params, "password", text)
                              : error_set(err, ERROR_INTERNAL, "out of memory");
    }
    explicit_bzero(password, sizeof(password));
    return failed;
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

enum { MET_ADDRESS, MET_PORT, MET_STATE, MET_PRODUCT, MET_VERSION, MET_TYPE, MET_DEVICES, MET_PROBLEM };
static const struct shell_column met_columns[] = {
    [MET_ADDRESS] = {.name = "address"},
    [MET_PORT] = {.name = "port", .kind = SHELL_NUMBER},
    [MET_STATE] = {.name = "state"},
    [MET_PRODUCT] = {.name = "product", .heading = "Product"},
    [MET_VERSION] = {.name = "version", .heading = "Version"},
    [MET_TYPE] = {.name = "type", .heading = "Node type"},
    [MET_DEVICES] = {.name = "devices", .heading = "Network devices", .kind = SHELL_NUMBER},
    [MET_PROBLEM] = {.name = "problem", .heading = "Problem"},
};
static const struct shell_listing met_listing = {
    .name = "server", .form = SHELL_BLOCKS, SHELL_COLUMNS(met_columns), .single = true};

static void print_text(struct shell_output *output, size_t column, json_t *row, const char *name)
{
    if (text_of(row, name)[0] != '\0')
        output_string(output, column, text_of(row, name));
}

static void print_met(struct shell_output *output, enum server_kind kind, json_t *met)
{
    bool reachable = text_of(met, "problem")[0] == '\0';

    output_begin(output, &met_listing);
    print_text(output, MET_ADDRESS, met, "host");
    output_number(output, MET_PORT, json_integer_value(json_object_get(met, "port")));
    print_text(output, MET_STATE, met, "state");
    print_text(output, MET_PRODUCT, met, "product");
    print_text(output, MET_VERSION, met, "version");
    print_text(output, MET_TYPE, met, "type");
    if (kind == SERVER_DNAC && reachable)
        output_number(output, MET_DEVICES, json_integer_value(json_object_get(met, "devices")));
    print_text(output, MET_PROBLEM, met, "problem");
    output_row_end(output);
    output_end(output);
}

static const char *saved_words(json_t *met)
{
    return text_of(met, "problem")[0] == '\0' ? "is reachable and saved" : "is saved, but not reachable";
}

/* Sends what is to be saved, and says what was met. */
static int save(struct shell_call *call, const char *method, json_t *params, struct error *err)
{
    enum server_kind kind = server_kind_typed(call);
    const char *host = text_of(params, "host");
    struct shell_output *output = shell_output(call);
    json_t *met = NULL;

    output_say(output, "Checking the reachability of %s...", host);
    output_flush(output);
    if (context_ask(call, method, json_incref(params), NULL, NULL, &met, err) != 0)
        return -1;
    print_met(output, kind, met);
    output_say(output, "The %s server %s %s.", server_kind_title(kind), text_of(met, "host"),
               saved_words(met));
    if (text_of(met, "hint")[0] != '\0')
        output_say(output, "%s", text_of(met, "hint"));
    json_decref(met);
    return 0;
}

/* Before a password is typed for nothing. primed looks again, and alone where the store cannot be read. */
static int check_new(struct shell_call *call, enum server_kind kind, const char *typed, struct error *err)
{
    char host[HOST_TEXT_MAX];

    if (host_parse(typed, &(enum host_kind){0}, host, err) != 0)
        return -1;
    if (is_registered(call, host) != 1)
        return 0;
    error_set(err, ERROR_CONFLICT, "the %s server %s is registered already", server_kind_title(kind), host);
    return error_hint(err, "change it with: ncs server %s edit %s ...", server_kind_name(kind), host);
}

static int run_add(struct shell_call *call, struct error *err)
{
    enum server_kind kind = server_kind_typed(call);
    json_t *params = host_params(kind, shell_arg(call, "server_host"));
    int failed;

    set_text(call, params, "user", "server_user");
    set_text(call, params, "proxy", "server_proxy");
    set_number(call, params, "port", "server_port");
    set_number(call, params, "timeout", "server_timeout");
    json_object_set_new(params, "save_unreachable", json_boolean(shell_has(call, "save-unreachable")));
    failed = check_new(call, kind, shell_arg(call, "server_host"), err);
    if (failed == 0)
        failed = add_password(call, params, false, err);
    if (failed == 0)
        failed = save(call, "server.add", params, err);
    login_forget(params);
    json_decref(params);
    return failed;
}

static int run_edit(struct shell_call *call, struct error *err)
{
    json_t *params = host_params(server_kind_typed(call), server_argument(call));
    bool wants_password = shell_has(call, "password") || shell_has(call, "password-stdin");
    int failed = 0;

    set_text(call, params, "user", "server_user");
    set_text(call, params, "proxy", "server_proxy");
    set_number(call, params, "port", "server_port");
    set_number(call, params, "timeout", "server_timeout");
    if (json_object_size(params) == 2 && !wants_password) {
        error_set(err, ERROR_INVALID_ARGUMENT, "nothing to change was given");
        failed =
            error_hint(err, "username <user>, password, port <number>, timeout <seconds> or proxy <URL>");
    }
    json_object_set_new(params, "save_unreachable", json_boolean(shell_has(call, "save-unreachable")));
    if (failed == 0 && wants_password)
        failed = add_password(call, params, true, err);
    if (failed == 0)
        failed = save(call, "server.edit", params, err);
    login_forget(params);
    json_decref(params);
    return failed;
}

static int run_delete(struct shell_call *call, struct error *err)
{
    enum server_kind kind = server_kind_typed(call);
    const char *host = server_argument(call);
    json_t *result = NULL;

    if (context_ask(call, "server.delete", host_params(kind, host), NULL, NULL, &result, err) != 0)
        return -1;
    output_say(shell_output(call), "The %s server %s is deleted.", server_kind_title(kind), host);
    if (json_is_true(json_object_get(result, "pinned"))) {
        output_say(shell_output(call), "Its pinned certificate stays. To forget that too:");
        output_say(shell_output(call), "ncs certvalidation tofu-certs deletecert host %s",
                   text_of(result, "address"));
    }
    json_decref(result);
    return 0;
}

static int run_test(struct shell_call *call, struct error *err)
{
    enum server_kind kind = server_kind_typed(call);
    json_t *met = NULL;

    if (context_ask(call, "server.test", host_params(kind, server_argument(call)), NULL, NULL, &met, err) !=
        0)
        return -1;
    print_met(shell_output(call), kind, met);
    output_say(shell_output(call), "The %s server %s is reachable.", server_kind_title(kind),
               text_of(met, "host"));
    json_decref(met);
    return 0;
}

#define ADD_TAIL                                                                                 \
    " add <server_host> username <server_user> [port <server_port>] [timeout <server_timeout>] " \
    "[proxy <server_proxy>] [password-stdin] [save-unreachable]"
#define EDIT_TAIL                                                                   \
    " [username <server_user>] [{password | password-stdin}] [port <server_port>] " \
    "[timeout <server_timeout>] [proxy <server_proxy>] [save-unreachable]"
#define SERVER_WORDS                                                                       \
    SHELL_HELP("username", "Who logs in there")                                            \
    SHELL_HELP("password", "Ask for another password")                                     \
    SHELL_HELP("password-stdin", "Take the password from the next line of standard input") \
    SHELL_HELP("port", "Port, 443 unless given")                                           \
    SHELL_HELP("timeout", "Seconds to wait for an answer, 30 unless given")                \
    SHELL_HELP("proxy", "HTTP proxy that carries the connection, or none")                 \
    SHELL_HELP("save-unreachable", "Save it even where the server does not answer")
#define CHANGE .role = SHELL_ROLE_ADMIN, .needs = NEED_DAEMON, .flags = SHELL_CHANGES

#define DNAC_MENU_NEW "Prime Data Migration Tool"
#define DNAC_MENU_OLD "Cisco DNA Center coexistence"
#define DNAC_HELP(menu) "DNA Center, at most one: " menu

static char dnac_help[64] = DNAC_HELP(DNAC_MENU_OLD);

void server_follow_release(const char *release)
{
    const char *words = strcmp(release, "3.10") == 0 ? DNAC_HELP(DNAC_MENU_NEW) : DNAC_HELP(DNAC_MENU_OLD);

    memcpy(dnac_help, words, strlen(words) + 1);
}

static const struct shell_command commands[] = {
    SHELL_WORD("ncs server", "Partner servers: ISE and DNA Center"),
    SHELL_WORD("ncs server ise",
               "Identity Services Engine: at most a primary and a standby, or one standalone"),
    SHELL_WORD("ncs server dnac", dnac_help),
    {.grammar = "ncs server ise" ADD_TAIL,
     .words = SERVER_WORDS,
     .help = "Register an ISE server",
     .run = run_add,
     CHANGE,
     .manual =
         "The password is asked for twice without echo, or comes from the next line of standard input. Then "
         "the server is asked for its version and the type of its node (GET /admin/API/mnt/Version); its "
         "certificate is judged in the trust zone system before it gets the credentials, and pinned on first "
         "contact. Nothing is saved unless it answers as an ISE monitoring node; with save-unreachable it is "
         "saved all the same. The port is 443 and the timeout 30 seconds unless given. A proxy is an HTTP "
         "proxy that carries the connection (CONNECT); the certificate that is judged is the server's all "
         "the same, and the proxy gets no credentials."},
    {.grammar = "ncs server ise edit <ise_server>" EDIT_TAIL,
     .words = SERVER_WORDS,
     .help = "Change a registered ISE server",
     .run = run_edit,
     CHANGE,
     .manual = "What is not given stays. The server is asked as when it is added, and nothing is changed "
               "unless it answers, but with save-unreachable. With proxy none it is reached directly again."},
    {.grammar = "ncs server ise delete <ise_server>",
     .help = "Forget a registered ISE server",
     .run = run_delete,
     CHANGE,
     .manual = "Its pinned certificate stays."},
    {.grammar = "ncs server ise test <ise_server>",
     .help = "Check now whether a registered ISE server is reachable",
     .run = run_test,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON},
    {.grammar = "ncs server dnac" ADD_TAIL,
     .words = SERVER_WORDS,
     .help = "Register a DNA Center server",
     .run = run_add,
     CHANGE,
     .manual = "As with an ISE server: the DNA Center is asked for a token (POST "
               "/dna/system/api/v1/auth/token) and for the number of its devices. The token is kept sealed, "
               "and renewed before it ends and when it is refused. The original appliance's menu has this "
               "under " DNAC_MENU_NEW " from release 3.10.1 on, before that under " DNAC_MENU_OLD "."},
    {.grammar = "ncs server dnac edit <dnac_server>" EDIT_TAIL,
     .words = SERVER_WORDS,
     .help = "Change a registered DNA Center server",
     .run = run_edit,
     CHANGE},
    {.grammar = "ncs server dnac delete <dnac_server>",
     .help = "Forget a registered DNA Center server",
     .run = run_delete,
     CHANGE,
     .manual = "Its pinned certificate stays."},
    {.grammar = "ncs server dnac test <dnac_server>",
     .help = "Check now whether a registered DNA Center server is reachable",
     .run = run_test,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON},
};
const struct shell_branch server_branch = SHELL_BRANCH(commands);
