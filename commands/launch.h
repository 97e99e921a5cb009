/* Who starts a node's primed: the shell, or the machine's service manager. */
#pragma once

#include <stdbool.h>

#define LAUNCH_MANAGER "systemctl start primesh"
#define LAUNCH_AGAIN "systemctl restart primesh"

/*
 * True where systemd runs the machine (sd_booted(3)), has our service, and `home` is that service's home. A
 * primed from anywhere else would have neither its limits nor its restart after a crash, and would keep the
 * service from starting.
 */
bool launch_is_the_managers(const char *home);

/* The command that starts the primed of `home`: LAUNCH_MANAGER or "ncs start". */
const char *launch_command(const char *home);
