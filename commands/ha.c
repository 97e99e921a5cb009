/* ncs ha: what is asked of the high-availability pair. */
#include "commands/ha.h"

#include "base/version.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEY_SIZE 256 /* of an authentication key as it is typed; primed says what is too long */

/* ---- authkey ---- */

/* As an argument, from standard input, or asked for. The caller wipes. */
static int read_key(struct shell_call *call, char key[KEY_SIZE], struct error *err)
{
    const char *given = shell_arg(call, "authkey");

    if (given != NULL) {
        if (snprintf(key, KEY_SIZE, "%s", given) >= KEY_SIZE)
            return error_set(err, ERROR_INVALID_ARGUMENT, "the authentication key is too long");
        return 0;
    }
    if (shell_has(call, "password-stdin"))
        return shell_input_line(call, key, KEY_SIZE, err);
    return shell_ask_secret(call, "Authentication Key: ", "password-stdin", key, KEY_SIZE, err);
}

static int run_authkey(struct shell_call *call, struct error *err)
{
    char key[KEY_SIZE] = "";
    json_t *status = NULL;
    char role[16] = "primary";
    int failed = read_key(call, key, err);

    if (failed == 0 && context_ask(call, "ha.status", NULL, NULL, NULL, &status, NULL) == 0 &&
        strcmp(ha_text(status, "role"), "Secondary") == 0)
        snprintf(role, sizeof(role), "secondary");
    json_decref(status);
    if (failed == 0) {
        output_say(shell_output(call), "Going to update %s authentication key", role);
        failed = context_ask(call, "ha.authkey", json_pack("{s:s}", "key", key), NULL, NULL, NULL, err);
    }
    explicit_bzero(key, sizeof(key));
    if (failed == 0)
        output_say(shell_output(call), "Successfully updated %s authentication key", role);
    return failed;
}

/* ---- how this server stands ---- */

/* How this server stands now. */
struct standing {
    bool paired, active;
    char role[16];
    char peer[HOST_TEXT_MAX];
};

/* Where nobody can tell: as one that stands alone. */
static void look(struct shell_call *call, struct standing *out)
{
    json_t *status = NULL;

    *out = (struct standing){.active = true};
    if (context_ask(call, "ha.status", NULL, NULL, NULL, &status, NULL) != 0)
        return;
    out->paired = json_is_true(json_object_get(status, "configured"));
    out->active = json_is_true(json_object_get(status, "active"));
    snprintf(out->role, sizeof(out->role), "%s", ha_text(status, "role"));
    snprintf(out->peer, sizeof(out->peer), "%s", ha_text(json_object_get(status, "peer"), "address"));
    json_decref(status);
}

/* ---- register ---- */

static const char *const milestones[] = {"Pre-HA Registration", "Database Replication",
                                         "Post HA Registration"};

static void show_milestone(void *arg, json_t *progress)
{
    json_int_t milestone = json_integer_value(json_object_get(progress, "milestone"));

    if (milestone >= 0 && milestone < 3)
        shell_progress(arg, milestones[milestone],
                       (int)json_integer_value(json_object_get(progress, "percent")));
}

static void add(const struct shell_call *call, json_t *object, const char *name, const char *argument)
{
    if (shell_arg(call, argument) != NULL)
        json_object_set_new(object, name, json_string(shell_arg(call, argument)));
}

static json_t *form_of(const struct shell_call *call)
{
    json_t *form = json_object();

    add(call, form, "email", "mail_list");
    add(call, form, "ipv4", "virtual_ipv4");
    add(call, form, "ipv6", "virtual_ipv6");
    if (shell_has(call, "failover-type"))
        json_object_set_new(form, "failover",
                            json_string(shell_has(call, "automatic") ? "automatic" : "manual"));
    return form;
}

/* A standby, or a primary that has another secondary, is refused: that needs no key. */
static bool is_hopeless(struct shell_call *call)
{
    const char *peer = shell_arg(call, "ha_server");
    char canonical[HOST_TEXT_MAX];
    struct standing now;

    look(call, &now);
    if (!now.paired)
        return false;
    if (strcmp(now.role, "Primary") != 0 || !now.active)
        return true;
    return peer != NULL && host_parse(peer, &(enum host_kind){0}, canonical, NULL) == 0 &&
           strcmp(canonical, now.peer) != 0;
}

static int run_register(struct shell_call *call, struct error *err)
{
    char key[KEY_SIZE] = "";
    json_t *params = json_pack("{s:o}", "form", form_of(call));
    bool has_form = json_object_size(json_object_get(params, "form")) > 0;
    json_t *status = NULL;
    json_t *address;
    int failed = 0;

    /* a line of standard input that is the key is not to become a command */
    if (shell_has(call, "password-stdin") || !is_hopeless(call))
        failed = read_key(call, key, err);

    add(call, params, "peer", "ha_server");
    /* Enter alone: the key that `ncs ha authkey` set here */
    if (key[0] != '\0')
        json_object_set_new(params, "key", json_string(key));
    explicit_bzero(key, sizeof(key));
    if (failed != 0) {
        json_decref(params);
        return -1;
    }
    if (context_ask(call, "ha.register", params, show_milestone, call, &status, err) != 0)
        return -1;
    if (json_is_true(json_object_get(status, "stood")))
        output_say(shell_output(call), "The pair stood already: nothing was copied%s",
                   has_form ? ", and its form is now as given" : "");
    address = json_object_get(status, "virtual_address");
    if (ha_text(address, "problem")[0] != '\0')
        output_say(shell_output(call), "Without the virtual address %s: %s", ha_text(address, "ipv4"),
                   ha_text(address, "problem"));
    output_say(shell_output(call), "Configuration Mode: %s", ha_text(status, "state"));
    json_decref(status);
    return 0;
}

