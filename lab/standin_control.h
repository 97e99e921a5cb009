/* The small socket over which a running stand-in is told that something changed: a line there, a line back.
 */
#pragma once

#include "lab/servers.h"

#include <event2/event.h>

#define CONTROL_LINE_MAX 2048

/* --- the stand-in's side ----------------------------------------------------------------------------------
 */

/* Answers one line; `reply` gets a line without its end. */
typedef void (*control_handler)(void *arg, const char *line, char reply[CONTROL_LINE_MAX]);

struct control;

/* Listens on <lab>/<server>/control.sock, for this user only. ERROR_INVALID_ARGUMENT: the path is too long
 * for a socket; ERROR_INTERNAL. */
struct control *control_new(struct event_base *base, const struct lab *lab, const struct lab_server *server,
                            control_handler handler, void *arg, struct error *err);
void control_free(struct control *control);

/* --- primelab's side --------------------------------------------------------------------------------------
 */

/* Sends a line and waits for the answer. ERROR_UNREACHABLE: the server does not run; ERROR_TIMEOUT. */
int control_ask(const struct lab *lab, const struct lab_server *server, const char *line,
                char reply[CONTROL_LINE_MAX], struct error *err);
