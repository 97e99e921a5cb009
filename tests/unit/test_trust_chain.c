/* The policy `enable`: a small CA made in memory, and what is thought of its certificates. */
#include "test_trust_fixture.h"

#include "base/clock.h"
#include "store/ca.h"
#include "x509/bundle.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

static const char host[] = "127.0.0.21_443";
#define DAY_S 86400L

/* What a certificate is to be. */
struct plan {
    const char *subject;
    const char *names;       /* alternative names; NULL: none */
    const char *constraints; /* basicConstraints; NULL: none */
    const char *usage;       /* extendedKeyUsage; NULL: none */
    const char *ocsp;        /* address of the responder */
    long from_s;
    long to_s;
};

struct party {
    EVP_PKEY *key;
    X509 *certificate;
};

static struct party root, inter, server;

static void extend(X509 *certificate, X509 *issuer, const char *name, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_nconf(NULL, &context, name, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static struct party make(const struct plan *plan, const struct party *issuer)
{
    static long serial = 100;
    struct party made = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509_NAME *name = x509_parse_subject(plan->subject, NULL);
    const struct party *by = issuer != NULL ? issuer : &made;
    unsigned char *der = NULL;
    int length;

    assert_non_null(name);
    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_set_subject_name(made.certificate, name);
    X509_set_issuer_name(made.certificate,
                         issuer == NULL ? name : X509_get_subject_name(issuer->certificate));
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), plan->from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), plan->to_s != 0 ? plan->to_s : 30 * DAY_S);
    X509_set_pubkey(made.certificate, made.key);
    if (plan->names != NULL)
        extend(made.certificate, by->certificate, "subjectAltName", plan->names);
    if (plan->constraints != NULL)
        extend(made.certificate, by->certificate, "basicConstraints", plan->constraints);
    if (plan->usage != NULL)
        extend(made.certificate, by->certificate, "extendedKeyUsage", plan->usage);
    if (plan->ocsp != NULL)
        extend(made.certificate, by->certificate, "authorityInfoAccess", plan->ocsp);
    assert_true(X509_sign(made.certificate, by->key, EVP_sha256()) > 0);
    X509_NAME_free(name);
    /* as it is received */
    length = i2d_X509(made.certificate, &der);
    X509_free(made.certificate);
    made.certificate = x509_read((const char *)der, (size_t)length, NULL);
    assert_non_null(made.certificate);
    OPENSSL_free(der);
    return made;
}

static void drop(struct party *party)
{
    X509_free(party->certificate);
    EVP_PKEY_free(party->key);
    *party = (struct party){0};
}

static int make_parties(void **state)
{
    const struct plan plans[] = {
        {.subject = "/CN=Root", .constraints = "critical,CA:TRUE"},
        {.subject = "/CN=Issuing", .constraints = "critical,CA:TRUE"},
        {.subject = "/CN=server",
         .names = "IP:127.0.0.21,DNS:*.example.com",
         .ocsp = "OCSP;URI:http://ocsp.test/"},
    };

    (void)state;
    root = make(&plans[0], NULL);
    inter = make(&plans[1], &root);
    server = make(&plans[2], &inter);
    return 0;
}

static int drop_parties(void **state)
{
    (void)state;
    drop(&root);
    drop(&inter);
    drop(&server);
    return 0;
}

struct ca_import {
    X509 *certificate;
    const char *alias;
    struct trust_ca_count count;
};

static int import_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct ca_import *import = arg;
    STACK_OF(X509) *bundle = sk_X509_new_null();
    int result;

    sk_X509_push(bundle, import->certificate);
    result = trust_ca_add(txn, TRUST_ZONE_SYSTEM, import->alias, bundle, &import->count, err);
    sk_X509_free(bundle);
    return result;
}

static void import(struct fixture *fixture, X509 *certificate, const char *alias)
{
    struct ca_import order = {.certificate = certificate, .alias = alias};
    struct error err = {0};

    if (store_run(fixture->store, import_job, &order, &err) != 0)
        fail_msg("%s", err.message);
}

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    return ca_delete(txn, TRUST_ZONE_SYSTEM, arg, err);
}

