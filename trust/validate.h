/* A certificate against the CA certificates of its zone: all that the policy `enable` asks. Only for this
 * folder. */
#pragma once

#include "trust/trust.h"

struct validation {
    struct store_txn *txn;
    const char *node; /* store_node_id() */
    const struct trust_request *request;
    const struct trust_shown *shown;
    int64_t now_ms;
    struct trust_need **need; /* NULL: nothing can be fetched */
};

/* 0 with *outcome (and, refused, verdict->error and failed_depth); -1: the store failed. */
int validate(const struct validation *validation, struct trust_verdict *verdict, enum trust_outcome *outcome,
             struct error *err);
