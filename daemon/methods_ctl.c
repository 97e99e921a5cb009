/* The methods about the CTL file and the services that use certificates. */
#include "daemon/ctl_file.h"
#include "daemon/purpose_services.h"
#include "store/setting.h"
#include "x509/ctl.h"
#include "x509/x509.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the CTL file */

static int make_file(struct request *request, bool by_callmanager, struct error *err)
{
    int failed;

    pthread_mutex_lock(&request->node->own_key->change);
    failed = ctl_file_make(request, by_callmanager, err);
    pthread_mutex_unlock(&request->node->own_key->change);
    return failed;
}

static int ctl_set_mixed(struct request *request, json_t **result, struct error *err)
{
    bool mixed;

    (void)result;
    if (ctl_mode(request->node, &mixed, err) != 0)
        return -1;
    if (mixed)
        return error_set(err, ERROR_CONFLICT, "the cluster is in mixed mode already");
    return make_file(request, false, err);
}

static int ctl_set_non_secure(struct request *request, json_t **result, struct error *err)
{
    bool mixed;

    (void)result;
    if (ctl_mode(request->node, &mixed, err) != 0)
        return -1;
    if (!mixed)
        return error_set(err, ERROR_CONFLICT, "the cluster is in non-secure mode already");
    return ctl_file_remove(request, err);
}

static int update(struct request *request, bool by_callmanager, struct error *err)
{
    bool mixed;

    if (ctl_mode(request->node, &mixed, err) != 0)
        return -1;
    if (mixed)
        return make_file(request, by_callmanager, err);
    error_set(err, ERROR_CONFLICT, "the cluster is in non-secure mode, in which there is no CTL file");
    return error_hint(err, "first: utils ctl set-cluster mixed-mode");
}

static int ctl_update(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return update(request, false, err);
}

static int ctl_reset(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return update(request, true, err);
}

static void hex(const uint8_t *bytes, size_t length, const char *parting, const char *digits,
                struct text *out)
{
    for (size_t i = 0; i < length; i++) {
        if (i > 0)
            text_add_string(out, parting);
        text_add(out, &digits[bytes[i] >> 4], 1);
        text_add(out, &digits[bytes[i] & 15], 1);
    }
}
#define LOWER "0123456789abcdef"
#define UPPER "0123456789ABCDEF"

static json_t *checksum(const char *data, size_t length, const EVP_MD *kind)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct text text = {0};
    json_t *json;

    if (EVP_Digest(data, length, digest, &size, kind, NULL) == 1)
        hex(digest, size, "", LOWER, &text);
    json = json_string(text.data != NULL ? text.data : "");
    text_free(&text);
    return json;
}

static void add_row(json_t *rows, int tag, const char *name, size_t length, struct text *value)
{
    json_array_append_new(rows,
                          json_pack("{s:i, s:s, s:I, s:s}", "bytepos", tag, "tag", name, "length",
                                    (json_int_t)length, "value", value->data != NULL ? value->data : ""));
    text_free(value);
}

static size_t number_of(const struct ctl_field *field)
{
    size_t number = 0;

    for (size_t i = 0; i < field->length; i++)
        number = number << 8 | field->value[i];
    return number;
}

static json_t *header_rows(const struct ctl *ctl)
{
    json_t *rows = json_array();

    for (int tag = CTL_SIGNERID; tag <= CTL_TIMESTAMP; tag++) {
        const struct ctl_field *field = &ctl->fields[tag];
        size_t length = field->length;
        struct text value = {0};

        switch (tag) {
        case CTL_SIGNERID:
        case CTL_SIGNATUREINFO:
        case CTL_SIGNATUREALGOINFO: /* the value is the length of the fields inside */
            text_format(&value, "%zu", length);
            length = 2;
            break;
        case CTL_SIGNERNAME:
        case CTL_CANAME:
        case CTL_FILENAME:
            text_add_escaped(&value, (const char *)field->value, length - 1, NULL);
            break;
        case CTL_SIGNERSERIAL:
            hex(field->value, length, ":", UPPER, &value);
            break;
        case CTL_SIGNATURE:
        case CTL_PADDING:
            break;
        default:
            text_format(&value, "%zu", number_of(field));
        }
        add_row(rows, tag, ctl_header_tag(tag), length, &value);
    }
    return rows;
}

