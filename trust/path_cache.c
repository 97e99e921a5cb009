#include "trust/path_cache.h"

#include "x509/x509.h"

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
    uint64_t anchors; /* 0: free */
    uint8_t sha256[FINGERPRINT_SIZE];
    uint8_t chain[FINGERPRINT_SIZE]; /* of all that was shown besides */
    struct step steps[CHAIN_MOST];
    int count;       /* 0: seen only */
    int64_t from_ms; /* when all of its certificates are valid */
    int64_t to_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept table[SETS][WAYS];
static unsigned next_way[SETS]; /* the one that makes room */

/* Of what was sent, each in its place: a path says by places what it is made of. */
static bool hash_chain(const struct path_shown *shown, uint8_t out[FINGERPRINT_SIZE])
{
    uint8_t bytes[CHAIN_MOST * FINGERPRINT_SIZE] = {0};
    int count = shown->chain == NULL ? 0 : sk_X509_num(shown->chain);

    if (count > CHAIN_MOST)
        return false;
    for (int i = 0; i < count; i++) {
        X509 *sent = sk_X509_value(shown->chain, i);

        if (sent != shown->certificate && x509_fingerprint(sent, bytes + i * FINGERPRINT_SIZE, NULL) != 0)
            return false;
    }
    return x509_hash(bytes, (size_t)count * FINGERPRINT_SIZE, out, NULL) == 0;
}

static void drop(struct kept *kept)
{
    for (int i = 0; i < kept->count; i++)
        X509_free(kept->steps[i].anchor);
    kept->count = 0;
}

/* With the lock held: the server's place; NULL: it has none. */
static struct kept *find(const struct path_shown *shown)
{
    struct kept *set = table[shown->sha256[0] & (SETS - 1)];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].anchors == shown->anchors && memcmp(set[i].sha256, shown->sha256, FINGERPRINT_SIZE) == 0)
            return &set[i];
    }
    return NULL;
}

/* The same; where there is none it makes one. */
static struct kept *make(const struct path_shown *shown)
{
    unsigned set = shown->sha256[0] & (SETS - 1);
    struct kept *place = find(shown);

    if (place != NULL)
        return place;
    place = &table[set][next_way[set]++ % WAYS];
    drop(place);
    place->anchors = shown->anchors;
    memcpy(place->sha256, shown->sha256, FINGERPRINT_SIZE);
    return place;
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

bool path_cache_get(const struct path_shown *shown, int64_t now_ms, STACK_OF(X509) * *path)
{
    uint8_t chain[FINGERPRINT_SIZE];
    const struct kept *kept;
    bool seen, worth;

    *path = NULL;
    pthread_mutex_lock(&lock);
    kept = find(shown);
    seen = kept != NULL;
    worth = seen && kept->count > 0;
    if (!seen)
        make(shown);
    pthread_mutex_unlock(&lock);
    if (!worth || !hash_chain(shown, chain))
        return seen;
    pthread_mutex_lock(&lock);
    kept = find(shown);
    if (kept != NULL && kept->count > 0 && memcmp(kept->chain, chain, FINGERPRINT_SIZE) == 0 &&
        kept->from_ms <= now_ms && now_ms < kept->to_ms)
        *path = build(kept, shown->certificate, shown->chain);
    pthread_mutex_unlock(&lock);
    return *path == NULL;
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

void path_cache_put(const struct path_shown *shown, STACK_OF(X509) * path)
{
    struct kept entry = {
        .anchors = shown->anchors, .from_ms = INT64_MIN, .to_ms = INT64_MAX, .count = sk_X509_num(path)};
    struct kept *place;

    if (entry.count > CHAIN_MOST || !hash_chain(shown, entry.chain))
        return;
    for (int i = 0; i < entry.count; i++) {
        X509 *one = sk_X509_value(path, i);
        int64_t from_ms;
        int64_t to_ms;

        if (x509_validity(one, &from_ms, &to_ms, NULL) != 0)
            return;
        entry.from_ms = from_ms > entry.from_ms ? from_ms : entry.from_ms;
        entry.to_ms = to_ms < entry.to_ms ? to_ms : entry.to_ms;
        entry.steps[i] = step_of(one, shown->certificate, shown->chain);
    }
    memcpy(entry.sha256, shown->sha256, FINGERPRINT_SIZE);
    for (int i = 0; i < entry.count; i++) {
        if (entry.steps[i].anchor != NULL)
            X509_up_ref(entry.steps[i].anchor);
    }
    pthread_mutex_lock(&lock);
    place = make(shown);
    drop(place);
    *place = entry;
    pthread_mutex_unlock(&lock);
}
