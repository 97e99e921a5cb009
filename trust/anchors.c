#include "trust/anchors.h"

#include "store/ca.h"
#include "store/certificate.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define NODE_MAX 40
#define KEPT (2 * TRUST_ZONES) /* more than one store is open only in tests */

/* Building 150 takes as long as some hundred verdicts. */
struct kept {
    char node[NODE_MAX];
    enum trust_zone zone;
    uint64_t generation;
    struct anchors anchors; /* store NULL: free */
    uint64_t used;          /* when last, in the order of uses */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept kept[KEPT];
static uint64_t uses;
static uint64_t built; /* the number of the last one */

static bool is_same(const struct kept *one, const char *node, enum trust_zone zone)
{
    return one->anchors.store != NULL && one->zone == zone && strcmp(one->node, node) == 0;
}

static bool find(const char *node, enum trust_zone zone, uint64_t generation, struct anchors *out)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < KEPT && !found; i++) {
        if (!is_same(&kept[i], node, zone) || kept[i].generation != generation)
            continue;
        *out = kept[i].anchors;
        kept[i].used = ++uses;
        X509_STORE_up_ref(out->store);
        found = true;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* Gives it a number. Takes the place of the zone's former state, or of what was used longest ago. */
static void keep(const char *node, enum trust_zone zone, uint64_t generation, struct anchors *anchors)
{
    struct kept *place = &kept[0];

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < KEPT; i++) {
        if (is_same(&kept[i], node, zone)) {
            place = &kept[i];
            break;
        }
        if (kept[i].used < place->used)
            place = &kept[i];
    }
    anchors->number = ++built;
    X509_STORE_free(place->anchors.store);
    X509_STORE_up_ref(anchors->store);
    *place = (struct kept){.zone = zone, .generation = generation, .anchors = *anchors, .used = ++uses};
    snprintf(place->node, sizeof(place->node), "%s", node);
    pthread_mutex_unlock(&lock);
}

struct building {
    struct store_txn *txn;
    X509_STORE *anchors;
    size_t count;
    int result;
    struct error *err;
};

static int add_one(void *arg, const struct ca_certificate *ca)
{
    struct building *building = arg;
    struct certificate_facts facts;
    const uint8_t *der;
    size_t length;
    X509 *certificate;

    building->result = certificate_get(building->txn, ca->sha256, &facts, &der, &length, building->err);
    if (building->result != 0)
        return -1;
    certificate = x509_read((const char *)der, length, building->err);
    if (certificate == NULL || X509_STORE_add_cert(building->anchors, certificate) != 1)
        building->result =
            x509_error(building->err, ERROR_INTERNAL, "cannot use the CA certificate %s", ca->alias);
    X509_free(certificate);
    building->count++;
    return building->result;
}

static X509_STORE *build(struct store_txn *txn, enum trust_zone zone, size_t *count, struct error *err)
{
    struct building building = {.txn = txn, .anchors = X509_STORE_new(), .err = err};
    X509_VERIFY_PARAM *param;

    if (building.anchors == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    param = X509_STORE_get0_param(building.anchors);
    X509_VERIFY_PARAM_set_auth_level(param, ANCHORS_SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_depth(param, ANCHORS_DEPTH);
    /* What an admin put into the trust store is trusted, be it a root or not. */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    if (ca_each(txn, zone, add_one, &building, err) != 0 || building.result != 0) {
        X509_STORE_free(building.anchors);
        return NULL;
    }
    *count = building.count;
    return building.anchors;
}

int anchors_get(struct store_txn *txn, const char *node, enum trust_zone zone, struct anchors *out,
                struct error *err)
{
    struct ca_state state;

    *out = (struct anchors){0};
    if (ca_state_get(txn, zone, &state, err) != 0)
        return -1;
    if (find(node, zone, state.generation, out))
        return 0;
    out->store = build(txn, zone, &out->count, err);
    if (out->store == NULL)
        return -1;
    keep(node, zone, state.generation, out);
    return 0;
}