static int ocsp_job(struct store_txn *txn, void *arg, struct error *err)
{
    return ocsp_setting_set(txn, arg, err);
}

static void set_ocsp(struct fixture *fixture, const struct ocsp_setting *setting)
{
    assert_int_equal(store_run(fixture->store, ocsp_job, (void *)(uintptr_t)setting, NULL), 0);
}

static int open_enabled(void **state)
{
    struct fixture *fixture;

    if (fixture_open(state) != 0)
        return -1;
    fixture = *state;
    put_policy(fixture->store, TRUST_ZONE_SYSTEM, TRUST_POLICY_ENABLE);
    return 0;
}

/* The verdict on a certificate shown with the intermediate; nothing can be fetched. */
static enum trust_outcome judge_as(struct fixture *fixture, const char *name, X509 *certificate,
                                   bool with_chain, struct trust_verdict *verdict)
{
    struct trust_request request = request_for(name);
    struct trust_shown what = {.certificate = certificate, .chain = sk_X509_new_null()};

    if (with_chain)
        sk_X509_push(what.chain, inter.certificate);
    trust_judge_shown(fixture->store, &request, &what, NULL, verdict);
    sk_X509_free(what.chain);
    if (trust_is_accepted(verdict->outcome))
        assert_int_equal(verdict->failed_depth, -1);
    else
        assert_int_not_equal(verdict->error.code, ERROR_NONE);
    return verdict->outcome;
}

static void an_empty_trust_store_trusts_nobody(void **state)
{
    struct trust_verdict verdict;

    assert_int_equal(judge_as(*state, host, server.certificate, true, &verdict), TRUST_NO_ISSUER);
    assert_non_null(strstr(verdict.error.message, "holds no CA certificate"));
    assert_non_null(strstr(verdict.error.hint, "importcacert"));
}

static void changes_of_the_trust_store_count_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct trust_verdict verdict;
    uint8_t none[FINGERPRINT_SIZE] = {0};

    import(fixture, root.certificate, "root");
    assert_int_equal(judge_as(fixture, host, server.certificate, true, &verdict), TRUST_VALIDATED);
    assert_memory_equal(verdict.pinned_sha256, none, FINGERPRINT_SIZE);
    assert_int_equal(judge_as(fixture, host, server.certificate, false, &verdict), TRUST_NO_ISSUER);
    assert_int_equal(verdict.failed_depth, 0);
    import(fixture, inter.certificate, "inter");
    assert_int_equal(judge_as(fixture, host, server.certificate, false, &verdict), TRUST_VALIDATED);
    assert_int_equal(store_run(fixture->store, delete_job, (void *)(uintptr_t) "inter", NULL), 0);
    assert_int_equal(judge_as(fixture, host, server.certificate, false, &verdict), TRUST_NO_ISSUER);
    assert_int_equal(store_run(fixture->store, delete_job, (void *)(uintptr_t) "root", NULL), 0);
    assert_int_equal(judge_as(fixture, host, server.certificate, true, &verdict), TRUST_NO_ISSUER);
}

/* What was verified before is not verified again, but no longer than it is valid, and only for what was
 * shown. */
static void a_chain_seen_before_counts_for_the_same_only(void **state)
{
    const struct plan plan = {.subject = "/CN=soon over", .names = "IP:127.0.0.21", .to_s = 2};
    struct party brief = make(&plan, &inter);
    struct trust_request request = request_for(host);
    struct trust_shown what = {.certificate = server.certificate, .chain = sk_X509_new_null()};
    struct trust_verdict verdict;
    int64_t end_ms = clock_wall_ms() + 10000;

    import(*state, root.certificate, "root");
    /* the server's certificate among what it sends, at several places, and not at all */
    sk_X509_push(what.chain, server.certificate);
    sk_X509_push(what.chain, inter.certificate);
    for (int round = 0; round < 2; round++) {
        trust_judge_shown(((struct fixture *)*state)->store, &request, &what, NULL, &verdict);
        assert_int_equal(verdict.outcome, TRUST_VALIDATED);
        assert_int_equal(judge_as(*state, host, server.certificate, true, &verdict), TRUST_VALIDATED);
        assert_int_equal(judge_as(*state, host, server.certificate, false, &verdict), TRUST_NO_ISSUER);
        assert_int_equal(judge_as(*state, "10.0.0.1_443", server.certificate, true, &verdict),
                         TRUST_WRONG_NAME);
        sk_X509_push(what.chain, sk_X509_shift(what.chain));
    }
    sk_X509_free(what.chain);
    while (judge_as(*state, host, brief.certificate, true, &verdict) == TRUST_VALIDATED &&
           clock_wall_ms() < end_ms)
        usleep(50000);
    assert_int_equal(verdict.outcome, TRUST_EXPIRED);
    drop(&brief);
}

