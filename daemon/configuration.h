/* The configuration at work: loaded when the services start, applied when it changes, put back when nobody
 * confirms it. */
#pragma once

#include "daemon/node.h"

/* Makes the timer of a configuration on probation. On the loop's thread. */
int configuration_open(struct node *node, struct error *err);
void configuration_close(struct node *node);

/*
 * At the start of the services: the startup configuration runs from here on; what was changed and not written
 * is gone. One that was on probation is over: what was before it comes back. Not from the loop's thread while
 * the loop runs.
 */
int configuration_load(struct node *node, struct error *err);

/* What runs inside primed follows the running configuration. Any thread that may read the store. */
void configuration_apply(struct node *node);

/* Watches the deadline that the store holds, if any. Any thread that may read the store. */
void configuration_watch(struct node *node);

/* The node's name: as configured, else as node.conf has it. */
void configuration_hostname(const struct node *node, char out[HOST_TEXT_MAX]);

/* Opens a secret of the configuration, as config_get() gives it under `name`, into out; the caller wipes it.
 * ERROR_INVALID_ARGUMENT: too long for `size`. ERROR_UNTRUSTED: sealed by another node, or altered. */
int configuration_open_secret(const struct node *node, const char *name, const char *text, char *out,
                              size_t size, struct error *err);
