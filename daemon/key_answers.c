#include "daemon/key_answers.h"

#include "base/host_port.h"
#include "base/text.h"
#include "daemon/place.h"
#include "x509/names.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#define NO_VALUE "." /* as in openssl req: leave this part out */

const struct subject_part subject_parts[SUBJECT_PARTS] = {
    {"c", NID_countryName, "country code"},
    {"st", NID_stateOrProvinceName, "state or province"},
    {"l", NID_localityName, "city or locality"},
    {"o", NID_organizationName, "organization"},
    {"ou", NID_organizationalUnitName, "organizational unit"},
    {"cn", NID_commonName, "domain name of the server"},
};

static const char *answer(const struct request *request, const char *name)
{
    return json_string_value(json_object_get(request->params, name));
}

/* The value of a part in the subject, or "". The last of several, as browsers take it. */
static void part_value(X509 *certificate, int nid, struct text *out)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    unsigned char *value = NULL;
    int last = -1, length = -1;

    for (int i = X509_NAME_get_index_by_NID(subject, nid, -1); i >= 0;
         i = X509_NAME_get_index_by_NID(subject, nid, i))
        last = i;
    text_clear(out);
    text_add(out, "", 0);
    if (last >= 0)
        length = ASN1_STRING_to_UTF8(&value, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (length > 0 && text_is_printable((const char *)value, (size_t)length))
        text_add(out, (const char *)value, (size_t)length);
    OPENSSL_free(value);
    ERR_clear_error();
}

static void names_value(X509 *certificate, struct text *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    GENERAL_NAMES *ours = sk_GENERAL_NAME_new_null();

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS || name->type == GEN_IPADD)
            sk_GENERAL_NAME_push(ours, name);
    }
    text_clear(out);
    text_add(out, "", 0);
    x509_add_names(out, ours, ",");
    sk_GENERAL_NAME_free(ours);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

json_t *key_plan_defaults(X509 *in_service)
{
    json_t *defaults = json_object();
    struct key_kind kind;
    struct text value = {0};
    char size[KEY_SIZE_TEXT_MAX];

    for (size_t i = 0; i < SUBJECT_PARTS; i++) {
        part_value(in_service, subject_parts[i].nid, &value);
        json_object_set_new(defaults, subject_parts[i].name, json_string(value.data));
    }
    names_value(in_service, &value);
    json_object_set_new(defaults, "san", json_string(value.data));
    if (!key_kind_of(X509_get0_pubkey(in_service), &kind) || kind.algorithm == KEY_RSA)
        kind = (struct key_kind){KEY_RSA, KEY_RSA_DEFAULT};
    key_size_format(&kind, size);
    json_object_set_new(defaults, "algorithm", json_string(key_algorithm_name(kind.algorithm)));
    json_object_set_new(defaults, "size", json_string(size));
    text_free(&value);
    return defaults;
}

/* The longest that RFC 5280 appendix A.1 allows is what OpenSSL checks; its words do not help a person. */
static int add_part(X509_NAME *subject, const struct subject_part *part, const char *value, struct error *err)
{
    size_t length = strlen(value);
    struct text shown = {0};

    if (length == 0 || strcmp(value, NO_VALUE) == 0)
        return 0;
    if (part->nid == NID_countryName && length != 2)
        ;
    else if (text_is_printable(value, length) &&
             X509_NAME_add_entry_by_NID(subject, part->nid, MBSTRING_UTF8, (const unsigned char *)value,
                                        (int)length, -1, 0) == 1)
        return 0;
    ERR_clear_error();
    text_add_escaped(&shown, value, strnlen(value, 100), NULL);
    error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" will not do as %s: %s",
              shown.data != NULL ? shown.data : "", part->what,
              part->nid == NID_countryName ? "it has two letters" : "it is too long, or no printable text");
    text_free(&shown);
    return -1;
}

static int given_without_newdn(const struct request *request, struct error *err)
{
    const char *given = answer(request, "san") != NULL ? "san" : NULL;

    for (size_t i = 0; i < SUBJECT_PARTS; i++)
        given = answer(request, subject_parts[i].name) != NULL ? subject_parts[i].name : given;
    if (given == NULL)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" belongs to a new subject: add -newdn", given);
}

static int make_subject(const struct request *request, X509 *in_service, struct key_plan *plan,
                        struct error *err)
{
    struct text preset = {0};
    int failed = 0;

    plan->subject = X509_NAME_new();
    if (plan->subject == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; failed == 0 && i < SUBJECT_PARTS; i++) {
        const char *value = answer(request, subject_parts[i].name);

        part_value(in_service, subject_parts[i].nid, &preset);
        failed = add_part(plan->subject, &subject_parts[i], value != NULL ? value : preset.data, err);
    }
    text_free(&preset);
    if (failed == 0 && X509_NAME_get_index_by_NID(plan->subject, NID_commonName, -1) < 0)
        failed = error_set(err, ERROR_INVALID_ARGUMENT, "the domain name of the server may not be empty");
    return failed;
}

static bool is_host_name(const char *text)
{
    char canonical[HOST_TEXT_MAX];
    enum host_kind kind;

    return host_parse(text, &kind, canonical, NULL) == 0 && kind == HOST_NAME;
}

