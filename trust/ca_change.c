#include "trust/internal.h"

#include "base/clock.h"
#include "x509/chain.h"
#include "x509/x509.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEM_DIGITS 16 /* of the SHA-256, in the alias of a CA certificate of the system's bundle */

/* What a zone has. */
struct zone_list {
    struct ca_certificate *items; /* without their texts */
    size_t count;
    bool failed;
};

static int list_one(void *arg, const struct ca_certificate *ca)
{
    struct zone_list *list = arg;

    if ((list->count & (list->count - 1)) == 0) {
        struct ca_certificate *grown =
            realloc(list->items, (list->count == 0 ? 1 : 2 * list->count) * sizeof(*grown));

        list->failed = grown == NULL;
        if (grown == NULL)
            return -1;
        list->items = grown;
    }
    list->items[list->count] = *ca;
    list->items[list->count++].subject_slash = "";
    return 0;
}

/* Free `items` afterwards, also where it failed. */
static int list_zone(struct store_txn *txn, enum trust_zone zone, struct zone_list *list, struct error *err)
{
    *list = (struct zone_list){0};
    if (ca_each(txn, zone, list_one, list, err) != 0)
        return -1;
    return list->failed ? error_set(err, ERROR_INTERNAL, "out of memory") : 0;
}

static bool has_certificate(const struct zone_list *list, const uint8_t sha256[FINGERPRINT_SIZE],
                            enum ca_source least)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].source >= least && memcmp(list->items[i].sha256, sha256, FINGERPRINT_SIZE) == 0)
            return true;
    }
    return false;
}

static int check_room(const struct zone_list *list, enum trust_zone zone, struct error *err)
{
    if (list->count < TRUST_CAS_MAX)
        return 0;
    return error_set(err, ERROR_CONFLICT,
                     "the trust store of the zone %s holds %d CA certificates, and no more fit",
                     trust_zone_name(zone), TRUST_CAS_MAX);
}

static int add_one(struct store_txn *txn, enum trust_zone zone, struct ca_certificate *ca, X509 *certificate,
                   struct zone_list *list, struct error *err)
{
    struct certificate_facts *facts = NULL;
    int result = -1;

    if (check_room(list, zone, err) == 0 && trust_put_certificate(txn, certificate, &facts, err) == 0) {
        memcpy(ca->sha256, facts->sha256, FINGERPRINT_SIZE);
        ca->added_ms = clock_wall_ms();
        ca->subject_slash = facts->subject_slash;
        ca->not_after_ms = facts->not_after_ms;
        result = ca_add(txn, zone, ca, err);
        if (result == 0 && list_one(list, ca) != 0)
            result = error_set(err, ERROR_INTERNAL, "out of memory");
    }
    x509_facts_free(facts);
    return result;
}

/* May it be trusted to vouch for others, or at least for itself? */
static int check_ca(X509 *certificate, int64_t now_ms, struct error *err)
{
    int64_t not_before_ms;
    int64_t not_after_ms;
    char when[CLOCK_TEXT_MAX];

    if (x509_check_form(certificate, err) != 0 ||
        x509_validity(certificate, &not_before_ms, &not_after_ms, err) != 0)
        return -1;
    clock_format(not_after_ms, when);
    if (not_after_ms < now_ms)
        return error_set(err, ERROR_UNTRUSTED, "it expired on %s", when);
    if (X509_check_ca(certificate) == 0 && !x509_is_self_signed(certificate)) {
        error_set(err, ERROR_UNTRUSTED, "it is neither a CA's nor self-signed");
        return error_hint(err, "take in the certificate of the CA that issued it instead");
    }
    return 0;
}

/* Puts in front of the sentence which certificate of the file it is about. */
static int about(X509 *certificate, int number, const struct error *why, struct error *err)
{
    char *subject = x509_subject_reversed(certificate, NULL);
    char shown[200];

    trust_copy_cut(shown, sizeof(shown), subject);
    free(subject);
    error_set(err, why->code, "certificate %d of the file, %s, was not imported, and no other: %s", number,
              shown, why->message);
    return why->hint[0] != '\0' ? error_hint(err, "%s", why->hint) : -1;
}

static int add_numbered(struct store_txn *txn, enum trust_zone zone, const char *alias,
                        STACK_OF(X509) * bundle, int number, struct zone_list *list,
                        struct trust_ca_count *count, struct error *err)
{
    X509 *certificate = sk_X509_value(bundle, number);
    struct ca_certificate ca = {.source = CA_IMPORTED};
    uint8_t sha256[FINGERPRINT_SIZE];
    struct error why = {0};
    int length;

    if (check_ca(certificate, clock_wall_ms(), &why) != 0)
        return about(certificate, number + 1, &why, err);
    if (x509_fingerprint(certificate, sha256, err) != 0)
        return -1;
    if (has_certificate(list, sha256, CA_IMPORTED)) {
        count->known++;
        return 0;
    }
    if (sk_X509_num(bundle) == 1)
        length = snprintf(ca.alias, sizeof(ca.alias), "%s", alias);
    else
        length = snprintf(ca.alias, sizeof(ca.alias), "%s-%d", alias, number + 1);
    if (length >= (int)sizeof(ca.alias))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the alias %s-%d is too long", alias, number + 1);
    if (add_one(txn, zone, &ca, certificate, list, err) != 0)
        return -1;
    count->added++;
    return 0;
}

