/* ncs ha check-readiness: what stands against a registration, tested on both servers. */
#include "base/clock.h"
#include "base/version.h"
#include "daemon/configuration.h"
#include "daemon/pair_private.h"
#include "ha/readiness.h"

#include <netdb.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADVICE_MAX (2 * ERROR_TEXT_MAX + HOST_TEXT_MAX + 16)
#define ANSWER_MS 15000 /* the other server tries its disk, and its way back */

/* What one server found out about its way to the other one. */
struct way {
    bool tried;
    bool open;          /* the connection stands, proved */
    struct error error; /* why not */
};

struct checking {
    struct pair *pair;
    struct ha_readiness readiness;
    char address[HOST_TEXT_MAX]; /* of the other one */
    struct way there;            /* from here to it */
    struct way back;
    struct ha_machine here, other;
    bool other_known;
    int64_t clock_off_ms; /* the other's clock against this one's */
    char other_version[32];
    char other_name[HOST_TEXT_MAX];
    char other_state[PAIR_STATE_SIZE];
    bool other_resolves;
};

static bool resolves(const char *name)
{
    struct addrinfo *list = NULL;
    bool found = getaddrinfo(name, NULL, NULL, &list) == 0;

    if (list != NULL)
        freeaddrinfo(list);
    return found;
}

/* ---- asking ---- */

static int run_readiness(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                         struct error *err)
{
    struct pair *pair = arg;
    const char *name = json_string_value(json_object_get(params, "name"));
    char hostname[HOST_TEXT_MAX];
    struct ha_machine machine;
    struct error why = {0};
    enum ha_state state;
    struct link *link;

    if (ha_machine_look(pair->node->home, &machine, err) != 0)
        return -1;
    pair_record_of(pair, &state);
    link = pair_connect(pair, caller->address, "Readiness", PAIR_STEP_MS, &why);
    configuration_hostname(pair->node, hostname);
    *result =
        json_pack("{s:o, s:I, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s}", "machine", ha_machine_write(&machine),
                  "clock_ms", (json_int_t)clock_wall_ms(), "version", PRODUCT_VERSION, "name", hostname,
                  "state", ha_state_facts(state)->name, "resolves", name != NULL && resolves(name), "back",
                  link != NULL, "code", error_code_name(why.code), "message", why.message, "hint", why.hint);
    link_close(link);
    return 0;
}

static void copy_text(json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));

    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void read_answer(struct checking *checking, json_t *reply, int64_t asked_ms, int64_t took_ms)
{
    const char *code = json_string_value(json_object_get(reply, "code"));

    checking->other_known = true;
    ha_machine_read(json_object_get(reply, "machine"), &checking->other);
    /* the answer is written at its end */
    checking->clock_off_ms = json_integer_value(json_object_get(reply, "clock_ms")) - (asked_ms + took_ms);
    copy_text(reply, "version", checking->other_version, sizeof(checking->other_version));
    copy_text(reply, "name", checking->other_name, sizeof(checking->other_name));
    copy_text(reply, "state", checking->other_state, sizeof(checking->other_state));
    checking->other_resolves = json_is_true(json_object_get(reply, "resolves"));
    checking->back.tried = true;
    checking->back.open = json_is_true(json_object_get(reply, "back"));
    if (code != NULL && !checking->back.open)
        checking->back.error.code = error_code_parse(code);
    copy_text(reply, "message", checking->back.error.message, sizeof(checking->back.error.message));
    copy_text(reply, "hint", checking->back.error.hint, sizeof(checking->back.error.hint));
}

static void ask_other(struct checking *checking)
{
    struct pair *pair = checking->pair;
    struct error *err = &checking->there.error;
    struct link *link = pair_connect(pair, checking->address, "Readiness", 0, err);
    char hostname[HOST_TEXT_MAX];
    int64_t start_ms = clock_monotonic_ms();
    int64_t asked_ms = clock_wall_ms();
    json_t *reply = NULL;
    json_t *body;

    checking->there.tried = true;
    checking->there.open = link != NULL;
    if (link == NULL)
        return;
    configuration_hostname(pair->node, hostname);
    body = json_pack("{s:s}", "name", hostname);
    if (link_request(link, "POST", "/ha/v1/readiness", body, ANSWER_MS, &reply, err) == 0)
        read_answer(checking, reply, asked_ms, clock_monotonic_ms() - start_ms);
    json_decref(body);
    json_decref(reply);
    link_close(link);
}

/* ---- judging ---- */

/* "trusts the secondary": what one server does with the other. `primary`: it does it with the primary. */
#define SAYING_MAX 40
static const char *say(const char *does, bool primary, char out[SAYING_MAX])
{
    snprintf(out, SAYING_MAX, "%s the %s", does, primary ? "primary" : "secondary");
    return out;
}

static bool is_trust(const struct way *way)
{
    return way->error.code == ERROR_PIN_MISMATCH || way->error.code == ERROR_UNTRUSTED;
}

static bool is_key(const struct way *way)
{
    return way->error.code == ERROR_DENIED;
}

