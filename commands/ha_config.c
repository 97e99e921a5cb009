/* Configuration mode `ha`: what `ncs ha register` and the pair go by. */
#include "commands/configure.h"

static const struct shell_mode ha_mode = {"(config-ha)", &config_mode};

static int run_ha(struct shell_call *call, struct error *err)
{
    if (shell_is_no(call))
        return configure_unset(call, "ha", err);
    shell_enter_mode(shell_call_session(call), &ha_mode);
    return 0;
}

static int run_secondary(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "ha/secondary-server", shell_arg(call, "ha_server"), err);
}

static int run_email(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "ha/email-address", shell_arg(call, "mail_list"), err);
}

static int run_failover_type(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "ha/failover-type", shell_has(call, "automatic") ? "automatic" : "manual",
                             err);
}

static int run_virtual_address(struct shell_call *call, struct error *err)
{
    if (shell_has(call, "ipv6"))
        return configure_set_one(call, "ha/virtual-ipv6", shell_arg(call, "virtual_ipv6"), err);
    if (shell_has(call, "ipv4"))
        return configure_set_one(call, "ha/virtual-ipv4", shell_arg(call, "virtual_ipv4"), err);
    return configure_unset_both(call, "ha/virtual-ipv4", "ha/virtual-ipv6", err);
}

static int run_heartbeat(struct shell_call *call, struct error *err)
{
    if (shell_is_no(call))
        return configure_unset_both(call, "ha/heartbeat-interval", "ha/heartbeat-misses", err);
    return configure_set(call, NULL,
                         json_pack("{s:s, s:s}", "ha/heartbeat-interval",
                                   shell_arg(call, "heartbeat_interval"), "ha/heartbeat-misses",
                                   shell_arg(call, "heartbeat_misses")),
                         err);
}

static int run_witness(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "ha/witness", shell_arg(call, "witness"), err);
}

#define STATEMENT .role = SHELL_ROLE_ADMIN, .needs = NEED_DAEMON, .flags = SHELL_CHANGES, .mode = &ha_mode

static const struct shell_command commands[] = {
    {.grammar = "ha",
     .help = "The high-availability pair",
     .run = run_ha,
     .no = "ha",
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .mode = &config_mode,
     .manual =
         "What `ncs ha register` goes by. A pair that is registered keeps its peer whatever stands here; "
         "failover type, mail addresses, heartbeat and witness count at once."},
    {.grammar = "no", .help = "Take a setting back", .mode = &ha_mode, .role = SHELL_ROLE_ADMIN},
    {.grammar = "secondary-server <ha_server>",
     .help = "The secondary server of the pair",
     .run = run_secondary,
     .no = "secondary-server [<ha_server>]",
     STATEMENT,
     .manual = "Its address, or a name that both servers resolve."},
    {.grammar = "email-address <mail_list>",
     .help = "Who is told of each change of state",
     .run = run_email,
     .no = "email-address [<mail_list>]",
     STATEMENT},
    {.grammar = "failover-type {manual | automatic}",
     .help = "Who decides that the secondary takes over",
     .words = SHELL_HELP("manual", "An admin decides") SHELL_HELP("automatic", "The secondary decides"),
     .run = run_failover_type,
     .no = "failover-type [{manual | automatic}]",
     STATEMENT,
     .manual = "manual, the default, leaves it to an admin: `ncs ha failover` on the secondary."},
    {.grammar = "virtual-ip",
     .help = "The address that is always the active server's",
     .mode = &ha_mode,
     .role = SHELL_ROLE_ADMIN},
    {.grammar = "virtual-ip {ipv4 <virtual_ipv4> | ipv6 <virtual_ipv6>}",
     .help = "The address that is always the active server's",
     .words = SHELL_HELP("ipv4", "An IPv4 address") SHELL_HELP("ipv6", "An IPv6 address"),
     .run = run_virtual_address,
     .no = "virtual-ip [{ipv4 [<virtual_ipv4>] | ipv6 [<virtual_ipv6>]}]",
     STATEMENT,
     .manual = "In the subnet of both servers and used by neither; the IPv6 one is optional."},
    {.grammar = "heartbeat interval <heartbeat_interval> misses <heartbeat_misses>",
     .help = "When the other server counts as lost",
     .run = run_heartbeat,
     .no = "heartbeat [interval <heartbeat_interval> misses <heartbeat_misses>]",
     STATEMENT,
     .manual = "Milliseconds between two heartbeats, and how many in a row must be missed; 5000 and 3 unless "
               "set."},
    {.grammar = "witness <witness>",
     .help = "What a secondary must reach to take over by itself",
     .run = run_witness,
     .no = "witness [<witness>]",
     STATEMENT,
     .manual = "An address that answers ping; the default gateway where none is set. A secondary that cannot "
               "reach it may be the one that is cut off, and stays quiet."},
};
const struct shell_branch ha_config_branch = SHELL_BRANCH(commands);
