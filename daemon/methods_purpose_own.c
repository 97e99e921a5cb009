/* The methods that bring in the certificates that a CA signed for the node. */
#include "base/clock.h"
#include "daemon/purpose_bundle.h"
#include "store/trust_certificate.h"
#include "x509/chain.h"

#include <string.h>
#include <strings.h>

/* The roots come from the trust store alone; only intermediate ones may come with the certificate. */
static int add_intermediates(STACK_OF(X509) * pool, STACK_OF(X509) * bundle, struct error *err)
{
    for (int i = 0; i < sk_X509_num(bundle); i++) {
        X509 *certificate = sk_X509_value(bundle, i);

        if (x509_is_self_signed(certificate))
            continue;
        if (sk_X509_push(pool, certificate) <= 0)
            return error_set(err, ERROR_INTERNAL, "out of memory");
        X509_up_ref(certificate);
    }
    return 0;
}

static int check_root_named(const struct request *request, struct store_txn *txn,
                            const struct purpose *purpose, struct error *err)
{
    const char *root = json_string_value(json_object_get(request->params, "root"));
    struct trust_certificate there;

    if (root == NULL)
        return 0;
    if (strncasecmp(root, purpose->chain, strlen(purpose->chain)) == 0 && root[strlen(purpose->chain)] == '/')
        root += strlen(purpose->chain) + 1;
    if (trust_certificate_get(txn, purpose->chain, root, &there, err) == 0)
        return 0;
    return error_hint(err, "import it first: set cert import trust %s", purpose->chain);
}

static int find_chain(const struct request *request, const struct purpose *purpose, struct identity *identity,
                      STACK_OF(X509) * bundle, struct error *err)
{
    struct store_txn *txn = store_read(request->node->store, err);
    STACK_OF(X509) *pool = NULL;
    int failed = txn == NULL || check_root_named(request, txn, purpose, err) != 0 ? -1 : 0;

    if (failed == 0)
        pool = purpose_trusted(txn, purpose->chain, err);
    if (txn != NULL)
        store_end(txn);
    if (pool == NULL)
        return -1;
    failed = add_intermediates(pool, bundle, err);
    if (failed == 0 && x509_is_self_signed(identity->certificate))
        failed = error_set(err, ERROR_UNTRUSTED, "the certificate is self-signed, not signed by a CA");
    if (failed == 0 && x509_build_chain(identity->certificate, pool, &identity->chain, err) != 0) {
        failed = -1;
        error_hint(err, "import the root certificate first: set cert import trust %s", purpose->chain);
    }
    x509_bundle_free(pool);
    return failed;
}

static int accept_own(struct request *request, const struct purpose *purpose, struct identity *identity,
                      STACK_OF(X509) * bundle, struct error *err)
{
    char hostname[HOST_TEXT_MAX];
    const struct node_names names = own_key_names(request->node, hostname);

    if (purpose_accept(purpose, identity->certificate, &names, clock_wall_ms(), err) != 0 ||
        find_chain(request, purpose, identity, bundle, err) != 0)
        return -1;
    return purpose_is_https(purpose) ? own_key_check_servable(identity, err) : 0;
}

static int import_for(struct request *request, const struct purpose *purpose, const struct pending *pending,
                      STACK_OF(X509) * bundle, struct error *err)
{
    struct identity identity = {0};
    char made[CLOCK_TEXT_MAX];
    int failed;

    if (pending == NULL) {
        error_set(err, ERROR_CONFLICT,
                  "no signing request for %s is pending, so there is no key for its certificate",
                  purpose->name);
        return error_hint(err, "make one first: set csr gen %s", purpose->name);
    }
    identity.key = pending->key;
    identity.certificate = x509_bundle_take(bundle, pending->key);
    if (identity.certificate == NULL) {
        clock_format(pending->made_ms, made);
        error_set(
            err, ERROR_CONFLICT,
            "this is the certificate of another signing request: its public key is not that of the request "
            "for %s made %s",
            purpose->name, made);
        return error_hint(err, "the CA has to sign the newest request: show csr own %s", purpose->name);
    }
    failed = accept_own(request, purpose, &identity, bundle, err);
    if (failed == 0)
        failed = purpose_keep_waiting(request, purpose, &identity, err);
    X509_free(identity.certificate);
    x509_bundle_free(identity.chain);
    return failed;
}

static int import_own(struct request *request, json_t **result, struct error *err)
{
    const char *name = request_text(request, "purpose", err);
    const struct purpose *purpose = name == NULL ? NULL : purpose_find(name, err);
    STACK_OF(X509) *bundle = purpose == NULL ? NULL : purpose_read_bundle(request, err);
    struct purpose_state state = {0};
    int failed = -1;

    if (bundle == NULL)
        return -1;
    pthread_mutex_lock(&request->node->own_key->change);
    if (!purpose->can_request)
        error_set(err, ERROR_INVALID_ARGUMENT,
                  "no certificate of a CA is imported for %s: it is always self-signed", purpose->name);
    else if (purpose_read(request->node, purpose, &state, err) == 0)
        failed = import_for(request, purpose, state.pending, bundle, err);
    pthread_mutex_unlock(&request->node->own_key->change);
    if (failed == 0)
        *result = json_pack("{s:s}", "purpose", purpose->name);
    purpose_state_clear(&state);
    x509_bundle_free(bundle);
    return failed;
}

/* For the audit trail: what can never be done. */
static int delete_own(struct request *request, json_t **result, struct error *err)
{
    const char *name = request_text(request, "purpose", err);
    const struct purpose *purpose = name == NULL ? NULL : purpose_find(name, err);

    (void)result;
    if (purpose == NULL)
        return -1;
    error_set(err, ERROR_DENIED,
              "only certificates of trust stores can be deleted, not %s, which is the system's own",
              purpose->name);
    return error_hint(err, "make a new one with: set cert regen %s", purpose->name);
}

const struct method purpose_own_methods[] = {
    {"purpose.import", ACCOUNT_ADMIN, METHOD_CHANGES, import_own},
    {"purpose.delete", ACCOUNT_ADMIN, METHOD_CHANGES, delete_own},
};
const size_t purpose_own_method_count = sizeof(purpose_own_methods) / sizeof(purpose_own_methods[0]);
