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

/* The help of `ncs server dnac` says what the original appliance's menu calls it, which differs by release.
 */
void server_follow_release(const char *release);
