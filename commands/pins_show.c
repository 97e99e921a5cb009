/* ncs certvalidation tofu-certs: the commands that read the store, with or without primed. */
#include "base/clock.h"
#include "commands/context.h"
#include "store/certificate.h"
#include "store/pair.h"
#include "store/pin.h"

#include <string.h>

#define TOFU "ncs certvalidation tofu-certs "

enum { LIST_HOST, LIST_SUBJECT, LIST_STANDBY };
static const struct shell_column list_columns[] = {
    [LIST_HOST] = {.name = "host"},
    [LIST_SUBJECT] = {.name = "subject"},
    [LIST_STANDBY] = {.name = "standby", .kind = SHELL_TEXT},
};

/* The two published forms; scripts in the field parse them. */
#define LIST_HEADER                                                                \
    "Host certificate are automatically added to this list on first connection,\n" \
    "if trust-on-first-use is configured - ncs certvalidation certificate-check ...\n"
#define LIST_35 "host={host};  subject= {subject}"
#define LIST_39 "host={host};  subject={subject}"

/* By release, and with or without those of the active node. */
static const struct shell_listing list_forms[2][2] = {
    {{.name = "pins",
      .form = SHELL_LINES,
      SHELL_COLUMNS(list_columns),
      .header = LIST_HEADER,
      .line = LIST_35},
     {.name = "pins",
      .form = SHELL_LINES,
      SHELL_COLUMNS(list_columns),
      .header = LIST_HEADER,
      .line = LIST_35 "{standby}"}},
    {{.name = "pins", .form = SHELL_LINES, SHELL_COLUMNS(list_columns), .line = LIST_39},
     {.name = "pins", .form = SHELL_LINES, SHELL_COLUMNS(list_columns), .line = LIST_39 "{standby}"}},
};

static bool shows_release_39(struct context *context)
{
    char release[CONTEXT_RELEASE_MAX];

    context_release(context, release);
    return strcmp(release, NODE_RELEASE_DEFAULT) != 0;
}

static int list_rows(struct shell_call *call, struct store_txn *txn, bool all, struct error *err)
{
    bool release_39 = shows_release_39(context_of(call));
    bool standby = !store_is_active(txn); /* where this node is the active one, all pins are its own */
    struct shell_output *output = shell_output(call);
    struct pin_cursor *cursor = pin_cursor_open(txn, err);
    struct text oneline = {0};
    struct pin_row row;
    int got;

    if (cursor == NULL)
        return -1;
    output_begin(output, &list_forms[release_39][all]);
    while ((got = pin_cursor_next(cursor, &row, err)) == 1 && !output_stopped(output)) {
        bool idle = row.from_peer && standby;

        if (idle && !all)
            continue;
        output_text(output, LIST_HOST, row.host, row.host_length);
        if (release_39) {
            text_clear(&oneline);
            pin_row_oneline(&row, &oneline);
            output_text(output, LIST_SUBJECT, oneline.length > 0 ? oneline.data : "", oneline.length);
        } else {
            output_text(output, LIST_SUBJECT, row.subject_slash, row.subject_slash_length);
        }
        if (idle)
            output_string(output, LIST_STANDBY, " (standby)");
        output_row_end(output);
    }
    output_end(output);
    text_free(&oneline);
    pin_cursor_close(cursor);
    return got < 0 ? -1 : 0;
}

static int run_list(struct shell_call *call, struct error *err)
{
    struct store_txn *txn = context_read(call, err);
    int failed;

    if (txn == NULL)
        return -1;
    failed = list_rows(call, txn, shell_has(call, "all"), err);
    store_end(txn);
    return failed;
}