static void an_intermediate_alone_is_trusted_too(void **state)
{
    struct trust_verdict verdict;

    import(*state, inter.certificate, "inter");
    assert_int_equal(judge_as(*state, host, server.certificate, true, &verdict), TRUST_VALIDATED);
}

static void names_are_compared_as_rfc_6125_says(void **state)
{
    static const struct {
        const char *host;
        enum trust_outcome outcome;
    } rows[] = {
        {"127.0.0.21_443", TRUST_VALIDATED},
        {"127.0.0.22_443", TRUST_WRONG_NAME},
        {"a.example.com_443", TRUST_VALIDATED},
        {"A.Example.COM_443", TRUST_VALIDATED},
        {"a.b.example.com_443", TRUST_WRONG_NAME},
        {"example.com_443", TRUST_WRONG_NAME},
        {"server_443", TRUST_WRONG_NAME}, /* the common name does not count */
        {"::1_443", TRUST_WRONG_NAME},
    };
    struct trust_verdict verdict;

    import(*state, root.certificate, "root");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(judge_as(*state, rows[i].host, server.certificate, true, &verdict), rows[i].outcome);
        if (rows[i].outcome != TRUST_VALIDATED)
            assert_non_null(strstr(verdict.error.message, "IP:127.0.0.21, DNS:*.example.com"));
    }
}

static void what_a_name_may_look_like(void **state)
{
    static const struct {
        const char *names;
        const char *host;
        enum trust_outcome outcome;
    } rows[] = {
        {"DNS:www.example.com", "www.example.com_443", TRUST_VALIDATED},
        {"DNS:WWW.example.com", "www.EXAMPLE.com_443", TRUST_VALIDATED},
        {"DNS:www.example.com", "ww.example.com_443", TRUST_WRONG_NAME},
        {"DNS:www.example.com", "www.example.com.evil.org_443", TRUST_WRONG_NAME},
        {"DNS:*.example.com", "a.example.com_443", TRUST_VALIDATED},
        {"DNS:*.example.com", "xn--mnchen-3ya.example.com_443", TRUST_VALIDATED},
        {"DNS:*.com", "example.com_443", TRUST_WRONG_NAME}, /* all of a registry's names */
        {"DNS:*", "server_443", TRUST_WRONG_NAME},
        {"DNS:a*.example.com", "abc.example.com_443", TRUST_WRONG_NAME}, /* RFC 9525: a whole label */
        {"DNS:*a.example.com", "ca.example.com_443", TRUST_WRONG_NAME},
        {"DNS:a.*.example.com", "a.b.example.com_443", TRUST_WRONG_NAME}, /* the first one */
        {"DNS:*.*.example.com", "a.b.example.com_443", TRUST_WRONG_NAME},
        {"DNS:xn--mnchen-3ya.example", "xn--mnchen-3ya.example_443", TRUST_VALIDATED}, /* IDN: the A-label */
        {"DNS:xn--*.example", "xn--mnchen-3ya.example_443", TRUST_WRONG_NAME},
        {"IP:127.0.0.21", "127.0.0.21_443", TRUST_VALIDATED},
        {"DNS:127.0.0.21", "127.0.0.21_443", TRUST_WRONG_NAME}, /* an address is no name */
        {"DNS:*.0.0.21", "127.0.0.21_443", TRUST_WRONG_NAME},
        {"IP:2001:db8::1", "2001:db8::1_443", TRUST_VALIDATED},
        {"IP:2001:db8::1", "2001:0DB8:0:0::1_443", TRUST_VALIDATED},
        {"IP:2001:db8::1", "2001:db8::2_443", TRUST_WRONG_NAME},
        {"IP:::ffff:127.0.0.21", "127.0.0.21_443", TRUST_WRONG_NAME}, /* RFC 5280 4.2.1.6: four octets */
        {"email:admin@example.com", "example.com_443", TRUST_WRONG_NAME},
        {"URI:https://www.example.com/", "www.example.com_443", TRUST_WRONG_NAME},
        /* "www.example.com", a NUL and ".evil" as one DNS name */
        {"DER:30178215"
         "7777772e6578616d706c652e636f6d"
         "002e6576696c",
         "www.example.com_443", TRUST_WRONG_NAME},
    };
    struct trust_verdict verdict;

    import(*state, root.certificate, "root");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct plan plan = {.subject = "/CN=www.example.com", .names = rows[i].names};
        struct party named = make(&plan, &inter);
        enum trust_outcome outcome = judge_as(*state, rows[i].host, named.certificate, true, &verdict);

        if (outcome != rows[i].outcome)
            fail_msg("%s for %s: %s", rows[i].names, rows[i].host, trust_outcome_name(outcome));
        assert_null(strchr(verdict.error.message, '\n'));
        drop(&named);
    }
}

