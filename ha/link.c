#include "ha/link.h"

#include "base/clock.h"
#include "base/fingerprint.h"
#include "ha/link_json.h"
#include "net/http_reply.h"
#include "x509/x509.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_SIZE (64 * 1024) /* bytes taken from TLS at once */

struct link {
    const struct link_self *self;
    struct host_port peer;
    char host[HOST_PORT_TEXT_MAX];
    struct tls_connection *connection;
    char node[PROOF_NODE_SIZE];
    char version[32];
    bool spent; /* no further request can be made */
    char buffer[READ_SIZE];
};

/* ---- requests ---- */

struct question {
    const char *method;
    const char *path;
    json_t *body; /* or NULL */
    bool streams; /* it asks for a stream */
};

static int send_request(struct link *link, const struct question *question, int64_t deadline_ms,
                        struct error *err)
{
    char *text = question->body == NULL ? NULL : json_dumps(question->body, JSON_COMPACT);
    bool is_v6 = link->peer.kind == HOST_IPV6;
    struct text request = {0};
    int result;

    text_format(&request, "%s %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n", question->method, question->path,
                is_v6 ? "[" : "", link->peer.host, is_v6 ? "]" : "", link->peer.port);
    if (question->streams)
        text_add_string(&request, "Connection: Upgrade\r\nUpgrade: " LINK_PROTOCOL "\r\n");
    if (text != NULL)
        text_format(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(text),
                    text);
    else
        text_add_string(&request,
                        strcmp(question->method, "GET") == 0 ? "\r\n" : "Content-Length: 0\r\n\r\n");
    if (request.failed || (question->body != NULL && text == NULL))
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    else
        result = tls_connection_write(link->connection, request.data, request.length, deadline_ms, err);
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    if (request.data != NULL)
        OPENSSL_cleanse(request.data, request.length);
    free(text);
    text_free(&request);
    return result;
}

/* One answer as it comes. */
struct reading {
    struct http_reply reply;
    struct text kept; /* its body */
    bool too_long;
    const char *rest; /* what came behind its head where a stream begins: in the link's buffer */
    size_t rest_length;
};

static int on_body(void *arg, const void *bytes, size_t length)
{
    struct reading *reading = arg;

    reading->too_long = reading->kept.length + length > LINK_REPLY_MAX;
    if (!reading->too_long)
        text_add(&reading->kept, bytes, length);
    return reading->too_long || reading->kept.failed;
}

static int read_answer(struct link *link, struct reading *reading, int64_t deadline_ms, struct error *err)
{
    struct http_reply *reply = &reading->reply;

    while (reply->step != HTTP_REPLY_DONE) {
        size_t used;
        ssize_t got =
            tls_connection_read(link->connection, link->buffer, sizeof(link->buffer), deadline_ms, err);

        if (got < 0)
            return -1;
        if (got == 0)
            return error_set(err, ERROR_UNREACHABLE, "%s closed the connection in the middle of an answer",
                             link->host);
        if (http_reply_take(reply, link->buffer, (size_t)got, &used, on_body, reading, err) != 0)
            return reading->too_long
                       ? error_set(err, ERROR_UNREACHABLE, "%s answered with more than %d bytes", link->host,
                                   LINK_REPLY_MAX)
                       : -1;
        if (reply->upgrades && reply->step > HTTP_REPLY_HEADERS && reply->status / 100 == 2)
            return error_set(err, ERROR_UNREACHABLE, "%s answers with no stream",
                             link->host); /* nor an end */
        reading->rest = link->buffer + used;
        reading->rest_length = (size_t)got - used;
        if (reading->rest_length > 0 && reply->status != HTTP_REPLY_UPGRADED)
            return error_set(err, ERROR_UNREACHABLE, "%s says more than it was asked for", link->host);
    }
    link->spent = reply->closes || reply->status == HTTP_REPLY_UPGRADED;
    return 0;
}

