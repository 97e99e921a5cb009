/* What the logs say of a refused certificate: the two records admins search for, and what to do. */
#pragma once

#include "base/log.h"
#include "trust/trust.h"

#define REPORT_REPEAT_MS                                                              \
    (10 * 60 * 1000) /* the same refusal of the same host is written again after this \
                      */

/* Remembers what was written when; one for each log. Safe from any thread. */
struct report;
struct report *report_new(struct log *log, struct error *err);
void report_free(struct report *report);

/*
 * Writes the records of a refusal (TRUST_MISMATCH and the like) met by the task `thread`, e.g.
 * "HealthMonitorThread"; nothing for an accepted certificate, but for one accepted though nobody could tell
 * whether it was revoked. A repetition is counted instead, and its
 * count written with the next record.
 */
void report_verdict(struct report *report, const char *thread, const struct trust_request *request,
                    const struct trust_verdict *verdict);
