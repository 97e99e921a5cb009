/* The authentication key of the pair: the one that is kept, and one that is only tried. */
#include "daemon/pair_private.h"
#include "ha/proof.h"

#include <openssl/crypto.h>

int pair_key(void *arg, struct proof_key *out, struct error *err)
{
    struct pair *pair = arg;
    struct error why = {0};
    struct store_txn *txn;
    bool found = false;
    int result;

    pthread_mutex_lock(&pair->lock);
    if (pair->has_trial_key) {
        *out = pair->trial_key;
        found = true;
    }
    pthread_mutex_unlock(&pair->lock);
    if (found)
        return 0;
    txn = store_read(pair->node->store, err);
    if (txn == NULL)
        return -1;
    result = pair_key_get(txn, pair->node->seal, PAIR_KEY_AUTHENTICATION, out->bytes, &why);
    store_end(txn);
    if (result == 0)
        return 0;
    if (why.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    error_set(err, ERROR_CONFLICT, "no authentication key is set on this server");
    return error_hint(err, "set the same one on both servers with `ncs ha authkey`");
}

struct key_change {
    struct pair *pair;
    struct proof_key key;
};

static int write_key(struct store_txn *txn, void *arg, struct error *err)
{
    const struct key_change *change = arg;

    return pair_key_set(txn, change->pair->node->seal, PAIR_KEY_AUTHENTICATION, change->key.bytes, err);
}

/* Who proved the key before has proved nothing any more: its connections end, or prove the new one. */
static void forget_proofs(struct pair *pair)
{
    pthread_mutex_lock(&pair->lock);
    if (pair->links != NULL)
        link_server_forget_proofs(pair->links);
    pthread_mutex_unlock(&pair->lock);
    pthread_mutex_lock(&pair->carrying);
    if (pair->sender != NULL)
        ha_sender_end_streams(pair->sender);
    pthread_mutex_unlock(&pair->carrying);
}

int pair_set_authkey(struct pair *pair, const char *authkey, struct error *err)
{
    struct key_change change = {.pair = pair};
    struct proof_key before = {0};
    int failed = proof_authkey_check(authkey, err);

    if (failed == 0)
        failed = proof_key_derive(authkey, &change.key, err);
    pair_key(pair, &before, NULL);
    if (failed == 0)
        failed = store_run(pair->node->store, write_key, &change, err);
    if (failed == 0 && CRYPTO_memcmp(&before, &change.key, sizeof(before)) != 0)
        forget_proofs(pair);
    OPENSSL_cleanse(&before, sizeof(before));
    OPENSSL_cleanse(&change, sizeof(change));
    return failed;
}

/* ---- the key that was typed counts while it is tried, and is kept once the pair stands ---- */

int pair_try_key(struct pair *pair, const char *authkey, struct error *err)
{
    struct proof_key key;

    if (authkey == NULL)
        return 0;
    if (proof_authkey_check(authkey, err) != 0 || proof_key_derive(authkey, &key, err) != 0)
        return -1;
    pthread_mutex_lock(&pair->lock);
    pair->trial_key = key;
    pair->has_trial_key = true;
    pthread_mutex_unlock(&pair->lock);
    OPENSSL_cleanse(&key, sizeof(key));
    return 0;
}

void pair_forget_tried_key(struct pair *pair)
{
    pthread_mutex_lock(&pair->lock);
    pair->has_trial_key = false;
    OPENSSL_cleanse(&pair->trial_key, sizeof(pair->trial_key));
    pthread_mutex_unlock(&pair->lock);
}