static bool is_reach(const struct way *way)
{
    return way->error.code == ERROR_UNREACHABLE || way->error.code == ERROR_TIMEOUT;
}

static void advise(char *out, size_t size, const struct error *err)
{
    snprintf(out, size, "%s%s%s", err->message, err->hint[0] != '\0' ? "; " : "", err->hint);
}

static void judge_reach(struct checking *checking)
{
    bool there = !is_reach(&checking->there);
    bool back = checking->back.tried && !is_reach(&checking->back);
    char advice[ADVICE_MAX] = "";

    if (!there)
        advise(advice, sizeof(advice), &checking->there.error);
    else if (checking->back.tried && !back)
        advise(advice, sizeof(advice), &checking->back.error);
    ha_readiness_add(&checking->readiness, "Peer reachable on 8082", there ? "yes" : "no",
                     !checking->back.tried ? "-"
                     : back                ? "yes"
                                           : "no",
                     there && (back || !checking->back.tried) ? HA_PASS : HA_FAIL, advice);
}

/* Who refuses whom, from what both found out. */
static struct pair_refusal refusal_of(struct checking *checking)
{
    struct pair_refusal refusal = pair_refusal_of(checking->pair, checking->address, &checking->there.error);

    /* on its way back the other one is the judge of this one's certificate, or hears that this one refuses it
     */
    if (checking->back.tried && is_trust(&checking->back)) {
        refusal.why = checking->back.error;
        refusal.here = strstr(checking->back.error.message, " refuses this server") != NULL;
        refusal.there = !refusal.here;
        if (refusal.there)
            error_hint(&refusal.why, "on %s, %.800s", checking->address, checking->back.error.hint);
    }
    return refusal;
}

/* The test whose lack makes the original procedure painful: which server refuses whose certificate. */
static void judge_trust(struct checking *checking)
{
    const struct pair_refusal refusal = refusal_of(checking);
    char advice[ADVICE_MAX] = "";
    bool tested = !is_reach(&checking->there);
    bool back_known = checking->back.tried || (refusal.here && !refusal.there_unknown);
    char here[SAYING_MAX], there[SAYING_MAX];
    bool secondary = checking->readiness.is_secondary;

    if (is_trust(&checking->there)) {
        struct error why = checking->there.error;

        pair_refusal_hint(checking->pair, checking->address, &why);
        advise(advice, sizeof(advice), &why);
    } else if (checking->back.tried && is_trust(&checking->back))
        snprintf(advice, sizeof(advice), "on %s: %s; %s", checking->address, checking->back.error.message,
                 checking->back.error.hint);
    ha_readiness_add(&checking->readiness, "Certificate trust",
                     !tested ? "-" : say(refusal.here ? "refuses" : "trusts", secondary, here),
                     refusal.there            ? say("refuses", !secondary, there)
                     : !tested || !back_known ? "-"
                                              : say("trusts", !secondary, there),
                     refusal.here || refusal.there ? HA_FAIL
                     : tested                      ? HA_PASS
                                                   : HA_NOT_TESTED,
                     advice);
    if (refusal.here || refusal.there)
        ha_readiness_steps(&checking->readiness, refusal.why.message,
                           pair_refusal_steps(checking->pair, checking->address, &refusal));
}

static void judge_key(struct checking *checking)
{
    struct proof_key key;
    bool set = pair_key(checking->pair, &key, NULL) == 0;
    char advice[ADVICE_MAX] = "";
    bool missing_there = checking->there.error.code == ERROR_CONFLICT;

    OPENSSL_cleanse(&key, sizeof(key));
    if (!set)
        snprintf(advice, sizeof(advice), "set the same key on both servers with `ncs ha authkey`");
    else if (is_key(&checking->there) || missing_there)
        advise(advice, sizeof(advice), &checking->there.error);
    ha_readiness_add(&checking->readiness, "Authentication key", set ? "set" : "not set",
                     missing_there              ? "not set"
                     : is_key(&checking->there) ? "another"
                     : checking->there.open     ? "the same"
                                                : "-",
                     !set || missing_there || is_key(&checking->there) ? HA_FAIL
                     : checking->there.open                            ? HA_PASS
                                                                       : HA_NOT_TESTED,
                     advice);
}