static void certificate_hash(const struct ctl_field *field, struct text *out)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (EVP_Digest(field->value, field->length, digest, &size, EVP_sha1(), NULL) == 1)
        hex(digest, size, " ", UPPER, out);
    text_add_string(out, " (SHA1 Hash HEX)");
}

static json_t *record_rows(const struct ctl_record *record)
{
    json_t *rows = json_array();

    for (int tag = CTL_RECORDLENGTH; tag <= CTL_IPADDRESS; tag++) {
        const struct ctl_field *field = &record->fields[tag];
        char address[INET6_ADDRSTRLEN];
        struct text value = {0};

        if (tag == CTL_RECORDLENGTH)
            text_format(&value, "%zu", number_of(field));
        else if (tag == CTL_DNSNAME || tag == CTL_SUBJECTNAME || tag == CTL_ISSUERNAME)
            text_add_escaped(&value, (const char *)field->value, field->length - 1, NULL);
        else if (tag == CTL_FUNCTION)
            text_add_string(&value, ctl_function_name(record->function));
        else if (tag == CTL_SERIALNUMBER)
            hex(field->value, field->length, ":", UPPER, &value);
        else if (tag == CTL_CERTIFICATE)
            certificate_hash(field, &value);
        else if (tag == CTL_IPADDRESS && inet_ntop(field->length == 4 ? AF_INET : AF_INET6, field->value,
                                                   address, sizeof(address)) != NULL)
            text_add_string(&value, address);
        add_row(rows, tag, ctl_record_tag(tag), field->length, &value);
    }
    return rows;
}

/* The store remembers who signed, so that a whole file of somebody else's making is not believed either. */
static int check_signer(const struct node *node, const struct ctl *ctl, size_t signer, struct error *err)
{
    struct store_txn *txn = store_read(node->store, err);
    uint8_t sha256[FINGERPRINT_SIZE];
    const uint8_t *value = NULL;
    size_t length = 0;
    int failed;

    if (txn == NULL)
        return -1;
    failed = x509_fingerprint(ctl->records[signer].certificate, sha256, err);
    if (failed == 0 && (setting_get(txn, CTL_SIGNER_SETTING, &value, &length, NULL) != 0 ||
                        length != FINGERPRINT_SIZE || memcmp(value, sha256, FINGERPRINT_SIZE) != 0))
        failed = error_set(err, ERROR_UNTRUSTED, "the CTL file was signed by another than this node");
    store_end(txn);
    return failed;
}

/* Certificates in the file that are not in service any more. */
static json_t *outdated(struct node *node, const struct ctl *ctl)
{
    static const char *const names[] = {"ITLRecovery", "CallManager", "CAPF"};
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct purpose *purpose = purpose_find(names[i], NULL);
        struct purpose_state state;
        bool found = false;

        if (purpose == NULL || purpose_read(node, purpose, &state, NULL) != 0)
            continue;
        for (size_t j = 0; state.in_service != NULL && j < ctl->record_count; j++)
            found = found || X509_cmp(ctl->records[j].certificate, state.in_service->certificate) == 0;
        if (!found)
            json_array_append_new(list, json_string(names[i]));
        purpose_state_clear(&state);
    }
    ERR_clear_error();
    return list;
}

