/* All pins to a file of a repository and back: one JSON object a line, the certificate as PEM inside. */
#include "base/file.h"
#include "base/text.h"
#include "daemon/place.h"
#include "daemon/request.h"
#include "store/certificate.h"
#include "trust/trust.h"
#include "x509/x509.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_BUFFER (64 * 1024)
#define IMPORT_FILE_MAX (2LL * 1024 * 1024 * 1024) /* bytes */

static int add_line(struct store_txn *txn, const struct pin_row *row, struct text *out, struct error *err)
{
    struct certificate_facts facts;
    const uint8_t *der;
    size_t der_length;
    struct pin pin;
    char *pem = NULL;
    char *line = NULL;
    json_t *object;

    if (pin_decode(txn, row, &pin, err) != 0 ||
        certificate_get(txn, pin.certificate, &facts, &der, &der_length, err) != 0)
        return -1;
    pem = x509_to_pem(der, der_length, err);
    if (pem == NULL)
        return -1;
    object = json_pack("{s:s, s:s, s:I, s:s}", "host", pin.host, "zone", trust_zone_name(pin.zone),
                       "first_seen_ms", (json_int_t)pin.first_seen_ms, "certificate", pem);
    line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    free(pem);
    if (line == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    text_add_string(out, line);
    text_add_string(out, "\n");
    free(line);
    return out->failed ? error_set(err, ERROR_INTERNAL, "out of memory") : 0;
}

static int export_to(struct store_txn *txn, int fd, json_int_t *count, struct error *err)
{
    struct pin_cursor *cursor = pin_cursor_open(txn, err);
    struct text out = {0};
    struct pin_row row;
    int got;

    if (cursor == NULL)
        return -1;
    while ((got = pin_cursor_next(cursor, &row, err)) == 1) {
        if (add_line(txn, &row, &out, err) != 0) {
            got = -1;
            break;
        }
        (*count)++;
        if (out.length < EXPORT_BUFFER)
            continue;
        if (file_write_all(fd, out.data, out.length) != 0) {
            got = error_set_errno(err, errno, "cannot write the file");
            break;
        }
        text_clear(&out);
    }
    if (got == 0 && out.length > 0 && file_write_all(fd, out.data, out.length) != 0)
        got = error_set_errno(err, errno, "cannot write the file");
    pin_cursor_close(cursor);
    text_free(&out);
    return got;
}

/* An older file of that name is replaced where that is asked for, and not before the new one is whole. */
static int export_file(struct request *request, const struct repository_path *path, bool overwrite,
                       json_int_t *count, struct error *err)
{
    struct repository_draft draft;
    struct store_txn *txn;
    int failed;

    if (repository_draft_begin(request->node->home, path, overwrite, &draft, err) != 0)
        return -1;
    txn = store_read(request->node->store, err);
    failed = txn == NULL ? -1 : export_to(txn, draft.fd, count, err);
    store_end(txn);
    if (failed == 0)
        return repository_draft_commit(&draft, err);
    repository_draft_abandon(&draft);
    return -1;
}

static int pin_export(struct request *request, json_t **result, struct error *err)
{
    const char *file = request_text(request, "file", err);
    const char *repository = file == NULL ? NULL : request_text(request, "repository", err);
    bool overwrite = json_is_true(json_object_get(request->params, "overwrite"));
    struct repository_path path;
    json_int_t count = 0;

    if (repository == NULL || place_here(request, repository, file, PLACE_WRITTEN, &path, err) != 0 ||
        export_file(request, &path, overwrite, &count, err) != 0)
        return -1;
    *result = json_pack("{s:I}", "pins", count);
    return 0;
}

struct import {
    struct request *request;
    struct trust_request trust;
    char host[HOST_PORT_TEXT_MAX];
    X509 *certificate;
    bool overwrite;
    const char *done; /* what became of the line */
};

static int import_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct import *import = arg;
    const char *who = import->request->who.user;
    uint8_t shown[FINGERPRINT_SIZE];
    struct error cause = {0};
    struct pin pin;

    if (x509_fingerprint(import->certificate, shown, err) != 0)
        return -1;
    if (pin_get(txn, import->host, &pin, &cause) != 0) {
        if (cause.code != ERROR_NOT_FOUND) {
            *err = cause;
            return -1;
        }
        import->done = "added";
    } else if (memcmp(pin.certificate, shown, FINGERPRINT_SIZE) == 0) {
        import->done = "same";
        return 0;
    } else if (!import->overwrite) {
        import->done = "kept";
        return 0;
    } else {
        import->done = "replaced";
        if (trust_pin_delete(txn, import->host, who, err) != 0)
            return -1;
    }
    return trust_pin_add(txn, &import->trust, import->certificate, PIN_EVENT_IMPORTED, who, err);
}