enum {
    DETAIL_HOST,
    DETAIL_SUBJECT,
    DETAIL_ISSUER,
    DETAIL_SERIAL,
    DETAIL_NOT_BEFORE,
    DETAIL_NOT_AFTER,
    DETAIL_NAMES,
    DETAIL_KEY,
    DETAIL_SIGNATURE,
    DETAIL_SHA256,
    DETAIL_ZONE,
    DETAIL_FIRST_SEEN,
    DETAIL_LAST_SEEN,
    DETAIL_STATE
};
static const struct shell_column detail_columns[] = {
    [DETAIL_HOST] = {.name = "host", .heading = "Host"},
    [DETAIL_SUBJECT] = {.name = "subject", .heading = "Subject"},
    [DETAIL_ISSUER] = {.name = "issuer", .heading = "Issuer"},
    [DETAIL_SERIAL] = {.name = "serial", .heading = "Serial"},
    [DETAIL_NOT_BEFORE] = {.name = "not_before", .heading = "Valid from", .kind = SHELL_TIME},
    [DETAIL_NOT_AFTER] = {.name = "not_after", .heading = "Valid until", .kind = SHELL_TIME},
    [DETAIL_NAMES] = {.name = "names", .heading = "Names"},
    [DETAIL_KEY] = {.name = "key", .heading = "Key"},
    [DETAIL_SIGNATURE] = {.name = "signature", .heading = "Signature"},
    [DETAIL_SHA256] = {.name = "sha256", .heading = "SHA-256"},
    [DETAIL_ZONE] = {.name = "zone", .heading = "Trust zone"},
    [DETAIL_FIRST_SEEN] = {.name = "first_seen", .heading = "First seen", .kind = SHELL_TIME},
    [DETAIL_LAST_SEEN] = {.name = "last_seen", .heading = "Last seen", .kind = SHELL_TIME},
    [DETAIL_STATE] = {.name = "state", .heading = "State"},
};
static const struct shell_listing detail_listing = {
    .name = "pins", .form = SHELL_BLOCKS, SHELL_COLUMNS(detail_columns), .none = "No server is pinned.\n"};

static const char *state_of(struct store_txn *txn, const struct pin *pin)
{
    struct pin_refused refused;
    int64_t now = clock_wall_ms();

    if (pin_refused_get(txn, pin->host, &refused, NULL) == 0)
        return "pinned, another certificate was refused";
    if (pin->from_peer && !store_is_active(txn))
        return "standby";
    return pin->not_after_ms < now ? "pinned, expired" : "pinned";
}

static void print_fingerprint(struct shell_output *output, size_t column,
                              const uint8_t sha256[FINGERPRINT_SIZE])
{
    static const uint8_t none[FINGERPRINT_SIZE];
    char text[FINGERPRINT_TEXT_MAX];

    if (memcmp(sha256, none, FINGERPRINT_SIZE) == 0)
        return;
    fingerprint_format(sha256, text);
    output_string(output, column, text);
}

static int print_pin(struct shell_output *output, struct store_txn *txn, const struct pin *pin,
                     struct error *err)
{
    struct certificate_facts facts;

    if (certificate_get(txn, pin->certificate, &facts, NULL, NULL, err) != 0)
        return -1;
    output_string(output, DETAIL_HOST, pin->host);
    output_string(output, DETAIL_SUBJECT, facts.subject_slash);
    output_string(output, DETAIL_ISSUER, facts.issuer_oneline);
    output_string(output, DETAIL_SERIAL, facts.serial);
    output_time(output, DETAIL_NOT_BEFORE, facts.not_before_ms);
    output_time(output, DETAIL_NOT_AFTER, facts.not_after_ms);
    if (facts.names[0] != '\0')
        output_string(output, DETAIL_NAMES, facts.names);
    output_string(output, DETAIL_KEY, facts.key);
    output_string(output, DETAIL_SIGNATURE, facts.signature);
    print_fingerprint(output, DETAIL_SHA256, facts.sha256);
    output_string(output, DETAIL_ZONE, trust_zone_name(pin->zone));
    output_time(output, DETAIL_FIRST_SEEN, pin->first_seen_ms);
    output_time(output, DETAIL_LAST_SEEN, pin->last_seen_ms);
    output_string(output, DETAIL_STATE, state_of(txn, pin));
    output_row_end(output);
    return 0;
}

static int detail_rows(struct shell_output *output, struct store_txn *txn, struct error *err)
{
    struct pin_cursor *cursor = pin_cursor_open(txn, err);
    bool standby = !store_is_active(txn);
    struct pin_row row;
    struct pin pin;
    int got;

    if (cursor == NULL)
        return -1;
    output_begin(output, &detail_listing);
    while ((got = pin_cursor_next(cursor, &row, err)) == 1 && !output_stopped(output)) {
        if (row.from_peer && standby)
            continue;
        if (pin_decode(txn, &row, &pin, err) != 0 || print_pin(output, txn, &pin, err) != 0) {
            got = -1;
            break;
        }
    }
    output_end(output);
    pin_cursor_close(cursor);
    return got < 0 ? -1 : 0;
}

static int run_detail(struct shell_call *call, struct error *err)
{
    struct store_txn *txn = context_read(call, err);
    int failed;

    if (txn == NULL)
        return -1;
    failed = detail_rows(shell_output(call), txn, err);
    store_end(txn);
    return failed;
}

static const struct shell_listing pin_listing = {
    .name = "pin", .form = SHELL_BLOCKS, SHELL_COLUMNS(detail_columns), .single = true};