static void each_fault_has_its_outcome(void **state)
{
    static const struct {
        struct plan plan;
        enum trust_outcome outcome;
        const char *says;
    } rows[] = {
        {{.subject = "/CN=a", .names = "IP:127.0.0.21", .from_s = -60 * DAY_S, .to_s = -DAY_S},
         TRUST_EXPIRED,
         "expired on"},
        {{.subject = "/CN=a", .names = "IP:127.0.0.21", .from_s = DAY_S},
         TRUST_NOT_YET_VALID,
         "not valid before"},
        {{.subject = "/CN=a", .names = "IP:127.0.0.21", .usage = "clientAuth"},
         TRUST_WRONG_USE,
         "TLS server"},
        {{.subject = "/CN=a", .names = "IP:127.0.0.21", .constraints = "CA:TRUE"},
         TRUST_WRONG_USE,
         "is a CA's"},
        {{.subject = "/CN=a", .names = "DNS:loc*.example.com"}, TRUST_WRONG_NAME, "not for 127.0.0.21"},
        {{.subject = "/CN=a"}, TRUST_WRONG_NAME, "no alternative names"},
        {{.subject = "/CN=a\\0ahost=forged", .names = "DNS:x"}, TRUST_WRONG_NAME, "not for"},
    };
    struct trust_verdict verdict;

    import(*state, root.certificate, "root");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct party bad = make(&rows[i].plan, &inter);

        assert_int_equal(judge_as(*state, host, bad.certificate, true, &verdict), rows[i].outcome);
        assert_int_equal(verdict.failed_depth, 0);
        assert_non_null(strstr(verdict.error.message, rows[i].says));
        assert_int_equal(verdict.error.code, ERROR_UNTRUSTED);
        assert_null(strchr(verdict.error.message, '\n'));
        drop(&bad);
    }
}

static void a_self_signed_one_is_trusted_once_taken_in(void **state)
{
    const struct plan plan = {.subject = "/CN=alone", .names = "IP:127.0.0.21", .constraints = "CA:TRUE"};
    struct party alone = make(&plan, NULL);
    struct trust_verdict verdict;

    import(*state, root.certificate, "root");
    assert_int_equal(judge_as(*state, host, alone.certificate, false, &verdict), TRUST_SELF_SIGNED);
    import(*state, alone.certificate, "alone");
    assert_int_equal(judge_as(*state, host, alone.certificate, false, &verdict), TRUST_VALIDATED);
    drop(&alone);
}

static void the_node_itself_is_judged_by_its_pin(void **state)
{
    struct fixture *fixture = *state;
    struct trust_request request = request_for(host);
    struct trust_verdict verdict;

    request.is_self = true;
    trust_judge(fixture->store, &request, shown[0], &verdict);
    assert_int_equal(verdict.outcome, TRUST_FIRST_USE);
    trust_judge(fixture->store, &request, shown[1], &verdict);
    assert_int_equal(verdict.outcome, TRUST_MISMATCH);
    request.is_self = false;
    trust_judge(fixture->store, &request, shown[0], &verdict);
    assert_int_equal(verdict.outcome, TRUST_NO_ISSUER);
}