/* The answer as JSON, where it is one; else what it says. *result: a new reference or NULL. */
static int judge_answer(struct link *link, const struct reading *reading, json_t **result, struct error *err)
{
    const struct http_reply *reply = &reading->reply;
    const struct text *kept = &reading->kept;
    json_t *object = kept->length == 0 ? NULL : link_json_read(kept->data, kept->length, NULL);
    int failed = 0;

    if (reply->status >= 300) {
        failed = -1;
        if (!link_json_read_error(object, err))
            error_set(err, ERROR_UNREACHABLE, "%s answers with HTTP status %d", link->host, reply->status);
    } else if (reply->status == 200 && object == NULL && kept->length > 0) {
        failed = error_set(err, ERROR_UNREACHABLE, "%s answers with what is no JSON object", link->host);
    }
    if (failed == 0 && result != NULL)
        *result = object != NULL ? object : json_object();
    else
        json_decref(object);
    return failed;
}

static int ask_for(struct link *link, const struct question *question, int64_t deadline_ms, struct error *err)
{
    if (link->spent)
        return error_set(err, ERROR_UNREACHABLE, "the connection to %s is of no more use", link->host);
    link->spent = true; /* until an answer is there as a whole */
    return send_request(link, question, deadline_ms, err);
}

static int end_reading(struct reading *reading, bool failed, const struct error *why, struct error *err)
{
    if (reading->kept.data != NULL)
        OPENSSL_cleanse(reading->kept.data, reading->kept.length);
    text_free(&reading->kept);
    http_reply_clear(&reading->reply);
    if (failed && err != NULL)
        *err = *why;
    return failed ? -1 : 0;
}

int link_request(struct link *link, const char *method, const char *path, json_t *body, int timeout_ms,
                 json_t **reply, struct error *err)
{
    const struct question question = {.method = method, .path = path, .body = body};
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct reading reading = {0};
    struct error why = {0};
    bool failed = ask_for(link, &question, deadline_ms, &why) != 0 ||
                  read_answer(link, &reading, deadline_ms, &why) != 0 ||
                  judge_answer(link, &reading, reply, &why) != 0;

    return end_reading(&reading, failed, &why, err);
}

static int hear_stream(struct link *link, const struct reading *reading, int silence_ms, link_bytes bytes,
                       void *arg, struct error *err)
{
    const char *piece = reading->rest;
    ssize_t length = (ssize_t)reading->rest_length;

    for (;;) {
        if (length > 0 && bytes(arg, piece, (size_t)length) != 0)
            return error_set(err, ERROR_BUSY, "the stream of %s is not wanted any more", link->host);
        piece = link->buffer;
        length = tls_connection_read(link->connection, link->buffer, sizeof(link->buffer),
                                     clock_monotonic_ms() + silence_ms, err);
        if (length <= 0)
            return (int)length;
    }
}

int link_stream(struct link *link, const char *path, int silence_ms, link_bytes bytes, void *arg,
                struct error *err)
{
    const struct question question = {.method = "GET", .path = path, .streams = true};
    int64_t deadline_ms = clock_monotonic_ms() + silence_ms;
    struct reading reading = {.reply.upgrades = true};
    struct error why = {0};
    bool failed = ask_for(link, &question, deadline_ms, &why) != 0 ||
                  read_answer(link, &reading, deadline_ms, &why) != 0;

    if (!failed && reading.reply.status == HTTP_REPLY_UPGRADED)
        failed = hear_stream(link, &reading, silence_ms, bytes, arg, &why) != 0;
    else if (!failed)
        failed = judge_answer(link, &reading, NULL, &why) != 0;
    return end_reading(&reading, failed, &why, err);
}

int link_tell(struct link *link, const void *bytes, size_t length, int timeout_ms, struct error *err)
{
    return tls_connection_write(link->connection, bytes, length, clock_monotonic_ms() + timeout_ms, err);
}

/* ---- opening ---- */

/* One opening under way. */
struct opening {
    struct link *link;
    const struct link_options *options;
    struct trust_request trust;
    struct proof_facts facts;
    uint8_t exporter[PROOF_EXPORTER_SIZE];
    int64_t deadline_ms;
};

static void tell_verdict(const struct opening *opening, const struct trust_verdict *verdict)
{
    const struct link_self *self = opening->link->self;

    if (self->judged != NULL && verdict->outcome != TRUST_OUTCOMES)
        self->judged(self->arg, &opening->trust, verdict);
}

