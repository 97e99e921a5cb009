/* When the certificates of the node's purposes end: what is told of them without opening their sealed
 * records.
 */
#pragma once

#include "store/store.h"

struct purpose_end {
    const char *purpose; /* "tomcat-ECDSA" */
    const char *subject_slash;
    int64_t not_after_ms;
    int64_t since_ms; /* when it came into service here */
};

/* Notes it for the certificate in service (node scope); changes nothing where it is noted already. */
int purpose_end_set(struct store_txn *txn, const struct purpose_end *end, struct error *err);

/* Calls `each`, by name, until it returns non-zero; texts live until the transaction ends. */
int purpose_end_each(struct store_txn *txn, int (*each)(void *arg, const struct purpose_end *end), void *arg,
                     struct error *err);