enum { REFUSED_SHA256, REFUSED_FIRST, REFUSED_LAST, REFUSED_TIMES };
static const struct shell_column refused_columns[] = {
    [REFUSED_SHA256] = {.name = "sha256", .heading = "Refused SHA-256"},
    [REFUSED_FIRST] = {.name = "first_seen", .heading = "Refused first", .kind = SHELL_TIME},
    [REFUSED_LAST] = {.name = "last_seen", .heading = "Refused last", .kind = SHELL_TIME},
    [REFUSED_TIMES] = {.name = "times", .heading = "Times refused", .kind = SHELL_NUMBER},
};
static const struct shell_listing refused_listing = {
    .name = "refused", .form = SHELL_BLOCKS, SHELL_COLUMNS(refused_columns), .single = true};

enum { COMPARE_MARK, COMPARE_FIELD, COMPARE_PINNED, COMPARE_REFUSED, COMPARE_DIFFERS };
static const struct shell_column compare_columns[] = {
    [COMPARE_MARK] = {.name = "mark", .heading = " "},
    [COMPARE_FIELD] = {.name = "field", .heading = "Field"},
    [COMPARE_PINNED] = {.name = "pinned", .heading = "Pinned"},
    [COMPARE_REFUSED] = {.name = "refused", .heading = "Refused"},
    [COMPARE_DIFFERS] = {.name = "differs", .kind = SHELL_BOOL},
};
static const struct shell_listing compare_listing = {
    .name = "comparison", .form = SHELL_TABLE, SHELL_COLUMNS(compare_columns)};

static void compare(struct shell_output *output, const char *field, const char *pinned, const char *refused)
{
    bool differs = strcmp(pinned, refused) != 0;

    output_string(output, COMPARE_MARK, differs ? "*" : " ");
    output_string(output, COMPARE_FIELD, field);
    output_string(output, COMPARE_PINNED, pinned);
    output_string(output, COMPARE_REFUSED, refused);
    output_bool(output, COMPARE_DIFFERS, differs);
    output_row_end(output);
}

static void compare_times(struct shell_output *output, const char *field, int64_t pinned, int64_t refused)
{
    char texts[2][CLOCK_TEXT_MAX];

    clock_format(pinned, texts[0]);
    clock_format(refused, texts[1]);
    compare(output, field, texts[0], texts[1]);
}

static void compare_fingerprints(struct shell_output *output, const char *field, const uint8_t *pinned,
                                 const uint8_t *refused)
{
    char texts[2][FINGERPRINT_TEXT_MAX];

    fingerprint_format(pinned, texts[0]);
    fingerprint_format(refused, texts[1]);
    compare(output, field, texts[0], texts[1]);
}

static void print_comparison(struct shell_output *output, const struct certificate_facts *pinned,
                             const struct certificate_facts *refused)
{
    output_begin(output, &compare_listing);
    compare(output, "Subject", pinned->subject_slash, refused->subject_slash);
    compare(output, "Issuer", pinned->issuer_oneline, refused->issuer_oneline);
    compare(output, "Serial", pinned->serial, refused->serial);
    compare_times(output, "Valid from", pinned->not_before_ms, refused->not_before_ms);
    compare_times(output, "Valid until", pinned->not_after_ms, refused->not_after_ms);
    compare(output, "Names", pinned->names, refused->names);
    compare(output, "Key", pinned->key, refused->key);
    compare(output, "Signature", pinned->signature, refused->signature);
    compare_fingerprints(output, "Key SHA-256", pinned->spki_sha256, refused->spki_sha256);
    compare_fingerprints(output, "SHA-256", pinned->sha256, refused->sha256);
    output_end(output);
}

static int print_refused(struct shell_output *output, struct store_txn *txn, const struct pin *pin,
                         struct error *err)
{
    struct certificate_facts pinned_facts;
    struct certificate_facts refused_facts;
    struct pin_refused refused;
    struct error cause = {0};

    if (pin_refused_get(txn, pin->host, &refused, &cause) != 0) {
        if (cause.code == ERROR_NOT_FOUND)
            return 0;
        *err = cause;
        return -1;
    }
    if (certificate_get(txn, pin->certificate, &pinned_facts, NULL, NULL, err) != 0 ||
        pin_refused_certificate(txn, &refused, &refused_facts, NULL, NULL, err) != 0)
        return -1;
    output_begin(output, &refused_listing);
    print_fingerprint(output, REFUSED_SHA256, refused.sha256);
    output_time(output, REFUSED_FIRST, refused.first_seen_ms);
    output_time(output, REFUSED_LAST, refused.last_seen_ms);
    output_number(output, REFUSED_TIMES, (int64_t)refused.times);
    output_row_end(output);
    output_end(output);
    print_comparison(output, &pinned_facts, &refused_facts);
    return 0;
}