int trust_ca_add(struct store_txn *txn, enum trust_zone zone, const char *alias, STACK_OF(X509) * bundle,
                 struct trust_ca_count *count, struct error *err)
{
    struct zone_list list;
    int result = ca_check_alias(alias, err);

    *count = (struct trust_ca_count){0};
    if (result != 0)
        return -1;
    result = list_zone(txn, zone, &list, err);
    for (int i = 0; result == 0 && i < sk_X509_num(bundle); i++)
        result = add_numbered(txn, zone, alias, bundle, i, &list, count, err);
    free(list.items);
    if (result == 0 && count->added == 0)
        result = error_set(err, ERROR_CONFLICT, "the trust store of the zone %s has %s already",
                           trust_zone_name(zone),
                           sk_X509_num(bundle) == 1 ? "this CA certificate" : "all of these CA certificates");
    return result;
}

static int follow_one(struct store_txn *txn, enum trust_zone zone, X509 *certificate, struct zone_list *list,
                      struct trust_ca_count *count, struct error *err)
{
    struct ca_certificate ca = {.source = CA_SYSTEM};
    uint8_t sha256[FINGERPRINT_SIZE];
    char digits[SYSTEM_DIGITS + 1];

    if (check_ca(certificate, clock_wall_ms(), NULL) != 0) {
        count->skipped++;
        return 0;
    }
    if (x509_fingerprint(certificate, sha256, err) != 0)
        return -1;
    if (has_certificate(list, sha256, CA_SYSTEM)) {
        count->known++;
        return 0;
    }
    for (size_t i = 0; i < SYSTEM_DIGITS / 2; i++)
        snprintf(digits + 2 * i, 3, "%02x", sha256[i]);
    snprintf(ca.alias, sizeof(ca.alias), "system-%s", digits);
    if (add_one(txn, zone, &ca, certificate, list, err) != 0)
        return -1;
    count->added++;
    return 0;
}

static bool is_in(STACK_OF(X509) * bundle, const uint8_t sha256[FINGERPRINT_SIZE])
{
    uint8_t other[FINGERPRINT_SIZE];

    for (int i = 0; i < sk_X509_num(bundle); i++) {
        if (x509_fingerprint(sk_X509_value(bundle, i), other, NULL) == 0 &&
            memcmp(sha256, other, FINGERPRINT_SIZE) == 0)
            return true;
    }
    return false;
}

int trust_ca_follow(struct store_txn *txn, enum trust_zone zone, STACK_OF(X509) * bundle,
                    struct trust_ca_count *count, struct error *err)
{
    struct zone_list list;
    int result = list_zone(txn, zone, &list, err);

    *count = (struct trust_ca_count){0};
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const struct ca_certificate *ca = &list.items[i];

        if (ca->source != CA_SYSTEM || is_in(bundle, ca->sha256))
            continue;
        result = ca_delete(txn, zone, ca->alias, err);
        count->removed++;
    }
    for (int i = 0; result == 0 && i < sk_X509_num(bundle); i++)
        result = follow_one(txn, zone, sk_X509_value(bundle, i), &list, count, err);
    free(list.items);
    return result;
}

int trust_ca_clear(struct store_txn *txn, enum trust_zone zone, struct trust_ca_count *count,
                   struct error *err)
{
    struct zone_list list;
    int result = list_zone(txn, zone, &list, err);

    *count = (struct trust_ca_count){0};
    if (result == 0 && list.count == 0)
        result = error_set(err, ERROR_NOT_FOUND, "the trust store of the zone %s is empty already",
                           trust_zone_name(zone));
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        result = ca_delete(txn, zone, list.items[i].alias, err);
        count->removed++;
    }
    free(list.items);
    return result;
}

static int count_one(void *arg, const struct ca_certificate *ca)
{
    size_t *count = arg;

    (void)ca;
    ++*count;
    return 0;
}

static int count_pins(struct store_txn *txn, enum trust_zone zone, size_t *count, struct error *err)
{
    struct pin_cursor *cursor = pin_cursor_open(txn, err);
    struct pin_row row;
    struct pin pin;
    int got;

    if (cursor == NULL)
        return -1;
    while ((got = pin_cursor_next(cursor, &row, err)) == 1) {
        got = pin_decode(txn, &row, &pin, err);
        if (got != 0)
            break;
        *count += pin.zone == zone;
    }
    pin_cursor_close(cursor);
    return got;
}

int trust_count_holdings(struct store_txn *txn, enum trust_zone zone, struct trust_holdings *out,
                         struct error *err)
{
    *out = (struct trust_holdings){0};
    if (ca_each(txn, zone, count_one, &out->cas, err) != 0)
        return -1;
    return count_pins(txn, zone, &out->pins, err);
}

int trust_set_policy(struct store_txn *txn, enum trust_zone zone, enum trust_policy policy, struct error *err)
{
    return policy_set(txn, zone, policy, err);
}