/* An answer of `signer` about the server's certificate, status as V_OCSP_CERTSTATUS_...; the caller frees. */
static size_t answer(const struct party *about, const struct party *signer, int status, long from_s,
                     long to_s, unsigned char **der)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, about->certificate, inter.certificate);
    ASN1_TIME *from = X509_gmtime_adj(NULL, from_s);
    ASN1_TIME *to = to_s == 0 ? NULL : X509_gmtime_adj(NULL, to_s);
    OCSP_RESPONSE *response;
    int length;

    assert_non_null(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                           status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, to));
    assert_int_equal(
        OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, OCSP_NOCERTS), 1);
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    *der = NULL;
    length = i2d_OCSP_RESPONSE(response, der);
    assert_true(length > 0);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return (size_t)length;
}

/* Judges with a stapled answer, if there is one. */
static enum trust_outcome judge_stapled(struct fixture *fixture, const unsigned char *der, size_t length,
                                        struct trust_need **need, struct trust_verdict *verdict)
{
    struct trust_request request = request_for(host);
    struct trust_shown what = {.certificate = server.certificate,
                               .chain = sk_X509_new_null(),
                               .stapled = der,
                               .stapled_length = length};

    sk_X509_push(what.chain, inter.certificate);
    trust_judge_shown(fixture->store, &request, &what, need, verdict);
    sk_X509_free(what.chain);
    return verdict->outcome;
}

/* The cache is the process's: a responder's address of its own keeps tests apart. */
static struct ocsp_setting fresh_setting(bool hard)
{
    static int number;
    struct ocsp_setting setting = {.custom = true, .hard = hard};

    snprintf(setting.urls[0], OCSP_URL_MAX, "http://127.0.0.1/%d", number++);
    snprintf(setting.urls[1], OCSP_URL_MAX, "http://127.0.0.2/%d", number++);
    return setting;
}

static void a_stapled_answer_counts_if_it_is_sound(void **state)
{
    struct fixture *fixture = *state;
    struct ocsp_setting setting = fresh_setting(true);
    const struct {
        const struct party *signer;
        int status;
        long from_s, to_s;
        enum trust_outcome outcome;
    } rows[] = {
        {&inter, V_OCSP_CERTSTATUS_GOOD, -60, 3600, TRUST_VALIDATED},
        {&inter, V_OCSP_CERTSTATUS_GOOD, -60, 0, TRUST_VALIDATED},
        {&inter, V_OCSP_CERTSTATUS_GOOD, -2 * DAY_S, 0, TRUST_UNKNOWN_STATUS},      /* open end, too old */
        {&inter, V_OCSP_CERTSTATUS_GOOD, -2 * DAY_S, -DAY_S, TRUST_UNKNOWN_STATUS}, /* stale */
        {&inter, V_OCSP_CERTSTATUS_GOOD, DAY_S, 2 * DAY_S, TRUST_UNKNOWN_STATUS},   /* of the future */
        {&inter, V_OCSP_CERTSTATUS_GOOD, -60, -120, TRUST_UNKNOWN_STATUS}, /* ends before it begins */
        {&inter, V_OCSP_CERTSTATUS_REVOKED, -60, 3600, TRUST_REVOKED},
        {&inter, V_OCSP_CERTSTATUS_UNKNOWN, -60, 3600, TRUST_UNKNOWN_STATUS},
        {&root, V_OCSP_CERTSTATUS_GOOD, -60, 3600, TRUST_UNKNOWN_STATUS},   /* not who issued it */
        {&server, V_OCSP_CERTSTATUS_GOOD, -60, 3600, TRUST_UNKNOWN_STATUS}, /* about itself */
    };
    struct trust_verdict verdict;

    import(fixture, root.certificate, "root");
    set_ocsp(fixture, &setting);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char *der;
        size_t length = answer(&server, rows[i].signer, rows[i].status, rows[i].from_s, rows[i].to_s, &der);

        assert_int_equal(judge_stapled(fixture, der, length, NULL, &verdict), rows[i].outcome);
        OPENSSL_free(der);
    }
}

