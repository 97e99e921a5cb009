#include "trust/ocsp_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 512 /* a power of two */
#define WAYS 8   /* entries of a set */

struct kept {
    uint8_t key[OCSP_KEY_SIZE];
    struct ocsp_entry entry;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *table; /* made when first needed: most nodes never ask */

/* The key is a hash already. */
static struct kept *set_of(const uint8_t key[OCSP_KEY_SIZE])
{
    return table + (size_t)((key[0] | key[1] << 8) & (SETS - 1)) * WAYS;
}

bool ocsp_cache_get(const uint8_t key[OCSP_KEY_SIZE], int64_t now_ms, struct ocsp_entry *out)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; table != NULL && i < WAYS && !found; i++) {
        const struct kept *one = &set_of(key)[i];

        if (memcmp(one->key, key, OCSP_KEY_SIZE) == 0 && one->entry.until_ms > now_ms) {
            *out = one->entry;
            found = true;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void ocsp_cache_put(const uint8_t key[OCSP_KEY_SIZE], const struct ocsp_entry *entry)
{
    struct kept *place;

    pthread_mutex_lock(&lock);
    if (table == NULL)
        table = calloc(SETS * WAYS, sizeof(*table));
    if (table != NULL) {
        place = set_of(key);
        for (size_t i = 0; i < WAYS; i++) {
            struct kept *one = &set_of(key)[i];

            if (memcmp(one->key, key, OCSP_KEY_SIZE) == 0) {
                place = one;
                break;
            }
            if (one->entry.until_ms < place->entry.until_ms)
                place = one;
        }
        memcpy(place->key, key, OCSP_KEY_SIZE);
        place->entry = *entry;
    }
    pthread_mutex_unlock(&lock);
}
