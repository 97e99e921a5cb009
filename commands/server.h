/* What the commands about registered servers share. */
#pragma once

#include "commands/context.h"
#include "store/server.h"

static inline enum server_kind server_kind_typed(const struct shell_call *call)
{
    return shell_has(call, "dnac") ? SERVER_DNAC : SERVER_ISE;
}

/* The registered server that was typed, of whichever kind; NULL: none. */
static inline const char *server_argument(const struct shell_call *call)
{
    const char *ise = shell_arg(call, "ise_server");

    return ise != NULL ? ise : shell_arg(call, "dnac_server");
}

/* Where the original appliance has what `ncs server dnac` does, by release. */
#define SERVER_MENU                                                                                         \
    "Prime Data Migration Tool (release 3.10.1 and later), or Cisco DNA Center coexistence (3.9, 3.10 and " \
    "before)."