static void judge_both(struct checking *checking)
{
    bool known = checking->other_known;
    bool same = strcmp(checking->other_version, PRODUCT_VERSION) == 0;
    long long off_ms = llabs((long long)checking->clock_off_ms);
    char hostname[HOST_TEXT_MAX], off[32];
    char here[SAYING_MAX], there[SAYING_MAX];
    bool secondary = checking->readiness.is_secondary;
    bool name_here;

    ha_readiness_add(&checking->readiness, "Product version", PRODUCT_VERSION,
                     known ? checking->other_version : "-",
                     !known ? HA_NOT_TESTED
                     : same ? HA_PASS
                            : HA_FAIL,
                     known && !same ? "bring both servers to the same version" : "");
    snprintf(off, sizeof(off), "%.1f s apart", (double)off_ms / 1000.0);
    ha_readiness_add(&checking->readiness, "Clock difference", "", known ? off : "-",
                     !known                         ? HA_NOT_TESTED
                     : off_ms <= READINESS_CLOCK_MS ? HA_PASS
                                                    : HA_WARNING,
                     known && off_ms > READINESS_CLOCK_MS ? "have both servers follow the same time servers"
                                                          : "");
    ha_readiness_add(&checking->readiness, "Health monitor", "running",
                     known                  ? "running"
                     : checking->there.open ? "no answer"
                                            : "-",
                     known ? HA_PASS : HA_NOT_TESTED, "");
    configuration_hostname(checking->pair->node, hostname);
    name_here = known && resolves(checking->other_name);
    ha_readiness_add(&checking->readiness, "Name resolution",
                     !known ? "-" : say(name_here ? "finds" : "does not find", secondary, here),
                     !known ? "-"
                            : say(checking->other_resolves ? "finds" : "does not find", !secondary, there),
                     !known                                  ? HA_NOT_TESTED
                     : name_here && checking->other_resolves ? HA_PASS
                                                             : HA_WARNING,
                     known && !(name_here && checking->other_resolves)
                         ? "use addresses, or enter both names in DNS or /etc/hosts"
                         : "");
}

static void judge_roles(struct checking *checking)
{
    struct pair_record record;
    enum ha_state state;
    bool alone, ours;

    record = pair_record_of(checking->pair, &state);
    alone =
        checking->other_known && strcmp(checking->other_state, ha_state_facts(HA_NOT_CONFIGURED)->name) == 0;
    ours = strcmp(record.peer_address, checking->address) == 0;
    ha_readiness_add(&checking->readiness, "Pair", ha_state_facts(state)->name,
                     checking->other_known ? checking->other_state : "-",
                     !checking->other_known ? HA_NOT_TESTED
                     : alone || ours        ? HA_PASS
                                            : HA_FAIL,
                     checking->other_known && !alone && !ours
                         ? "the other server belongs to another pair: ncs ha remove there"
                         : "");
}

/* How many changes the standby may miss before it needs a new copy of everything. */
static void judge_revisions(struct checking *checking)
{
    struct ha_sender_state sent;
    uint64_t left;
    char text[48];

    pair_sent(checking->pair, &sent);
    left = sent.unreplicated < CHANGES_KEPT ? CHANGES_KEPT - sent.unreplicated : 0;
    snprintf(text, sizeof(text), "%llu changes", (unsigned long long)left);
    ha_readiness_add(&checking->readiness, "Free revision window", text, "",
                     left > CHANGES_KEPT / 10 ? HA_PASS : HA_WARNING,
                     left > CHANGES_KEPT / 10 ? "" : "the standby will need a new copy of all records soon");
}

static void judge_address(struct checking *checking)
{
    struct pair_record record = {0};
    struct error err = {0};
    char advice[ADVICE_MAX] = "";
    int failed;

    pair_form_now(checking->pair, &record.form);
    if (record.form.ipv4[0] == '\0') {
        ha_readiness_add(&checking->readiness, "Virtual address", "none", "none", HA_PASS, "");
        return;
    }
    snprintf(record.peer_address, sizeof(record.peer_address), "%s", checking->address);
    failed = pair_address_check(checking->pair, &record, &err);
    if (failed != 0)
        advise(advice, sizeof(advice), &err);
    ha_readiness_add(&checking->readiness, "Virtual address", record.form.ipv4, record.form.ipv4,
                     failed == 0 ? HA_PASS : HA_FAIL, advice);
}

int pair_readiness(struct pair *pair, const struct pair_wish *wish, json_t **result, struct error *err)
{
    struct checking checking = {.pair = pair, .readiness.tests = json_array()};
    enum ha_state state;
    struct pair_record record = pair_record_of(pair, &state);

    checking.readiness.is_secondary = ha_state_facts(state)->role == HA_SECONDARY;
    if (!pair->running) {
        json_decref(checking.readiness.tests);
        error_set(err, ERROR_CONFLICT, "the services of this server are stopped");
        return error_hint(err, "start them with `ncs start`");
    }
    if (wish->peer == NULL && record.peer_address[0] != '\0')
        memcpy(checking.address, record.peer_address, sizeof(checking.address));
    if ((checking.address[0] == '\0' && pair_wished_peer(pair, wish, checking.address, err) != 0) ||
        ha_machine_look(pair->node->home, &checking.here, err) != 0) {
        json_decref(checking.readiness.tests);
        return -1;
    }
    ask_other(&checking);
    ha_readiness_machines(&checking.readiness, &checking.here, checking.other_known ? &checking.other : NULL);
    judge_both(&checking);
    judge_reach(&checking);
    judge_trust(&checking);
    judge_key(&checking);
    judge_roles(&checking);
    judge_revisions(&checking);
    judge_address(&checking);
    *result =
        json_pack("{s:o, s:i}", "tests", checking.readiness.tests, "failed", (int)checking.readiness.failed);
    return 0;
}

size_t pair_ready_routes_fill(struct pair *pair, struct link_route *routes)
{
    routes[0] =
        (struct link_route){.method = "POST", .path = "/ha/v1/readiness", .run = run_readiness, .arg = pair};
    return 1;
}
