/* show tech-support: what somebody who is to help wants to see first, in one go. */
#include "commands/context.h"

/* Nothing here asks another machine, and no secret is in any of them. */
static const char *const parts[] = {
    "show version",
    "show clock",
    "show uptime",
    "show inventory",
    "show interface",
    "show users",
    "ncs status",
    "ncs ha status",
    "ncs ha history",
    "ncs ha diverged",
    "show running-config",
    "show startup-config",
    "ncs certvalidation certificate-check",
    "ncs certvalidation custom-ocsp-responder",
    "ncs certvalidation tls-server-versions",
    "ncs certvalidation tofu-certs listcerts detail",
    "ncs certvalidation trusted-ca-store listcacerts truststore devicemgmt",
    "ncs certvalidation trusted-ca-store listcacerts truststore pubnet",
    "ncs certvalidation trusted-ca-store listcacerts truststore system",
    "ncs certvalidation trusted-ca-store listcacerts truststore user",
    "ncs key show",
    "ncs key listcacerts",
    "ncs server ise show",
    "ncs server dnac show",
    "show server events last 100",
    "show cert list own",
    "show cert list trust",
    "show cert expiry",
    "show csr list",
    "show ctl",
    "utils service list",
    "show notices",
    "show repository",
    "show crypto host_keys",
    "show audit last 200",
    "show logging health-monitor last 500",
    "show logging application last 500",
};
#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

static int run_tech_support(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);

    (void)err;
    for (size_t i = 0; i < PART_COUNT && !output_stopped(output); i++) {
        struct error cause = {0};

        output_say(output, "%s------------------ %s ------------------", i == 0 ? "" : "\n", parts[i]);
        output_say(output, "%s", "");
        /* a node that is half broken is what this is for: what cannot be shown says why, and the rest comes
         */
        if (shell_do(call, parts[i], &cause) < 0)
            output_say(output, "cannot be shown: %s", cause.message);
    }
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "show tech-support",
     .help = "All that somebody who is to help wants to see",
     .run = run_tech_support,
     .role = SHELL_ROLE_ADMIN,
     .manual =
         "The commands that show state, one after the other, and the ends of the logs; secrets are sealed or "
         "left out. Without primed it shows what the store has. For a file: show tech-support | save "
         "<file> repository <repository>."},
};
const struct shell_branch tech_support_branch = SHELL_BRANCH(commands);
