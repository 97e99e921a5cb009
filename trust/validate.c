#include "trust/validate.h"

#include "trust/anchors.h"
#include "trust/chain.h"
#include "trust/revocation.h"

static enum trust_outcome refuse_all(const struct validation *validation, struct trust_verdict *verdict)
{
    const char *zone = trust_zone_name(validation->request->zone);

    error_set(&verdict->error, ERROR_UNTRUSTED, "the trust store of the zone %s holds no CA certificate",
              zone);
    error_hint(&verdict->error,
               "ncs certvalidation trusted-ca-store importcacert alias <alias> repository <name> <file> "
               "truststore %s",
               zone);
    return TRUST_NO_ISSUER;
}

static int check_revocation(const struct validation *validation, X509_STORE *anchors, STACK_OF(X509) * path,
                            struct trust_verdict *verdict, enum trust_outcome *outcome, struct error *err)
{
    struct ocsp_setting setting;
    const struct revocation revocation = {.path = path,
                                          .anchors = anchors,
                                          .shown = validation->shown,
                                          .setting = &setting,
                                          .now_ms = validation->now_ms,
                                          .need = validation->need};

    if (ocsp_setting_get(validation->txn, &setting, err) != 0)
        return -1;
    *outcome = revocation_check(&revocation, verdict);
    return 0;
}

int validate(const struct validation *validation, struct trust_verdict *verdict, enum trust_outcome *outcome,
             struct error *err)
{
    STACK_OF(X509) *path = NULL;
    struct anchors anchors;
    int result = 0;

    if (anchors_get(validation->txn, validation->node, validation->request->zone, &anchors, err) != 0)
        return -1;
    if (anchors.count == 0)
        *outcome = refuse_all(validation, verdict);
    else
        *outcome = chain_verify(&anchors, validation->request, validation->shown, validation->now_ms, &path,
                                verdict);
    if (*outcome == TRUST_VALIDATED)
        result = check_revocation(validation, anchors.store, path, verdict, outcome, err);
    sk_X509_pop_free(path, X509_free);
    X509_STORE_free(anchors.store);
    return result;
}
