/* The policy of each trust zone: how the certificates of the servers in it are judged. */
#pragma once

#include "base/error.h"
#include "store/store.h"

enum trust_zone { TRUST_ZONE_DEVICEMGMT, TRUST_ZONE_PUBNET, TRUST_ZONE_SYSTEM, TRUST_ZONE_USER, TRUST_ZONES };

enum trust_policy { TRUST_POLICY_DISABLE, TRUST_POLICY_FIRST_USE, TRUST_POLICY_ENABLE, TRUST_POLICIES };

/* "devicemgmt", ...; "disable", "trust-on-first-use", "enable". */
const char *trust_zone_name(enum trust_zone zone);
const char *trust_policy_name(enum trust_policy policy);

/* ERROR_INVALID_ARGUMENT lists the names there are. */
int trust_zone_parse(const char *name, enum trust_zone *out, struct error *err);
int trust_policy_parse(const char *name, enum trust_policy *out, struct error *err);

/* The zone's policy; trust-on-first-use where none was set. */
int policy_get(struct store_txn *txn, enum trust_zone zone, enum trust_policy *out, struct error *err);

/* Pair scope. Whether the policy can be carried out is trust/'s business. */
int policy_set(struct store_txn *txn, enum trust_zone zone, enum trust_policy policy, struct error *err);
