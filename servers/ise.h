/* Talking to an ISE: its monitoring API, with HTTP's Basic scheme. */
#pragma once

#include "servers/access.h"
#include "servers/ise_xml.h"

#define ISE_ANSWER_MAX (64 * 1024)          /* bytes of a small answer */
#define ISE_LIST_MAX (1024LL * 1024 * 1024) /* bytes of the list of sessions, which is not kept */

/* Errors of all: those of server_ask(). */
int ise_ask_version(struct server_access *access, struct ise_version *out, struct error *err);
int ise_ask_count(struct server_access *access, uint64_t *out, struct error *err);

/* Calls `each` with every active session as it arrives; false: enough (ERROR_BUSY, SERVER_UNCHECKED). */
int ise_ask_sessions(struct server_access *access, bool (*each)(void *arg, const struct ise_session *session),
                     void *arg, uint64_t *count, struct error *err);
