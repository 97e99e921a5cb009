/* What admins of Cisco's other shells type out of habit, and what to do here instead. */
#include "commands/table.h"

#define HOST_HINT(verb) "write host in front of it, as in: " verb " host 10.1.1.1_443"
#define PINS "ncs certvalidation tofu-certs "
#define ADDRESS "*[._:]*"
#define MACHINE "belong to the machine, not to this shell"
#define ACCOUNT_HINT \
    "an account logs in with sshkey, or with password system: the machine's password of that name"

const struct shell_foreign foreign_commands[] = {
    {"copy running-config *", "write it to a file with: show running-config | save <file> repository <name>"},
    {"copy startup-config *", "it becomes the running one when the services start: ncs restart"},
    {"write terminal", "see it with: show running-config"},
    {"write erase", "nothing erases all at once: take settings back with no, then: write memory"},
    {"write", "keep the running configuration with: write memory"},
    {"reload", "restart the services with: ncs restart"},
    {"enable", "your role says what you may do: show privilege"},
    {"disable", "your role says what you may do: show privilege"},
    {"show ntp", "time servers " MACHINE "; the time: show clock"},
    {"show ip", "addresses and routes " MACHINE "; the interfaces: show interface"},
    {"ntp", "time servers " MACHINE},
    {"ip name-server", "name servers " MACHINE},
    {"ip default-gateway", "addresses and routes " MACHINE},
    {"ip route", "addresses and routes " MACHINE},
    {"logging host", "log servers " MACHINE},
    {"logging " ADDRESS, "log servers " MACHINE},
    {"banner", "banners " MACHINE},
    {"username * secret", ACCOUNT_HINT},
    {"username * password *", ACCOUNT_HINT},
    {"username * privilege", "an account has a role: role admin or role user"},
    {PINS "deletecert " ADDRESS, HOST_HINT("deletecert")},
    {PINS "showcert " ADDRESS, HOST_HINT("showcert")},
    {PINS "addcert " ADDRESS, HOST_HINT("addcert")},
    {PINS "acceptcert " ADDRESS, HOST_HINT("acceptcert")},
    {PINS "verify " ADDRESS, HOST_HINT("verify")},
    {PINS "history " ADDRESS, HOST_HINT("history")},
};
const size_t foreign_command_count = sizeof(foreign_commands) / sizeof(foreign_commands[0]);
