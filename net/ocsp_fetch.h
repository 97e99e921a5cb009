/* OCSP answers that a judgement needs, over plain HTTP, bounded in size and time. Only for this folder. */
#pragma once

#include "trust/trust.h"

#define OCSP_FETCH_MS 5000 /* for all responders of one need together */

/* Asks one responder after another until one settles the need; where none does, gives up with what went wrong
 * last. Blocks at most timeout_ms. */
void ocsp_fetch(const struct trust_need *need, int timeout_ms);

/*
 * The same on a thread of its own; `done_fd` (an eventfd, duplicated) is written to at the end. The need is
 * taken over. NULL: there is no thread for it, and the need is given up and freed.
 */
struct ocsp_fetch;
struct ocsp_fetch *ocsp_fetch_start(struct trust_need *need, int timeout_ms, int done_fd);
bool ocsp_fetch_is_done(struct ocsp_fetch *fetch);

/* Lets go of it, finished or not. */
void ocsp_fetch_release(struct ocsp_fetch *fetch);
