#include "base/text.h"
#include "x509/form.h"
#include "x509/name.h"
#include "x509/names.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_TEXT_MAX 256 /* bytes of an object identifier shown */

/* The texts are laid out one after another; where each starts is kept until the buffer stands still. */
struct layout {
    struct text text;
    size_t starts[16];
    size_t count;
};

static void start_text(struct layout *layout)
{
    if (layout->count > 0)
        text_add(&layout->text, "", 1);
    layout->starts[layout->count++] = layout->text.length;
}

static void add_serial(struct text *out, const X509 *certificate)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *digits = number == NULL ? NULL : BN_bn2hex(number);

    text_add_string(out, digits == NULL ? "" : digits);
    OPENSSL_free(digits);
    BN_free(number);
}

static void add_names(struct text *out, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    x509_add_names(out, names, ", ");
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static void add_signature(struct text *out, const X509 *certificate)
{
    char name[TYPE_TEXT_MAX];
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;

    X509_get0_signature(NULL, &algorithm, certificate);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    if (OBJ_obj2txt(name, sizeof(name), object, 0) > 0)
        text_add_string(out, name);
}

static int lay_out_texts(struct layout *layout, X509 *certificate, struct error *err)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    struct text *text = &layout->text;

    for (enum name_form form = NAME_SLASH; form <= NAME_REVERSED; form++) {
        start_text(layout);
        if (name_add(text, subject, form, err) != 0)
            return -1;
    }
    start_text(layout);
    name_add_common_name(text, subject);
    start_text(layout);
    if (name_add(text, X509_get_issuer_name(certificate), NAME_ONELINE, err) != 0)
        return -1;
    start_text(layout);
    add_serial(text, certificate);
    start_text(layout);
    add_names(text, certificate);
    start_text(layout);
    x509_add_key(text, X509_get0_pubkey(certificate));
    start_text(layout);
    add_signature(text, certificate);
    return 0;
}

/* The structure and, behind it, its texts. */
static struct certificate_facts *assemble(const struct layout *layout)
{
    struct certificate_facts *facts;
    char *texts;

    if (layout->text.failed)
        return NULL;
    facts = calloc(1, sizeof(*facts) + layout->text.length + 1);
    if (facts == NULL)
        return NULL;
    texts = (char *)(facts + 1);
    if (layout->text.length > 0)
        memcpy(texts, layout->text.data, layout->text.length);
    {
        const char **const fields[] = {
            &facts->subject_slash,
            &facts->subject_oneline,
            &facts->subject_reversed,
            &facts->common_name,
            &facts->issuer_oneline,
            &facts->serial,
            &facts->names,
            &facts->key,
            &facts->signature,
        };
        for (size_t i = 0; i < layout->count; i++)
            *fields[i] = texts + layout->starts[i];
    }
    return facts;
}

struct certificate_facts *x509_describe(X509 *certificate, struct error *err)
{
    struct layout layout = {0};
    struct certificate_facts *facts = NULL;

    if (x509_check_form(certificate, err) != 0 || lay_out_texts(&layout, certificate, err) != 0)
        goto out;
    facts = assemble(&layout);
    if (facts == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        goto out;
    }
    if (x509_fingerprint(certificate, facts->sha256, err) != 0 ||
        x509_key_fingerprint(certificate, facts->spki_sha256, err) != 0 ||
        x509_validity(certificate, &facts->not_before_ms, &facts->not_after_ms, err) != 0) {
        free(facts);
        facts = NULL;
    }
out:
    text_free(&layout.text);
    return facts;
}

void x509_facts_free(struct certificate_facts *facts)
{
    free(facts);
}

int x509_validity(X509 *certificate, int64_t *not_before_ms, int64_t *not_after_ms, struct error *err)
{
    if (form_time(X509_get0_notBefore(certificate), "notBefore", not_before_ms, err) != 0)
        return -1;
    return form_time(X509_get0_notAfter(certificate), "notAfter", not_after_ms, err);
}

char *x509_subject_reversed(X509 *certificate, struct error *err)
{
    struct text text = {0};
    char *result;

    if (name_add(&text, X509_get_subject_name(certificate), NAME_REVERSED, err) != 0) {
        text_free(&text);
        return NULL;
    }
    result = text_take(&text);
    if (result == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    return result;
}

char *x509_common_name(X509 *certificate, struct error *err)
{
    struct text text = {0};
    char *result;

    name_add_common_name(&text, X509_get_subject_name(certificate));
    result = text_take(&text);
    if (result == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    return result;
}
