/* Connects to pinned servers and compares, changing no pin; rows stream to the caller in the order asked. */
#pragma once

#include "daemon/request.h"
#include "trust/trust.h"

#define EXPIRY_NOTICE_DAYS 30 /* a pinned certificate that ends within this is flagged */

/* Each row goes out as progress {"row": {"host", "verdict", "sha256", "detail"}, "percent": n}.
 * *result: {"checked", "mismatches", "refused", "unreachable"}. */
int verify_all(struct request *request, json_t **result, struct error *err);
int verify_one(struct request *request, const struct host_port *host, json_t **result, struct error *err);

/* Writes a refusal met by this request to application.log. */
void verify_report(struct request *request, const struct trust_request *trust,
                   const struct trust_verdict *verdict);