/* ---- failover, failback, remove ---- */

/* `doing` is said only where it may come to that: a refusal stands alone. */
static int change(struct shell_call *call, const char *method, const char *doing, bool is_active,
                  struct error *err)
{
    struct standing now;
    json_t *status = NULL;

    look(call, &now);
    if (strcmp(now.role, "Secondary") == 0 && now.active == is_active) {
        output_say(shell_output(call), "%s", doing);
        output_flush(shell_output(call));
    }
    if (context_ask(call, method, NULL, NULL, NULL, &status, err) != 0)
        return -1;
    output_say(shell_output(call), "Configuration Mode: %s", ha_text(status, "state"));
    json_decref(status);
    return 0;
}

static int run_failover(struct shell_call *call, struct error *err)
{
    return change(call, "ha.failover", "Failover to this server is in progress", false, err);
}

static int run_failback(struct shell_call *call, struct error *err)
{
    return change(call, "ha.failback", "Failback to the primary server is in progress", true, err);
}

static int confirm_remove(struct shell_call *call, struct error *err)
{
    int answer;

    output_say(shell_output(call), "High availability configuration will be removed");
    if (!shell_has(call, "force")) {
        answer = shell_confirm(call, "Do you wish to continue? (y/N) ", false, "force", err);
        if (answer <= 0)
            return answer;
    }
    output_say(shell_output(call),
               "Attempting to remove high availability configuration from both primary and secondary");
    output_flush(shell_output(call));
    return 1;
}

static int run_remove(struct shell_call *call, struct error *err)
{
    struct standing now;
    json_t *result = NULL;
    int answer;

    look(call, &now);
    /* of no pair there is nothing to ask */
    if (now.paired && (answer = confirm_remove(call, err)) <= 0)
        return answer;
    if (context_ask(call, "ha.remove", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    if (!json_is_true(json_object_get(result, "both"))) {
        output_say(shell_output(call), "The other server could not be told: %s", ha_text(result, "problem"));
        output_say(shell_output(call), "Run `ncs ha remove` there too%s",
                   json_is_true(json_object_get(result, "silent")) ? ", once it is back" : "");
    }
    output_say(shell_output(call), "Successfully removed high availability configuration");
    json_decref(result);
    return 0;
}

#define ASKING .role = SHELL_ROLE_ADMIN, .needs = NEED_DAEMON
#define CHANGING ASKING, .flags = SHELL_CHANGES

static const struct shell_command commands[] = {
    SHELL_WORD("ncs ha", "The high-availability pair"),
    {.grammar = "ncs ha authkey [{<authkey> | password-stdin}]",
     .help = "Set the key that both servers of the pair share",
     .run = run_authkey,
     CHANGING,
     .manual =
         "The same on both, up to 131 characters. Asked for without echo where it is not given; "
         "`password-stdin` takes the next line of standard input. It is kept sealed, and as what scrypt "
         "makes of it: nobody can read it back."},
    {.grammar =
         "ncs ha register [secondary-server <ha_server>] [email-address <mail_list>] [failover-type {manual "
         "| automatic}] [virtual-ipv4 <virtual_ipv4>] [virtual-ipv6 <virtual_ipv6>] [password-stdin]",
     .help = "Make a pair of this server and its secondary",
     .words = SHELL_HELP("failover-type", "Who decides on a failover when the primary is lost")
         SHELL_HELP("manual", "An admin") SHELL_HELP("automatic", "The secondary")
             SHELL_HELP("password-stdin", "Take the secondary's key from the next line of standard input"),
     .run = run_register,
     CHANGING,
     .manual =
         "What is not given counts as configured in configuration mode ha. Asks for the authentication "
         "key of the secondary; Enter alone takes the one that is set here. The records of the pair are "
         "copied to the secondary and replace its own. It goes on when this session ends: `ncs ha "
         "status` shows how far it is."},
    {.grammar = "ncs ha failover",
     .help = "Make this secondary the active server",
     .run = run_failover,
     CHANGING,
     .manual =
         "On the secondary. While the primary is alive it hands over, without losing a change; where it "
         "is lost, the secondary goes on with what it has."},
    {.grammar = "ncs ha failback",
     .help = "Give the active role back to the primary",
     .run = run_failback,
     CHANGING,
     .manual = "On the active secondary, once the primary is back and in sync."},
    {.grammar = "ncs ha remove [force]",
     .help = "Take the pair apart",
     .run = run_remove,
     CHANGING,
     .manual =
         "On either server, for both; where the other one does not answer, for this one alone. Both keep "
         "their records. `force` does not ask."},
};
const struct shell_branch ha_branch = SHELL_BRANCH(commands);