/* The pin of the call's host, with the way to see what there is where there is none. */
static int find_pin(struct shell_call *call, struct store_txn *txn, struct pin *pin, struct error *err)
{
    struct host_port host;
    char text[HOST_PORT_TEXT_MAX];

    if (host_port_parse(shell_arg(call, "host_port"), &host, err) != 0)
        return -1;
    host_port_format(&host, text);
    if (pin_get(txn, text, pin, err) == 0)
        return 0;
    return error_hint(err, "see the pins with: " TOFU "listcerts");
}

static int show_pin(struct shell_call *call, struct store_txn *txn, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct pin pin;
    int failed;

    if (find_pin(call, txn, &pin, err) != 0)
        return -1;
    output_begin(output, &pin_listing);
    failed = print_pin(output, txn, &pin, err);
    output_end(output);
    return failed == 0 ? print_refused(output, txn, &pin, err) : -1;
}

static int run_show(struct shell_call *call, struct error *err)
{
    struct store_txn *txn = context_read(call, err);
    int failed;

    if (txn == NULL)
        return -1;
    failed = show_pin(call, txn, err);
    store_end(txn);
    return failed;
}

enum { HISTORY_WHEN, HISTORY_EVENT, HISTORY_WHO, HISTORY_OLD, HISTORY_NEW, HISTORY_WHY };
static const struct shell_column history_columns[] = {
    [HISTORY_WHEN] = {.name = "when", .heading = "When", .kind = SHELL_TIME},
    [HISTORY_EVENT] = {.name = "event", .heading = "Event"},
    [HISTORY_WHO] = {.name = "who", .heading = "By"},
    [HISTORY_OLD] = {.name = "old_sha256", .heading = "Old SHA-256"},
    [HISTORY_NEW] = {.name = "new_sha256", .heading = "New SHA-256"},
    [HISTORY_WHY] = {.name = "why", .heading = "Why"},
};
static const struct shell_listing history_listing = {.name = "events",
                                                     .form = SHELL_BLOCKS,
                                                     SHELL_COLUMNS(history_columns),
                                                     .none = "Nothing happened to this server's pin.\n"};

static int print_event(void *arg, const struct pin_event *event)
{
    struct shell_output *output = arg;

    output_time(output, HISTORY_WHEN, event->when_ms);
    output_string(output, HISTORY_EVENT, pin_event_name(event->kind));
    output_string(output, HISTORY_WHO, event->who);
    print_fingerprint(output, HISTORY_OLD, event->old_sha256);
    print_fingerprint(output, HISTORY_NEW, event->new_sha256);
    if (event->why[0] != '\0')
        output_string(output, HISTORY_WHY, event->why);
    output_row_end(output);
    return output_stopped(output);
}

static int run_history(struct shell_call *call, struct error *err)
{
    struct store_txn *txn;
    struct host_port host;
    char text[HOST_PORT_TEXT_MAX];
    int failed;

    if (host_port_parse(shell_arg(call, "host_port"), &host, err) != 0 ||
        (txn = context_read(call, err)) == NULL)
        return -1;
    host_port_format(&host, text);
    output_begin(shell_output(call), &history_listing);
    failed = pin_event_each(txn, text, print_event, shell_output(call), err);
    output_end(shell_output(call));
    store_end(txn);
    return failed;
}

static const struct shell_command commands[] = {
    {.grammar = TOFU "listcerts",
     .help = "List the pinned certificates",
     .run = run_list,
     .needs = NEED_STORE,
     .manual = "One line a server, in the order of first sight. On a standby, the pins that came from the "
               "active node are not "
               "listed."},
    {.grammar = TOFU "listcerts all",
     .help = "With those that came from the active node",
     .run = run_list,
     .needs = NEED_STORE},
    {.grammar = TOFU "listcerts detail",
     .help = "With issuer, serial, validity, SHA-256, times and state",
     .run = run_detail,
     .needs = NEED_STORE},
    {.grammar = TOFU "showcert host <host_port>",
     .help = "Everything about one pin, beside the certificate that was refused",
     .words = SHELL_HELP("host", "Whose pin to show"),
     .run = run_show,
     .needs = NEED_STORE,
     .manual = "Fields in which the refused certificate differs from the pinned one are marked with *."},
    {.grammar = TOFU "history host <host_port>",
     .help = "Who and what changed a pin, when and why",
     .words = SHELL_HELP("host", "Whose pin is meant"),
     .run = run_history,
     .needs = NEED_STORE},
};
const struct shell_branch pin_show_branch = SHELL_BRANCH(commands);
