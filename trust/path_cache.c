#include "trust/path_cache.h"

#include "x509/x509.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define SETS 64      /* a power of two */
#define WAYS 4       /* chains of a set */
#define CHAIN_MOST 8 /* certificates shown, or of a path; with more it is not worth it */

/* One certificate of a path: a shown one by its place, or one of the zone's. */
struct step {
    int shown;    /* in the chain; -1: the server's own; -2: `anchor` */
    X509 *anchor; /* shared with the zone's other users */
};
#define SHOWN_SERVER -1
#define SHOWN_NONE -2

struct kept {
    uint8_t key[FINGERPRINT_SIZE];
    struct step steps[CHAIN_MOST];
    int count;       /* 0: free */
    int64_t from_ms; /* when all of its certificates are valid */
    int64_t to_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept table[SETS][WAYS];
static unsigned next_way[SETS]; /* the one that makes room */

bool path_cache_key(uint64_t anchors, X509 *certificate, STACK_OF(X509) * chain,
                    uint8_t key[FINGERPRINT_SIZE])
{
    uint8_t bytes[sizeof(anchors) + (CHAIN_MOST + 1) * FINGERPRINT_SIZE];
    size_t length = sizeof(anchors);
    int count = chain == NULL ? 0 : sk_X509_num(chain);

    if (count > CHAIN_MOST)
        return false;
    memcpy(bytes, &anchors, sizeof(anchors));
    if (x509_fingerprint(certificate, bytes + length, NULL) != 0)
        return false;
    length += FINGERPRINT_SIZE;
    for (int i = 0; i < count; i++) {
        X509 *sent = sk_X509_value(chain, i);

        /* Its place counts as well: a path says by places what it is made of. */
        if (sent == certificate)
            memset(bytes + length, 0, FINGERPRINT_SIZE);
        else if (x509_fingerprint(sent, bytes + length, NULL) != 0)
            return false;
        length += FINGERPRINT_SIZE;
    }
    return EVP_Digest(bytes, length, key, NULL, EVP_sha256(), NULL) == 1;
}

/* The key is a hash already. */
static unsigned set_of(const uint8_t key[FINGERPRINT_SIZE])
{
    return key[0] & (SETS - 1);
}

static STACK_OF(X509) * build(const struct kept *kept, X509 *certificate, STACK_OF(X509) * chain)
{
    STACK_OF(X509) *path = sk_X509_new_reserve(NULL, kept->count);

    for (int i = 0; path != NULL && i < kept->count; i++) {
        const struct step *step = &kept->steps[i];
        X509 *one = step->shown == SHOWN_SERVER ? certificate
                    : step->shown == SHOWN_NONE ? step->anchor
                                                : sk_X509_value(chain, step->shown);

        X509_up_ref(one);
        sk_X509_push(path, one);
    }
    return path;
}

STACK_OF(X509) * path_cache_get(const uint8_t key[FINGERPRINT_SIZE], int64_t now_ms, X509 *certificate,
                                STACK_OF(X509) * chain)
{
    STACK_OF(X509) *path = NULL;
    const struct kept *set = table[set_of(key)];

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WAYS && path == NULL; i++) {
        if (set[i].count > 0 && memcmp(set[i].key, key, FINGERPRINT_SIZE) == 0 && set[i].from_ms <= now_ms &&
            now_ms < set[i].to_ms)
            path = build(&set[i], certificate, chain);
    }
    pthread_mutex_unlock(&lock);
    return path;
}

static struct step step_of(X509 *one, X509 *certificate, STACK_OF(X509) * chain)
{
    int count = chain == NULL ? 0 : sk_X509_num(chain);

    if (one == certificate)
        return (struct step){.shown = SHOWN_SERVER};
    for (int i = 0; i < count; i++) {
        if (sk_X509_value(chain, i) == one)
            return (struct step){.shown = i};
    }
    return (struct step){.shown = SHOWN_NONE, .anchor = one};
}

static void drop(struct kept *kept)
{
    for (int i = 0; i < kept->count; i++)
        X509_free(kept->steps[i].anchor);
    kept->count = 0;
}

void path_cache_put(const uint8_t key[FINGERPRINT_SIZE], STACK_OF(X509) * path, X509 *certificate,
                    STACK_OF(X509) * chain)
{
    struct kept entry = {.from_ms = INT64_MIN, .to_ms = INT64_MAX, .count = sk_X509_num(path)};
    unsigned set = set_of(key);
    struct kept *place;

    if (entry.count > CHAIN_MOST)
        return;
    for (int i = 0; i < entry.count; i++) {
        X509 *one = sk_X509_value(path, i);
        int64_t from_ms;
        int64_t to_ms;

        if (x509_validity(one, &from_ms, &to_ms, NULL) != 0)
            return;
        entry.from_ms = from_ms > entry.from_ms ? from_ms : entry.from_ms;
        entry.to_ms = to_ms < entry.to_ms ? to_ms : entry.to_ms;
        entry.steps[i] = step_of(one, certificate, chain);
    }
    memcpy(entry.key, key, FINGERPRINT_SIZE);
    for (int i = 0; i < entry.count; i++) {
        if (entry.steps[i].anchor != NULL)
            X509_up_ref(entry.steps[i].anchor);
    }
    pthread_mutex_lock(&lock);
    place = &table[set][next_way[set]++ % WAYS];
    drop(place);
    *place = entry;
    pthread_mutex_unlock(&lock);
}
