/* Tells the service manager how far we are. */
#pragma once

/* Sends a state such as "READY=1" to $NOTIFY_SOCKET (sd_notify(3)); does nothing without one. */
void notify_manager(const char *state);