/* `authenticate-client` is enabled there, and a first contact comes without a chance to be known. */
static int explain_stranger(const struct opening *opening, struct error *err)
{
    const struct link_self *self = opening->link->self;
    const char *peer = opening->options->peer.host;
    uint8_t sha256[FINGERPRINT_SIZE];
    char shown[FINGERPRINT_TEXT_MAX] = "";
    struct error said = *err;

    if (x509_fingerprint(self->identity->certificate, sha256, NULL) == 0)
        fingerprint_format(sha256, shown);
    error_set(err, ERROR_UNTRUSTED, "%s refuses this server: %s", peer, said.message);
    return error_hint(err,
                      "on %s, where `ncs key authenticate-client` is enabled, let it know this server's "
                      "certificate: ncs certvalidation tofu-certs addcert host %s_%u fingerprint %s",
                      peer, self->address, self->port, shown);
}

/* What the peer says before anything is proved, made a sentence of this node's. */
static int explain(const struct opening *opening, struct error *err)
{
    const struct link *link = opening->link;
    const struct link_self *self = link->self;
    struct error said = *err;

    if (tls_connection_is_refused(link->connection))
        return explain_stranger(opening, err);
    if (said.code == ERROR_DENIED && strcmp(said.message, LINK_KEY_MISMATCH) == 0) {
        error_set(err, ERROR_DENIED,
                  "Authentication key does not match between primary %s and secondary servers %s",
                  self->is_primary ? self->address : link->peer.host,
                  self->is_primary ? link->peer.host : self->address);
        return error_hint(err, "set the same key on both with `ncs ha authkey`");
    }
    if (said.code == ERROR_PIN_MISMATCH || said.code == ERROR_UNTRUSTED) {
        error_set(err, said.code, "%s refuses this server: %s", link->peer.host, said.message);
        if (said.hint[0] != '\0')
            error_hint(err, "on %s, %s", link->peer.host, said.hint);
    }
    return -1;
}

static int left_ms(const struct opening *opening)
{
    int64_t left = opening->deadline_ms - clock_monotonic_ms();

    return left < 1 ? 1 : (int)left;
}

static int ask(struct opening *opening, const char *path, json_t *body, json_t **reply, struct error *err)
{
    int failed = body == NULL ? error_set(err, ERROR_INTERNAL, "out of memory")
                              : link_request(opening->link, "POST", path, body, left_ms(opening), reply, err);

    json_decref(body);
    return failed == 0 ? 0 : explain(opening, err);
}

/* Each side gives its id and a nonce. */
static int exchange_nonces(struct opening *opening, struct error *err)
{
    struct link *link = opening->link;
    struct proof_facts *facts = &opening->facts;
    char nonce[2 * PROOF_NONCE_SIZE + 1];
    json_t *reply = NULL;
    const char *node;
    int result = 0;

    if (proof_nonce(facts->nonce_caller, err) != 0)
        return -1;
    proof_hex(facts->nonce_caller, PROOF_NONCE_SIZE, nonce);
    memcpy(facts->node_caller, link->self->node, PROOF_NODE_SIZE);
    if (ask(opening, "/ha/v1/challenge",
            json_pack("{s:s, s:s, s:s}", "node", link->self->node, "nonce", nonce, "version",
                      link->self->version),
            &reply, err) != 0)
        return -1;
    node = json_string_value(json_object_get(reply, "node"));
    if (!proof_is_node(node) || !proof_unhex(json_string_value(json_object_get(reply, "nonce")),
                                             facts->nonce_callee, PROOF_NONCE_SIZE)) {
        result =
            error_set(err, ERROR_UNREACHABLE, "%s does not speak as a server of a pair does", link->host);
    } else {
        memcpy(facts->node_callee, node, PROOF_NODE_SIZE);
        memcpy(link->node, node, PROOF_NODE_SIZE);
        link_json_text(reply, "version", link->version, sizeof(link->version));
    }
    json_decref(reply);
    return result;
}

