#include "store/policy.h"

#include "store/record.h"
#include "store/small_record.h"
#include "store/wire.h"

#include <string.h>

#define POLICY_POLICY 1 /* number of the field */

static const char *const zones[TRUST_ZONES] = {
    [TRUST_ZONE_DEVICEMGMT] = "devicemgmt",
    [TRUST_ZONE_PUBNET] = "pubnet",
    [TRUST_ZONE_SYSTEM] = "system",
    [TRUST_ZONE_USER] = "user",
};

static const char *const policies[TRUST_POLICIES] = {
    [TRUST_POLICY_DISABLE] = "disable",
    [TRUST_POLICY_FIRST_USE] = "trust-on-first-use",
    [TRUST_POLICY_ENABLE] = "enable",
};

const char *trust_zone_name(enum trust_zone zone)
{
    return (unsigned)zone < TRUST_ZONES ? zones[zone] : "unknown";
}

const char *trust_policy_name(enum trust_policy policy)
{
    return (unsigned)policy < TRUST_POLICIES ? policies[policy] : "unknown";
}

int trust_zone_parse(const char *name, enum trust_zone *out, struct error *err)
{
    for (int i = 0; i < TRUST_ZONES; i++) {
        if (strcmp(zones[i], name) == 0) {
            *out = (enum trust_zone)i;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "\"%.100s\" is not a trust zone: devicemgmt, pubnet, system or user", name);
}

int trust_policy_parse(const char *name, enum trust_policy *out, struct error *err)
{
    for (int i = 0; i < TRUST_POLICIES; i++) {
        if (strcmp(policies[i], name) == 0) {
            *out = (enum trust_policy)i;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "\"%.100s\" is not a policy: disable, trust-on-first-use or enable", name);
}

bool policy_read(const void *bytes, size_t length, enum trust_policy *out)
{
    uint64_t policy;
    bool sound = wire_number(bytes, length, POLICY_POLICY, &policy) && policy < TRUST_POLICIES;

    if (sound)
        *out = (enum trust_policy)policy;
    return sound;
}

int policy_get(struct store_txn *txn, enum trust_zone zone, enum trust_policy *out, struct error *err)
{
    MDB_val value;

    if (record_get(txn, DATABASE_POLICIES, record_key_text(trust_zone_name(zone)), &value))
        return policy_read(value.mv_data, value.mv_size, out) ? 0
                                                              : record_damaged(txn, DATABASE_POLICIES, err);
    *out = TRUST_POLICY_FIRST_USE;
    return record_status(txn, err);
}

int policy_set(struct store_txn *txn, enum trust_zone zone, enum trust_policy policy, struct error *err)
{
    Record__Policy record = RECORD__POLICY__INIT;

    if ((unsigned)zone >= TRUST_ZONES || (unsigned)policy >= TRUST_POLICIES)
        return error_set(err, ERROR_INVALID_ARGUMENT, "no such trust zone or policy");
    record.policy = policy;
    record_put(txn, DATABASE_POLICIES, STORE_SCOPE_PAIR, record_key_text(zones[zone]), &record.base);
    return record_status(txn, err);
}
