/* The methods about pins: add, delete, accept, verify. */
#include "daemon/place.h"
#include "daemon/request.h"
#include "daemon/verify.h"
#include "net/probe.h"
#include "trust/trust.h"
#include "x509/x509.h"

#include <stdlib.h>
#include <string.h>

#define CERTIFICATE_FILE_MAX (1024 * 1024) /* bytes of a certificate file */

/* The host of the parameters in canonical form, as pins are kept. */
static int read_host(const struct request *request, struct host_port *host, char text[HOST_PORT_TEXT_MAX],
                     struct error *err)
{
    const char *typed = request_text(request, "host", err);

    if (typed == NULL || host_port_parse(typed, host, err) != 0)
        return -1;
    host_port_format(host, text);
    return 0;
}

struct pin_change {
    const struct request *request;
    struct trust_request trust;
    char host[HOST_PORT_TEXT_MAX];
    uint8_t sha256[FINGERPRINT_SIZE];
    X509 *certificate;
};

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct pin_change *change = arg;

    return trust_pin_delete(txn, change->host, change->request->who.user, err);
}

static int pin_delete_one(struct request *request, json_t **result, struct error *err)
{
    struct pin_change change = {.request = request};

    (void)result;
    if (read_host(request, &change.trust.host, change.host, err) != 0)
        return -1;
    return request_change(request, delete_job, &change, err);
}

static int accept_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct pin_change *change = arg;

    return trust_pin_accept(txn, change->host, change->sha256, change->request->who.user, err);
}

static int pin_accept_one(struct request *request, json_t **result, struct error *err)
{
    struct pin_change change = {.request = request};
    const char *fingerprint;

    (void)result;
    if (read_host(request, &change.trust.host, change.host, err) != 0)
        return -1;
    fingerprint = request_text(request, "fingerprint", err);
    if (fingerprint == NULL || fingerprint_parse(fingerprint, change.sha256, err) != 0)
        return -1;
    return request_change(request, accept_job, &change, err);
}

static int add_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct pin_change *change = arg;

    return trust_pin_add(txn, &change->trust, change->certificate, PIN_EVENT_ADDED, change->request->who.user,
                         err);
}

static int check_expected(const struct pin_change *change, struct error *err)
{
    uint8_t shown[FINGERPRINT_SIZE];
    char text[FINGERPRINT_TEXT_MAX];

    if (x509_fingerprint(change->certificate, shown, err) != 0)
        return -1;
    if (change->trust.expected_sha256 == NULL ||
        memcmp(shown, change->trust.expected_sha256, FINGERPRINT_SIZE) == 0)
        return 0;
    fingerprint_format(shown, text);
    return error_set(err, ERROR_UNTRUSTED,
                     "the certificate in the file has the SHA-256 %s, not the one given", text);
}

/* Without any connection: the certificate comes from a file. */
static int add_from_file(struct request *request, struct pin_change *change, const char *file,
                         struct error *err)
{
    const char *repository = request_text(request, "repository", err);
    char *data = NULL;
    size_t length;
    int result = -1;

    if (repository == NULL ||
        place_read_file(request, repository, file, CERTIFICATE_FILE_MAX, &data, &length, err) != 0)
        return -1;
    change->certificate = x509_read(data, length, err);
    if (change->certificate != NULL && check_expected(change, err) == 0)
        result = request_change(request, add_job, change, err);
    X509_free(change->certificate);
    free(data);
    return result;
}

static void keep_result(void *arg, size_t index, const struct probe_result *result)
{
    (void)index;
    *(struct probe_result *)arg = *result;
}

/* An addcert shall not replace a pin: what is there stays. */
static int refuse_existing(struct request *request, const char *host, struct error *err)
{
    struct store_txn *txn = store_read(request->node->store, err);
    struct error cause = {0};
    struct pin pin;
    int result = 0;

    if (txn == NULL)
        return -1;
    if (pin_get(txn, host, &pin, &cause) == 0) {
        result = error_set(err, ERROR_CONFLICT, "%s has a pin already", host);
        error_hint(err, "see it with: ncs certvalidation tofu-certs showcert host %s", host);
    } else if (cause.code != ERROR_NOT_FOUND) {
        *err = cause;
        result = -1;
    }
    store_end(txn);
    return result;
}

/* Makes the first contact now. */
static int add_by_contact(struct request *request, struct pin_change *change, struct error *err)
{
    struct probe_result result = {0};

    if (refuse_existing(request, change->host, err) != 0 ||
        probe_run(request->node->store, &change->trust, 1, NULL, keep_result, &result, err) != 0)
        return -1;
    if (result.state == PROBE_FAILED) {
        *err = result.error;
        return -1;
    }
    verify_report(request, &change->trust, &result.verdict);
    if (!trust_is_accepted(result.verdict.outcome)) {
        *err = result.verdict.error;
        return -1;
    }
    if (result.verdict.outcome == TRUST_VALIDATED) {
        error_set(
            err, ERROR_CONFLICT,
            "certificates of the trust zone %s are validated against its CA certificates; %s is trusted, "
            "and needs no pin",
            trust_zone_name(change->trust.zone), change->host);
        return error_hint(err,
                          "to pin it: ncs certvalidation certificate-check trust-on-first-use trustzone %s",
                          trust_zone_name(change->trust.zone));
    }
    if (result.verdict.outcome == TRUST_UNCHECKED) {
        error_set(err, ERROR_CONFLICT,
                  "certificates of the trust zone %s are not checked, so %s was not pinned",
                  trust_zone_name(change->trust.zone), change->host);
        return error_hint(err, "first: ncs certvalidation certificate-check trust-on-first-use trustzone %s",
                          trust_zone_name(change->trust.zone));
    }
    return 0;
}

static int pin_add_one(struct request *request, json_t **result, struct error *err)
{
    struct pin_change change = {.request = request};
    const char *fingerprint = json_string_value(json_object_get(request->params, "fingerprint"));
    const char *file = json_string_value(json_object_get(request->params, "certfile"));

    (void)result;
    if (read_host(request, &change.trust.host, change.host, err) != 0)
        return -1;
    change.trust.zone = TRUST_ZONE_SYSTEM;
    change.trust.mode = TRUST_PIN;
    change.trust.task = request->who.user;
    if (fingerprint != NULL) {
        if (fingerprint_parse(fingerprint, change.sha256, err) != 0)
            return -1;
        change.trust.expected_sha256 = change.sha256;
    }
    return file != NULL ? add_from_file(request, &change, file, err) : add_by_contact(request, &change, err);
}

static int pin_verify(struct request *request, json_t **result, struct error *err)
{
    struct host_port host;
    char text[HOST_PORT_TEXT_MAX];

    if (json_object_get(request->params, "host") == NULL)
        return verify_all(request, result, err);
    if (read_host(request, &host, text, err) != 0)
        return -1;
    return verify_one(request, &host, result, err);
}

const struct method pin_methods[] = {
    {"pin.add", ACCOUNT_ADMIN, METHOD_CHANGES, pin_add_one},
    {"pin.delete", ACCOUNT_ADMIN, METHOD_CHANGES, pin_delete_one},
    {"pin.accept", ACCOUNT_ADMIN, METHOD_CHANGES, pin_accept_one},
    {"pin.verify", ACCOUNT_USER, 0, pin_verify},
};
const size_t pin_method_count = sizeof(pin_methods) / sizeof(pin_methods[0]);