/* Is it one of the comma separated names? */
static bool holds(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = names; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == names || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
            return true;
    }
    return false;
}

/*
 * The names of the certificate in service, and the new name of the server where it is not among them: it
 * takes the place of the old name if it is that in a domain, and stands in front otherwise.
 */
static void preset_names(X509 *in_service, const char *cn, struct text *out)
{
    struct text names = {0}, old = {0}, new = {0};
    const char *at;

    names_value(in_service, &names);
    part_value(in_service, NID_commonName, &old);
    text_format(&new, "DNS:%s", cn);
    text_clear(out);
    text_add(out, "", 0);
    if (!is_host_name(cn) || strcmp(cn, old.data) == 0 || holds(names.data, new.data)) {
        text_add(out, names.data, names.length);
        if (names.length == 0 && is_host_name(cn))
            text_add_string(out, new.data);
        goto out;
    }
    text_add_string(out, new.data);
    for (at = names.data; *at != '\0';) {
        size_t length = strcspn(at, ",");
        bool extended = strncmp(cn, old.data, old.length) == 0 && cn[old.length] == '.';
        bool replaced = extended && length == old.length + 4 && strncmp(at, "DNS:", 4) == 0 &&
                        strncmp(at + 4, old.data, old.length) == 0;

        if (!replaced)
            text_format(out, ",%.*s", (int)length, at);
        at += length + (at[length] == ',');
    }
out:
    text_free(&names);
    text_free(&old);
    text_free(&new);
}

static int make_names(const struct request *request, X509 *in_service, struct key_plan *plan,
                      struct error *err)
{
    const char *typed = answer(request, "san"), *cn = answer(request, "cn");
    struct text preset = {0}, old = {0};

    part_value(in_service, NID_commonName, &old);
    preset_names(in_service, cn != NULL ? cn : old.data, &preset);
    if (typed != NULL && strcmp(typed, NO_VALUE) == 0)
        typed = "";
    plan->names = x509_parse_names(typed != NULL ? typed : preset.data, err);
    text_free(&preset);
    text_free(&old);
    return plan->names != NULL ? 0 : -1;
}

/* Both as they are now. */
static int keep_subject(X509 *in_service, struct key_plan *plan, struct error *err)
{
    plan->subject = X509_NAME_dup(X509_get_subject_name(in_service));
    plan->names = X509_get_ext_d2i(in_service, NID_subject_alt_name, NULL, NULL);
    if (plan->names == NULL)
        plan->names = sk_GENERAL_NAME_new_null();
    ERR_clear_error();
    if (plan->subject == NULL || plan->names == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    return 0;
}

static int choose_kind(const struct request *request, X509 *in_service, struct key_kind *kind,
                       struct error *err)
{
    const char *algorithm = answer(request, "algorithm");
    const char *size = answer(request, "size");
    enum key_algorithm chosen = KEY_RSA;
    struct key_kind now;

    if (algorithm != NULL && algorithm[0] != '\0') {
        if (key_algorithm_parse(algorithm, &chosen, err) != 0)
            return -1;
    } else if (key_kind_of(X509_get0_pubkey(in_service), &now)) {
        chosen = now.algorithm;
        if (chosen == KEY_EC && (size == NULL || size[0] == '\0')) {
            *kind = now;
            return 0;
        }
    }
    return key_size_parse(chosen, size, kind, err);
}

/* Could the request be put there? Before long work whose result goes into it. */
static int check_place(const struct request *request, const struct key_plan *plan, struct error *err)
{
    struct repository_path folder, file;

    if (place_here(request, plan->repository, plan->csr, PLACE_WRITTEN, &file, err) != 0)
        return -1;
    folder = file;
    *strrchr(folder.text, '/') = '\0';
    if (!repository_is_folder(request->node->home, &folder))
        return error_set(err, ERROR_NOT_FOUND, "there is no repository %s", plan->repository);
    if (repository_is_folder(request->node->home, &file))
        return error_set(err, ERROR_CONFLICT, "%s in repository %s is a folder", plan->csr, plan->repository);
    return 0;
}

int key_plan_make(const struct request *request, X509 *in_service, struct key_plan *plan, struct error *err)
{
    *plan = (struct key_plan){.csr = answer(request, "csr"), .repository = answer(request, "repository")};
    if (choose_kind(request, in_service, &plan->kind, err) != 0)
        return -1;
    if (json_is_true(json_object_get(request->params, "newdn"))) {
        if (make_subject(request, in_service, plan, err) != 0 ||
            make_names(request, in_service, plan, err) != 0)
            return -1;
    } else if (given_without_newdn(request, err) != 0 || keep_subject(in_service, plan, err) != 0) {
        return -1;
    }
    if (plan->csr == NULL)
        return 0;
    if (plan->repository == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the repository for the signing request is missing: add repository <name>");
    return check_place(request, plan, err);
}

void key_plan_clear(struct key_plan *plan)
{
    X509_NAME_free(plan->subject);
    GENERAL_NAMES_free(plan->names);
    *plan = (struct key_plan){0};
}