/* Reads one line into import->trust and import->certificate. */
static int read_line(struct import *import, const char *line, size_t length, struct error *err)
{
    json_error_t cause;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &cause);
    const char *host = json_string_value(json_object_get(object, "host"));
    const char *zone = json_string_value(json_object_get(object, "zone"));
    const char *pem = json_string_value(json_object_get(object, "certificate"));
    int result = -1;

    import->trust = (struct trust_request){
        .zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = import->request->who.user};
    if (object == NULL)
        error_set(err, ERROR_INVALID_ARGUMENT, "it is no JSON object: %.100s", cause.text);
    else if (host == NULL || pem == NULL)
        error_set(err, ERROR_INVALID_ARGUMENT, "it has no \"host\" and \"certificate\"");
    else if (host_port_parse(host, &import->trust.host, err) == 0 &&
             (zone == NULL || trust_zone_parse(zone, &import->trust.zone, err) == 0)) {
        host_port_format(&import->trust.host, import->host);
        import->certificate = x509_read(pem, strlen(pem), err);
        result = import->certificate != NULL ? 0 : -1;
    }
    json_decref(object);
    return result;
}

static void import_line(struct import *import, json_int_t number, const char *line, size_t length,
                        json_int_t counts[2])
{
    struct error err = {0};

    import->host[0] = '\0';
    import->certificate = NULL;
    if (read_line(import, line, length, &err) != 0 ||
        store_run(import->request->node->store, import_job, import, &err) != 0)
        import->done = "refused";
    X509_free(import->certificate);
    counts[0] += strcmp(import->done, "added") == 0 || strcmp(import->done, "replaced") == 0;
    counts[1] += strcmp(import->done, "refused") == 0;
    control_progress(import->request->job,
                     json_pack("{s:{s:I, s:s, s:s, s:s}}", "row", "line", number, "host", import->host,
                               "result", import->done, "detail", err.message));
}

static int pin_import(struct request *request, json_t **result, struct error *err)
{
    struct import import = {.request = request,
                            .overwrite = json_is_true(json_object_get(request->params, "overwrite"))};
    const char *file = request_text(request, "file", err);
    const char *repository = file == NULL ? NULL : request_text(request, "repository", err);
    json_int_t counts[2] = {0, 0};
    json_int_t number = 0;
    char *data;
    size_t length;

    if (repository == NULL ||
        place_read_file(request, repository, file, IMPORT_FILE_MAX, &data, &length, err) != 0)
        return -1;
    for (size_t start = 0, end; start < length && !request->node->stopping; start = end + 1) {
        const char *stop = memchr(data + start, '\n', length - start);

        end = stop != NULL ? (size_t)(stop - data) : length;
        number++;
        if (end > start)
            import_line(&import, number, data + start, end - start, counts);
    }
    free(data);
    *result = json_pack("{s:I, s:I, s:I}", "lines", number, "changed", counts[0], "refused", counts[1]);
    return 0;
}

const struct method pin_file_methods[] = {
    {"pin.export", ACCOUNT_ADMIN, METHOD_CHANGES, pin_export},
    {"pin.import", ACCOUNT_ADMIN, METHOD_CHANGES, pin_import},
};
const size_t pin_file_method_count = sizeof(pin_file_methods) / sizeof(pin_file_methods[0]);