static void a_bit_that_flips_makes_an_answer_worthless(void **state)
{
    struct fixture *fixture = *state;
    struct ocsp_setting setting = fresh_setting(true);
    struct trust_verdict verdict;
    unsigned char *der;
    size_t length = answer(&server, &inter, V_OCSP_CERTSTATUS_GOOD, -60, 3600, &der);
    unsigned accepted = 0;

    import(fixture, root.certificate, "root");
    set_ocsp(fixture, &setting);
    for (size_t i = 0; i < length; i++) {
        der[i] ^= 1 << (i % 8);
        accepted += judge_stapled(fixture, der, length, NULL, &verdict) == TRUST_VALIDATED;
        der[i] ^= 1 << (i % 8);
    }
    for (size_t cut = 0; cut < length; cut += 7)
        accepted += judge_stapled(fixture, der, cut, NULL, &verdict) == TRUST_VALIDATED;
    assert_int_equal(judge_stapled(fixture, der, length, NULL, &verdict), TRUST_VALIDATED);
    assert_int_equal(accepted, 0);
    OPENSSL_free(der);
}

static void what_is_needed_is_said_fetched_and_kept(void **state)
{
    struct fixture *fixture = *state;
    struct ocsp_setting setting = fresh_setting(true);
    struct trust_need *need = NULL;
    struct trust_verdict verdict;
    struct error err = {0};
    unsigned char *der;
    size_t length;
    OCSP_REQUEST *request;
    const unsigned char *at;

    import(fixture, root.certificate, "root");
    set_ocsp(fixture, &setting);
    assert_int_equal(judge_stapled(fixture, NULL, 0, &need, &verdict), TRUST_UNDECIDED);
    assert_false(trust_is_accepted(verdict.outcome));
    assert_non_null(need);
    assert_int_equal(trust_need_urls(need), 2);
    assert_string_equal(trust_need_url(need, 0), setting.urls[0]);
    assert_string_equal(trust_need_url(need, 1), setting.urls[1]);
    at = trust_need_request(need, &length);
    request = d2i_OCSP_REQUEST(NULL, &at, (long)length);
    assert_non_null(request);
    assert_int_equal(OCSP_request_onereq_count(request), 1);
    OCSP_REQUEST_free(request);

    length = answer(&server, &root, V_OCSP_CERTSTATUS_GOOD, -60, 3600, &der);
    assert_int_equal(trust_need_settle(need, der, length, &err), -1);
    assert_non_null(strstr(err.message, "not signed by the CA"));
    OPENSSL_free(der);
    assert_int_equal(trust_need_settle(need, "junk", 4, &err), -1);
    assert_int_equal(trust_need_settle(need, "", 0, &err), -1);
    length = answer(&server, &inter, V_OCSP_CERTSTATUS_GOOD, -60, 3600, &der);
    assert_int_equal(trust_need_settle(need, der, length, &err), 0);
    OPENSSL_free(der);
    trust_need_free(need);
    assert_int_equal(judge_stapled(fixture, NULL, 0, &need, &verdict), TRUST_VALIDATED);
    assert_null(need);
    /* other responders may know better */
    setting = fresh_setting(true);
    set_ocsp(fixture, &setting);
    assert_int_equal(judge_stapled(fixture, NULL, 0, &need, &verdict), TRUST_UNDECIDED);
    trust_need_give_up(need, "http://127.0.0.1/ did not answer in time");
    trust_need_free(need);
    assert_int_equal(judge_stapled(fixture, NULL, 0, &need, &verdict), TRUST_UNKNOWN_STATUS);
    assert_null(need);
    assert_non_null(strstr(verdict.error.message, "did not answer in time"));
    setting.hard = false;
    set_ocsp(fixture, &setting);
    assert_int_equal(judge_stapled(fixture, NULL, 0, &need, &verdict), TRUST_VALIDATED);
    assert_non_null(strstr(verdict.error.message, "did not answer in time"));
}

