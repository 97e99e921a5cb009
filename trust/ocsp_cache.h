/*
 * What OCSP responders said, in the memory of this process: answers until their nextUpdate, failures for a
 * while. Safe from any thread. Only for this folder.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OCSP_KEY_SIZE 32 /* a SHA-256 */
#define OCSP_WHY_MAX 256

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN, OCSP_NO_ANSWER };

struct ocsp_entry {
    enum ocsp_status status;
    int64_t revoked_ms;     /* OCSP_REVOKED */
    int64_t until_ms;       /* wall clock: it counts no longer */
    char why[OCSP_WHY_MAX]; /* OCSP_REVOKED: the reason; OCSP_NO_ANSWER: what went wrong; else "" */
};

bool ocsp_cache_get(const uint8_t key[OCSP_KEY_SIZE], int64_t now_ms, struct ocsp_entry *out);

/* Takes the place of what is known of this key, or else of what counts the shortest among a few. */
void ocsp_cache_put(const uint8_t key[OCSP_KEY_SIZE], const struct ocsp_entry *entry);