static json_t *describe(struct node *node, const char *data, size_t length, const struct ctl *ctl,
                        size_t signer)
{
    json_t *records = json_array();

    for (size_t i = 0; i < ctl->record_count; i++) {
        bool token = ctl->records[i].function == CTL_TOKEN;

        json_array_append_new(records,
                              json_pack("{s:o, s:s}", "fields", record_rows(&ctl->records[i]), "note",
                                        !token        ? ""
                                        : i == signer ? "This etoken was used to sign the CTL file."
                                                      : "This etoken was not used to sign the CTL file."));
    }
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "md5", checksum(data, length, EVP_md5()),
                     "sha1", checksum(data, length, EVP_sha1()), "length", (json_int_t)length, "signed_ms",
                     (json_int_t)ctl->signed_ms, "header_length",
                     (json_int_t)number_of(&ctl->fields[CTL_HEADERLENGTH]), "header", header_rows(ctl),
                     "records", records, "outdated", outdated(node, ctl));
}

/* A standby makes none. */
static int hint_making(const struct request *request, const char *text, struct error *err)
{
    bool here = store_check_active(request->node->store, NULL) == 0;

    return error_hint(err, "%s%s", here ? "" : "on the active node of the pair: ", text);
}

static int ctl_show(struct request *request, json_t **result, struct error *err)
{
    struct error cause = {0};
    struct ctl *ctl = NULL;
    char *data = NULL;
    size_t length, signer;
    bool mixed;
    int failed = -1;

    if (ctl_mode(request->node, &mixed, err) != 0)
        return -1;
    if (ctl_file_read(request->node, &data, &length, &cause) != 0) {
        error_set(err, cause.code, "%s",
                  cause.code == ERROR_NOT_FOUND ? "there is no CTL file" : cause.message);
        return hint_making(request,
                           mixed ? "make it again with: utils ctl update CTLFile"
                                 : "make one with: utils ctl set-cluster mixed-mode",
                           err);
    }
    ctl = ctl_read((const uint8_t *)data, length, err);
    if (ctl != NULL && ctl_verify(ctl, &signer, err) == 0 &&
        check_signer(request->node, ctl, signer, err) == 0) {
        *result = describe(request->node, data, length, ctl, signer);
        failed = 0;
    } else {
        hint_making(request, "make it again with: utils ctl update CTLFile", err);
    }
    ctl_free(ctl);
    free(data);
    return failed;
}

/* --- services */

static int service_list(struct request *request, json_t **result, struct error *err)
{
    (void)err;
    *result = json_pack("{s:o}", "services", purpose_services_list(request->node->purpose_services));
    return 0;
}

static void report_step(void *arg, const char *state)
{
    const struct request *request = arg;

    control_progress(request->job, json_pack("{s:s}", "state", state));
}

static int service_restart(struct request *request, json_t **result, struct error *err)
{
    const char *name = request_text(request, "service", err);
    const struct purpose_service *service = name == NULL ? NULL : purpose_service_find(name, err);

    if (service == NULL)
        return -1;
    *result = json_pack("{s:s}", "service", service->name);
    return purpose_service_restart(request->node->purpose_services, service, report_step, request, err);
}

const struct method ctl_methods[] = {
    {"ctl.show", ACCOUNT_USER, 0, ctl_show},
    {"ctl.mixed", ACCOUNT_ADMIN, METHOD_CHANGES | METHOD_ACTIVE, ctl_set_mixed},
    {"ctl.non-secure", ACCOUNT_ADMIN, METHOD_CHANGES | METHOD_ACTIVE, ctl_set_non_secure},
    {"ctl.update", ACCOUNT_ADMIN, METHOD_CHANGES | METHOD_ACTIVE, ctl_update},
    {"ctl.reset", ACCOUNT_ADMIN, METHOD_CHANGES | METHOD_ACTIVE, ctl_reset},
    {"service.list", ACCOUNT_USER, 0, service_list},
    {"service.restart", ACCOUNT_ADMIN, METHOD_CHANGES, service_restart},
};
const size_t ctl_method_count = sizeof(ctl_methods) / sizeof(ctl_methods[0]);