static void responders_of_the_certificate_are_asked_by_default(void **state)
{
    struct fixture *fixture = *state;
    struct trust_need *need = NULL;
    struct trust_verdict verdict;

    import(fixture, root.certificate, "root");
    assert_int_equal(judge_stapled(fixture, NULL, 0, &need, &verdict), TRUST_UNDECIDED);
    assert_non_null(need);
    assert_int_equal(trust_need_urls(need), 1);
    assert_string_equal(trust_need_url(need, 0), "http://ocsp.test/");
    trust_need_free(need);
}

static void responders_addresses_are_checked(void **state)
{
    static const char *const bad[] = {"",
                                      "https://a/",
                                      "http://",
                                      "http:///x",
                                      "ftp://a",
                                      "http://u:p@a/",
                                      "http://a b/",
                                      "http://a\n/",
                                      "file:///etc/passwd",
                                      "http://a:99999/"};
    char longest[OCSP_URL_MAX + 8] = "http://a/";

    (void)state;
    assert_int_equal(trust_check_responder("http://ocsp.example.com", NULL), 0);
    assert_int_equal(trust_check_responder("http://127.0.0.1:8080/ocsp?x=1", NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(trust_check_responder(bad[i], NULL), -1);
    memset(longest + 9, 'x', sizeof(longest) - 10);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(trust_check_responder(longest, NULL), -1);
    longest[OCSP_URL_MAX - 1] = '\0';
    assert_int_equal(trust_check_responder(longest, NULL), 0);
}

static int count_ca(void *arg, const struct ca_certificate *ca)
{
    assert_int_equal(ca_check_alias(ca->alias, NULL), 0);
    ++*(int *)arg;
    return 0;
}

static void what_is_no_ca_is_not_taken_in(void **state)
{
    struct fixture *fixture = *state;
    struct ca_import order = {.certificate = server.certificate, .alias = "server"};
    struct error err = {0};
    struct store_txn *txn;
    int count = 0;

    assert_int_equal(store_run(fixture->store, import_job, &order, &err), -1);
    assert_non_null(strstr(err.message, "neither a CA's nor self-signed"));
    import(fixture, root.certificate, "root");
    order = (struct ca_import){.certificate = root.certificate, .alias = "again"};
    assert_int_equal(store_run(fixture->store, import_job, &order, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    order = (struct ca_import){.certificate = inter.certificate, .alias = "root"};
    assert_int_equal(store_run(fixture->store, import_job, &order, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    order.alias = "no slash/";
    assert_int_equal(store_run(fixture->store, import_job, &order, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    txn = store_read(fixture->store, &err);
    assert_int_equal(ca_each(txn, TRUST_ZONE_SYSTEM, count_ca, &count, &err), 0);
    assert_int_equal(count, 1);
    count = 0;
    assert_int_equal(ca_each(txn, TRUST_ZONE_USER, count_ca, &count, &err), 0);
    assert_int_equal(count, 0);
    store_end(txn);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, open_enabled, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(an_empty_trust_store_trusts_nobody),
        WITH_STORE(changes_of_the_trust_store_count_at_once),
        WITH_STORE(a_chain_seen_before_counts_for_the_same_only),
        WITH_STORE(an_intermediate_alone_is_trusted_too),
        WITH_STORE(names_are_compared_as_rfc_6125_says),
        WITH_STORE(what_a_name_may_look_like),
        WITH_STORE(each_fault_has_its_outcome),
        WITH_STORE(a_self_signed_one_is_trusted_once_taken_in),
        WITH_STORE(the_node_itself_is_judged_by_its_pin),
        WITH_STORE(a_stapled_answer_counts_if_it_is_sound),
        WITH_STORE(a_bit_that_flips_makes_an_answer_worthless),
        WITH_STORE(what_is_needed_is_said_fetched_and_kept),
        WITH_STORE(responders_of_the_certificate_are_asked_by_default),
        cmocka_unit_test(responders_addresses_are_checked),
        WITH_STORE(what_is_no_ca_is_not_taken_in),
    };
    int failed;

    fixture_make_certificates(NULL);
    failed = cmocka_run_group_tests(tests, make_parties, drop_parties);
    fixture_free_certificates(NULL);
    return failed;
}