static int check_callee(struct opening *opening, json_t *reply, struct error *err)
{
    struct link *link = opening->link;
    uint8_t expected[PROOF_SIZE], shown[PROOF_SIZE];

    if (proof_make(opening->exporter, opening->options->key, PROOF_CALLEE, &opening->facts, expected, err) !=
        0)
        return -1;
    if (proof_unhex(json_string_value(json_object_get(reply, "proof")), shown, PROOF_SIZE) &&
        proof_is(expected, shown))
        return 0;
    error_set(err, ERROR_UNTRUSTED,
              "%s did not prove that it knows the authentication key: something else answers there, or "
              "stands in between",
              link->host);
    return error_hint(err, "look at what listens on %s, and at the way there", link->host);
}

static int prove(struct opening *opening, struct error *err)
{
    uint8_t proof[PROOF_SIZE];
    char text[2 * PROOF_SIZE + 1];
    json_t *reply = NULL;
    int result;

    if (proof_make(opening->exporter, opening->options->key, PROOF_CALLER, &opening->facts, proof, err) != 0)
        return -1;
    proof_hex(proof, PROOF_SIZE, text);
    if (ask(opening, "/ha/v1/prove", json_pack("{s:s}", "proof", text), &reply, err) != 0)
        return -1;
    result = check_callee(opening, reply, err);
    json_decref(reply);
    return result;
}

/* Proved: now a first contact becomes a pin, and a known one was seen. */
static int keep_pin(struct opening *opening, struct error *err)
{
    struct link *link = opening->link;
    struct trust_verdict verdict;

    opening->trust.mode = TRUST_PIN;
    trust_judge(link->self->store, &opening->trust,
                SSL_get0_peer_certificate(tls_connection_ssl(link->connection)), &verdict);
    if (trust_is_accepted(verdict.outcome))
        return 0;
    tell_verdict(opening, &verdict);
    if (err != NULL)
        *err = verdict.error;
    return -1;
}

static bool passes(const struct trust_verdict *verdict)
{
    return trust_is_accepted(verdict->outcome) || verdict->outcome == TRUST_NO_PIN;
}

static int open_all(struct opening *opening, struct error *err)
{
    struct link *link = opening->link;
    const struct link_self *self = link->self;
    const struct tls_connection_options options = {
        .trust = &opening->trust, .identity = self->identity, .source = self->address, .first_contact = true};
    struct trust_verdict verdict;

    link->connection = tls_connection_open(self->store, &options, opening->options->cancel,
                                           opening->deadline_ms, &verdict, err);
    tell_verdict(opening, &verdict);
    if (link->connection == NULL)
        /* a refusal of its own would be in the verdict */
        return err->code == ERROR_UNTRUSTED && passes(&verdict) ? explain_stranger(opening, err) : -1;
    if (proof_exporter(tls_connection_ssl(link->connection), opening->exporter, err) != 0 ||
        exchange_nonces(opening, err) != 0 || prove(opening, err) != 0)
        return -1;
    /* with a zone's CAs the verdict stands as it is: nothing is pinned */
    return verdict.outcome == TRUST_NO_PIN || verdict.outcome == TRUST_MATCH ? keep_pin(opening, err) : 0;
}

struct link *link_open(const struct link_self *self, const struct link_options *options, struct error *err)
{
    int timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : LINK_TIMEOUT_MS;
    struct link *link = calloc(1, sizeof(*link));
    struct opening opening = {.link = link,
                              .options = options,
                              .trust = {.host = options->peer,
                                        .zone = TRUST_ZONE_SYSTEM,
                                        .mode = TRUST_OBSERVE,
                                        .task = options->task,
                                        .stays_on_node = true},
                              .deadline_ms = clock_monotonic_ms() + timeout_ms};
    struct error why = {0};

    if (link == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    link->self = self;
    link->peer = options->peer;
    host_port_format(&options->peer, link->host);
    if (open_all(&opening, &why) == 0)
        return link;
    if (err != NULL)
        *err = why;
    link_close(link);
    return NULL;
}

void link_close(struct link *link)
{
    if (link == NULL)
        return;
    tls_connection_close(link->connection);
    OPENSSL_cleanse(link->buffer, sizeof(link->buffer));
    free(link);
}

const char *link_peer_node(const struct link *link)
{
    return link->node;
}

const char *link_peer_version(const struct link *link)
{
    return link->version;
}
