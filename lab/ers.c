/* ISE: External RESTful Services (ERS), as far as reading network devices goes, in JSON. */
#include "lab/api.h"
#include "lab/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEVICES "network-devices.table"
#define FIELD_MAX 64
#define LINK_REST 6 /* which word of a link */

static void fail(struct api_call *call, int status, const char *detail)
{
    const char *host = call->request->host != NULL ? call->request->host : "";
    const struct api_word words[] = {
        {"method", call->request->method, false},
        {"path", call->request->path, false},
        {"detail", detail, false},
        {"host", host, false},
        {"code",
         status == 404   ? "Resource not found exception"
         : status == 400 ? "URL validation exception"
                         : "Application resource validation exception",
         false},
        {0},
    };

    api_reply_file(call, status, "ers-error.json", words);
    if (status == 401)
        api_add_header(call->reply, "WWW-Authenticate", "Basic realm=\"Cisco ISE\"");
}

/* A device, as a template asks for it. */
struct device {
    struct record record;
    const char *host;
};

static enum template_kind resolve_device(void *arg, const char *word, struct text *value)
{
    struct device *device = arg;

    if (strcmp(word, "host") != 0)
        return record_resolve(&device->record, word, value);
    text_add_string(value, device->host);
    return TEMPLATE_VALUE;
}

static bool add_device(struct api_call *call, const struct records *records, size_t number,
                       const char *template, struct text *out)
{
    struct device device = {{records, number}, call->request->host != NULL ? call->request->host : ""};

    return api_expand(call, template, resolve_device, &device, out);
}

/* ---- filters: <field>.<operator>.<value> ---- */

enum fit { FIT_YES, FIT_NO, FIT_UNKNOWN };

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) && strcasecmp(text + length - strlen(end), end) == 0;
}

static enum fit compare(const char *op, const char *field, const char *value)
{
    bool fits;

    if (strcmp(op, "EQ") == 0)
        fits = strcasecmp(field, value) == 0;
    else if (strcmp(op, "NEQ") == 0)
        fits = strcasecmp(field, value) != 0;
    else if (strcmp(op, "CONTAINS") == 0)
        fits = strcasestr(field, value) != NULL;
    else if (strcmp(op, "STARTSW") == 0)
        fits = strncasecmp(field, value, strlen(value)) == 0;
    else if (strcmp(op, "ENDSW") == 0)
        fits = ends_with(field, value);
    else
        return FIT_UNKNOWN;
    return fits ? FIT_YES : FIT_NO;
}

struct looking {
    const struct records *records;
    size_t number;
    enum fit fit; /* of all filters so far */
};

static bool look(void *arg, const char *filter)
{
    struct looking *looking = arg;
    const char *op = strchr(filter, '.');
    const char *value = op == NULL ? NULL : strchr(op + 1, '.');
    char names[2][FIELD_MAX];
    struct text field = {0};
    enum fit fit = FIT_UNKNOWN;

    if (value != NULL && op - filter < FIELD_MAX && value - op <= FIELD_MAX) {
        snprintf(names[0], FIELD_MAX, "%.*s", (int)(op - filter), filter);
        snprintf(names[1], FIELD_MAX, "%.*s", (int)(value - op - 1), op + 1);
        if (records_field(looking->records, looking->number, names[0], &field))
            fit = compare(names[1], field.data == NULL ? "" : field.data, value + 1);
    }
    text_free(&field);
    if (fit != FIT_YES)
        looking->fit = fit;
    return fit != FIT_UNKNOWN;
}

static enum fit fits(const struct api_call *call, const struct records *records, size_t number)
{
    struct looking looking = {records, number, FIT_YES};

    return page_each_filter(call->request->query, look, &looking) ? looking.fit : FIT_UNKNOWN;
}

/* ---- the list ---- */

/* Of a query, what is not about paging: a link to the next page keeps the filters. */
static void add_rest(const char *query, struct text *out)
{
    while (*query != '\0') {
        size_t length = strcspn(query, "&");

        if (length > 0 && strncmp(query, "page=", 5) != 0 && strncmp(query, "size=", 5) != 0)
            text_format(out, "&%.*s", (int)length, query);
        query += length + (query[length] == '&');
    }
}

static bool add_link(struct api_call *call, const char *name, const char *rel, size_t size, size_t number,
                     struct text *out)
{
    char *template = api_template(call, "ers-link.json");
    char numbers[2][24];
    struct text rest = {0};
    struct api_word words[] = {
        {"name", name, false},
        {"rel", rel, false},
        {"host", call->request->host != NULL ? call->request->host : "", false},
        {"path", call->request->path, false},
        {"size", numbers[0], false},
        {"page", numbers[1], false},
        {"rest", "", false},
        {0},
    };
    bool done;

