#include "store/expiry.h"

#include "store/ca.h"
#include "store/certificate.h"
#include "store/own_ca.h"
#include "store/pair.h"
#include "store/pin.h"
#include "store/purpose_end.h"
#include "store/setting.h"
#include "store/trust_certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *expiry_kind_name(enum expiry_kind kind)
{
    static const char *const names[EXPIRY_KINDS] = {
        [EXPIRY_OWN] = "own",       [EXPIRY_ISSUER] = "issuer",   [EXPIRY_CA] = "ca",
        [EXPIRY_PINNED] = "pinned", [EXPIRY_PURPOSE] = "purpose", [EXPIRY_TRUST] = "trust"};

    return (unsigned)kind < EXPIRY_KINDS ? names[kind] : "unknown";
}

#define DAY_MS (24 * 3600 * 1000LL)

int expiry_passed(int64_t not_after_ms, int64_t after_ms, int64_t now_ms)
{
    static const int days[] = {0, 1, 7, 30, 90};

    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        int64_t moment_ms = not_after_ms - days[i] * DAY_MS;

        if (moment_ms <= now_ms)
            return moment_ms > after_ms ? days[i] : -1;
    }
    return -1;
}

struct walk {
    struct store_txn *txn;
    int (*each)(void *arg, const struct expiry *expiry);
    void *arg;
    enum trust_zone zone;
    uint8_t own[FINGERPRINT_SIZE]; /* zeros: there is none */
    bool ended;
};

static void give(struct walk *walk, const struct expiry *expiry)
{
    if (!walk->ended)
        walk->ended = walk->each(walk->arg, expiry) != 0;
}

static int give_own(struct walk *walk, struct error *err)
{
    struct expiry expiry = {.kind = EXPIRY_OWN, .name = "server"};
    struct certificate_facts facts;
    struct error cause = {0};
    const uint8_t *value;
    size_t length;

    if (setting_get(walk->txn, OWN_CERTIFICATE_SETTING, &value, &length, &cause) != 0) {
        if (cause.code == ERROR_NOT_FOUND)
            return 0;
        if (err != NULL)
            *err = cause;
        return -1;
    }
    if (length != FINGERPRINT_SIZE)
        return 0;
    memcpy(walk->own, value, FINGERPRINT_SIZE);
    if (certificate_get(walk->txn, walk->own, &facts, NULL, NULL, err) != 0)
        return -1;
    expiry.subject_slash = facts.subject_slash;
    expiry.not_after_ms = facts.not_after_ms;
    expiry.since_ms = facts.not_before_ms;
    give(walk, &expiry);
    return 0;
}

static int give_issuers(struct walk *walk, struct error *err)
{
    struct own_ca *list = NULL;
    size_t count = 0;
    int failed = own_ca_list(walk->txn, &list, &count, err);

    for (size_t i = 0; failed == 0 && i < count && !walk->ended; i++) {
        struct certificate_facts facts;

        failed = certificate_get(walk->txn, list[i].sha256, &facts, NULL, NULL, err);
        if (failed == 0)
            give(walk, &(struct expiry){.kind = EXPIRY_ISSUER,
                                        .name = list[i].alias,
                                        .subject_slash = facts.subject_slash,
                                        .not_after_ms = facts.not_after_ms,
                                        .since_ms = facts.not_before_ms});
    }
    free(list);
    return failed;
}

static int give_ca(void *arg, const struct ca_certificate *ca)
{
    struct walk *walk = arg;
    char name[CA_ALIAS_MAX + 32];
    const struct expiry expiry = {.kind = EXPIRY_CA,
                                  .name = name,
                                  .subject_slash = ca->subject_slash,
                                  .not_after_ms = ca->not_after_ms,
                                  .since_ms = ca->added_ms};

    snprintf(name, sizeof(name), "%s/%s", trust_zone_name(walk->zone), ca->alias);
    give(walk, &expiry);
    return walk->ended;
}

static int give_pin(struct walk *walk, const struct pin_row *row, struct error *err)
{
    struct pin pin;
    struct expiry expiry = {.kind = EXPIRY_PINNED};

    if (pin_decode(walk->txn, row, &pin, err) != 0)
        return -1;
    if (pin.scope == STORE_SCOPE_NODE && memcmp(pin.certificate, walk->own, FINGERPRINT_SIZE) == 0)
        return 0;
    expiry.name = pin.host;
    expiry.subject_slash = pin.subject_slash;
    expiry.not_after_ms = pin.not_after_ms;
    expiry.since_ms = pin.first_seen_ms;
    give(walk, &expiry);
    return 0;
}

static int give_pins(struct walk *walk, struct error *err)
{
    struct pin_cursor *cursor = pin_cursor_open(walk->txn, err);
    bool standby = !store_is_active(walk->txn);
    struct pin_row row;
    int got;

    if (cursor == NULL)
        return -1;
    while (!walk->ended && (got = pin_cursor_next(cursor, &row, err)) == 1) {
        if (!(row.from_peer && standby) && (got = give_pin(walk, &row, err)) != 0)
            break;
    }
    pin_cursor_close(cursor);
    return walk->ended || got >= 0 ? 0 : -1;
}

static int give_purpose(void *arg, const struct purpose_end *end)
{
    struct walk *walk = arg;
    const struct expiry expiry = {.kind = EXPIRY_PURPOSE,
                                  .name = end->purpose,
                                  .subject_slash = end->subject_slash,
                                  .not_after_ms = end->not_after_ms,
                                  .since_ms = end->since_ms};

    give(walk, &expiry);
    return walk->ended;
}

/* What a node shows there of its own is told of by that node. */
static int give_trusted(void *arg, const struct trust_certificate *certificate)
{
    struct walk *walk = arg;
    char name[TRUST_FILE_MAX + 40];
    const struct expiry expiry = {.kind = EXPIRY_TRUST,
                                  .name = name,
                                  .subject_slash = certificate->subject_slash,
                                  .not_after_ms = certificate->not_after_ms,
                                  .since_ms = certificate->when_ms};

    snprintf(name, sizeof(name), "%s/%s", certificate->store, certificate->file);
    if (certificate->node[0] == '\0' && certificate->not_after_ms != 0)
        give(walk, &expiry);
    return walk->ended;
}

int expiry_each(struct store_txn *txn, int (*each)(void *arg, const struct expiry *expiry), void *arg,
                struct error *err)
{
    struct walk walk = {.txn = txn, .each = each, .arg = arg};

    if (give_own(&walk, err) != 0 || give_issuers(&walk, err) != 0)
        return -1;
    for (int zone = 0; zone < TRUST_ZONES && !walk.ended; zone++) {
        walk.zone = (enum trust_zone)zone;
        if (ca_each(txn, walk.zone, give_ca, &walk, err) != 0)
            return -1;
    }
    if (!walk.ended && purpose_end_each(txn, give_purpose, &walk, err) != 0)
        return -1;
    if (!walk.ended && trust_certificate_each(txn, NULL, give_trusted, &walk, err) != 0)
        return -1;
    return walk.ended ? 0 : give_pins(&walk, err);
}
