/* ncs certvalidation certificate-check: the policy of each trust zone. */
#include "store/policy.h"
#include "commands/context.h"

enum { POLICY_ZONE, POLICY_POLICY };
static const struct shell_column policy_columns[] = {
    [POLICY_ZONE] = {.name = "zone", .heading = "Trust zone"},
    [POLICY_POLICY] = {.name = "policy", .heading = "Certificate check"},
};
static const struct shell_listing policy_listing = {
    .name = "policies", .form = SHELL_TABLE, SHELL_COLUMNS(policy_columns)};

static int run_show(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct store_txn *txn = context_read(call, err);
    int failed = 0;

    if (txn == NULL)
        return -1;
    output_begin(output, &policy_listing);
    for (int zone = 0; failed == 0 && zone < TRUST_ZONES; zone++) {
        enum trust_policy policy;

        failed = policy_get(txn, (enum trust_zone)zone, &policy, err);
        if (failed != 0)
            break;
        output_string(output, POLICY_ZONE, trust_zone_name((enum trust_zone)zone));
        output_string(output, POLICY_POLICY, trust_policy_name(policy));
        output_row_end(output);
    }
    output_end(output);
    store_end(txn);
    return failed;
}

/* Which of the names, all keywords of the grammar, was typed. */
static const char *given(const struct shell_call *call, const char *(*name)(int), int count)
{
    for (int i = 0; i < count; i++) {
        if (shell_has(call, name(i)))
            return name(i);
    }
    return "";
}

static const char *zone_name(int zone)
{
    return trust_zone_name((enum trust_zone)zone);
}

static const char *policy_name(int policy)
{
    return trust_policy_name((enum trust_policy)policy);
}

/* What `enable` means for what is there: nothing is lost, and nothing is trusted without a CA certificate. */
static void say_holdings(struct shell_output *output, json_t *result, const char *zone)
{
    long long cas = (long long)json_integer_value(json_object_get(result, "cas"));
    long long pins = (long long)json_integer_value(json_object_get(result, "pins"));

    if (cas == 0)
        output_say(
            output,
            "The trust store of the zone %s is empty: no server of it is trusted until a CA certificate is "
            "imported",
            zone);
    if (pins > 0)
        output_say(output, "%lld pin%s of the zone %s stay%s and %s not used while its policy is enable",
                   pins, pins == 1 ? "" : "s", zone, pins == 1 ? "s" : "", pins == 1 ? "is" : "are");
}

static int run_set(struct shell_call *call, struct error *err)
{
    const char *zone = given(call, zone_name, TRUST_ZONES);
    json_t *params =
        json_pack("{s:s, s:s}", "zone", zone, "policy", given(call, policy_name, TRUST_POLICIES));
    json_t *result = NULL;

    if (context_ask(call, "policy.set", params, NULL, NULL, &result, err) != 0)
        return -1;
    if (shell_has(call, "enable"))
        say_holdings(shell_output(call), result, zone);
    json_decref(result);
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "ncs certvalidation certificate-check",
     .help = "How certificates are checked in each trust zone",
     .run = run_show,
     .needs = NEED_STORE,
     .manual = "Zones: system (HA peer, ISE, DNA Center), devicemgmt (managed devices), user (login "
               "services), pubnet (public "
               "hosts)."},
    {.grammar = "ncs certvalidation certificate-check {disable | trust-on-first-use | enable} trustzone "
                "{devicemgmt | pubnet | "
                "system | user}",
     .help = "Set how certificates are checked in a trust zone",
     .words = SHELL_HELP("disable", "Check nothing")
         SHELL_HELP("trust-on-first-use", "Pin what a server shows first, refuse anything else")
             SHELL_HELP("enable", "Validate against the CA certificates of the zone"),
     .run = run_set,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "disable checks nothing; trust-on-first-use pins what a server shows first and refuses "
         "anything else; enable "
         "validates against the zone's trust store: chain, name, times, strength and revocation. Pins stay "
         "and are not used meanwhile. Holds from the next connection on."},
};
const struct shell_branch policy_branch = SHELL_BRANCH(commands);