    snprintf(numbers[0], sizeof(numbers[0]), "%zu", size);
    snprintf(numbers[1], sizeof(numbers[1]), "%zu", number);
    add_rest(call->request->query, &rest);
    if (rest.length > 0)
        words[LINK_REST].value = rest.data;
    done = template != NULL && api_expand(call, template, api_resolve_word, words, out);
    text_free(&rest);
    free(template);
    return done;
}

/* The page's devices, and how many there are. False with the reply set. */
static bool add_page(struct api_call *call, const struct records *records, const struct page *page,
                     struct text *out, size_t *total)
{
    char *template = api_template(call, "ers-resource.json");
    bool done = template != NULL;

    *total = 0;
    for (size_t n = 1; done && n <= records_row_count(records); n++) {
        enum fit fit = fits(call, records, n);

        if (fit == FIT_UNKNOWN) {
            fail(call, 400, "a filter is <field>.<EQ|NEQ|CONTAINS|STARTSW|ENDSW>.<value>");
            done = false;
        }
        if (fit != FIT_YES || ++*total < page->offset || *total >= page->offset + page->limit)
            continue;
        if (out->length > 0)
            text_add_string(out, ",\n");
        done = add_device(call, records, n, template, out);
    }
    free(template);
    return done;
}

static bool add_links(struct api_call *call, const struct page *page, size_t total, struct text *out)
{
    size_t number = (page->offset - 1) / page->limit + 1;

    if (page->offset + page->limit <= total &&
        !add_link(call, "nextPage", "next", page->limit, number + 1, out))
        return false;
    return number == 1 || add_link(call, "previousPage", "previous", page->limit, number - 1, out);
}

static void device_list(struct api_call *call)
{
    struct records *records = api_records(call, DEVICES);
    struct text resources = {0};
    struct text links = {0};
    struct error err = {0};
    struct page page;
    char count[24];
    size_t total;

    if (records == NULL)
        return;
    if (page_parse_numbered(call->request->query, &page, &err) != 0) {
        fail(call, 400, err.message);
    } else if (add_page(call, records, &page, &resources, &total) && add_links(call, &page, total, &links)) {
        const struct api_word words[] = {
            {"total", count, false},
            {"resources", resources.data == NULL ? "" : resources.data, true},
            {"links", links.data == NULL ? "" : links.data, true},
            {0},
        };

        snprintf(count, sizeof(count), "%zu", total);
        api_reply_file(call, 200, "ers-list.json", words);
    }
    text_free(&resources);
    text_free(&links);
    records_free(records);
}

/* ---- one device ---- */

static void reply_device(struct api_call *call, const char *column)
{
    struct records *records = api_records(call, DEVICES);
    char *template = records == NULL ? NULL : api_template(call, "network-device.json");
    struct text field = {0};
    struct text body = {0};
    size_t found = 0;

    for (size_t n = 1; template != NULL && found == 0 && n <= records_row_count(records); n++) {
        text_clear(&field);
        if (records_field(records, n, column, &field) && field.data != NULL &&
            strcasecmp(field.data, call->parameters[0]) == 0)
            found = n;
    }
    if (template != NULL && found == 0)
        fail(call, 404, "there is no such network device");
    else if (template != NULL && add_device(call, records, found, template, &body))
        api_reply_text(call, 200, &body);
    text_free(&field);
    text_free(&body);
    free(template);
    records_free(records);
}

static void by_id(struct api_call *call)
{
    reply_device(call, "id");
}

static void by_name(struct api_call *call)
{
    reply_device(call, "name");
}

static void version_info(struct api_call *call)
{
    const char *host = call->request->host != NULL ? call->request->host : "";
    const struct api_word words[] = {{"host", host, false}, {"path", call->request->path, false}, {0}};

    api_reply_file(call, 200, "ers-version.json", words);
}

#define DEVICE "/ers/config/networkdevice"

/* The first that fits is taken. */
static const struct api_route routes[] = {
    {DEVICE, "GET", device_list},
    {DEVICE "/versioninfo", "GET", version_info},
    {DEVICE "/name/*", "GET", by_name},
    {DEVICE "/*", "GET", by_id},
};

const struct api_type api_ers = {
    .name = "ers",
    .guarded = "/ers/",
    .form = TEMPLATE_JSON,
    .media = "application/json",
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .admit = api_admit_super,
    .fail = fail,
};
