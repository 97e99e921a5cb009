#include "lab/page.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

struct page_filter {
    const struct records *records;
    struct evkeyvalq parameters;
};

static int parse(const char *query, struct evkeyvalq *out, struct error *err)
{
    TAILQ_INIT(out);
    if (query[0] == '\0' || evhttp_parse_query_str(query, out) == 0)
        return 0;
    evhttp_clear_headers(out);
    return error_set(err, ERROR_INVALID_ARGUMENT, "the query cannot be read");
}

static int read_number(const char *name, const char *text, size_t most, size_t *out, struct error *err)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (strspn(text, "0123456789") != strlen(text) || end == text || number < 1 || number > most)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s has to be a number from 1 to %zu", name, most);
    *out = number;
    return 0;
}

int page_parse(const char *query, struct page *out, struct error *err)
{
    struct evkeyvalq parameters;
    const struct evkeyval *parameter;
    int failed = parse(query, &parameters, err);

    *out = (struct page){.offset = 1, .limit = PAGE_LIMIT_MAX};
    if (failed != 0)
        return -1;
    TAILQ_FOREACH(parameter, &parameters, next)
    {
        if (failed == 0 && strcmp(parameter->key, "offset") == 0)
            failed = read_number("offset", parameter->value, INT32_MAX, &out->offset, err);
        if (failed == 0 && strcmp(parameter->key, "limit") == 0)
            failed = read_number("limit", parameter->value, PAGE_LIMIT_MAX, &out->limit, err);
    }
    evhttp_clear_headers(&parameters);
    return failed;
}

int page_parse_numbered(const char *query, struct page *out, struct error *err)
{
    struct evkeyvalq parameters;
    const struct evkeyval *parameter;
    size_t number = 1;
    int failed = parse(query, &parameters, err);

    *out = (struct page){.offset = 1, .limit = PAGE_SIZE};
    if (failed != 0)
        return -1;
    TAILQ_FOREACH(parameter, &parameters, next)
    {
        if (failed == 0 && strcmp(parameter->key, "page") == 0)
            failed = read_number("page", parameter->value, RECORDS_MAX, &number, err);
        if (failed == 0 && strcmp(parameter->key, "size") == 0)
            failed = read_number("size", parameter->value, PAGE_SIZE_MAX, &out->limit, err);
    }
    evhttp_clear_headers(&parameters);
    out->offset = (number - 1) * out->limit + 1;
    return failed;
}

bool page_each_filter(const char *query, bool (*each)(void *arg, const char *filter), void *arg)
{
    struct evkeyvalq parameters;
    const struct evkeyval *parameter;
    bool going = parse(query, &parameters, NULL) == 0;

    if (!going)
        return false;
    TAILQ_FOREACH(parameter, &parameters, next)
    {
        if (going && strcmp(parameter->key, "filter") == 0)
            going = each(arg, parameter->value);
    }
    evhttp_clear_headers(&parameters);
    return going;
}

static bool is_column(const char *key)
{
    return strcmp(key, "offset") != 0 && strcmp(key, "limit") != 0;
}

struct page_filter *page_filter_parse(const char *query, const struct records *records, struct error *err)
{
    struct page_filter *filter = calloc(1, sizeof(*filter));
    const struct evkeyval *parameter;

    if (filter == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    filter->records = records;
    if (parse(query, &filter->parameters, err) != 0) {
        free(filter);
        return NULL;
    }
    TAILQ_FOREACH(parameter, &filter->parameters, next)
    {
        if (is_column(parameter->key) && !records_have(records, parameter->key)) {
            error_set(err, ERROR_INVALID_ARGUMENT, "nothing can be selected by \"%.64s\"", parameter->key);
            page_filter_free(filter);
            return NULL;
        }
    }
    return filter;
}

void page_filter_free(struct page_filter *filter)
{
    if (filter == NULL)
        return;
    evhttp_clear_headers(&filter->parameters);
    free(filter);
}

/* Goes back to the last `.*` only: enough, as each later one may take over what an earlier one could. */
static bool matches(const char *pattern, const char *text)
{
    const char *behind = NULL; /* the last `.*`, and where in the text it was tried */
    const char *tried = NULL;

    while (*text != '\0') {
        if (strncmp(pattern, ".*", 2) == 0) {
            pattern += 2;
            behind = pattern;
            tried = text;
        } else if (*pattern != '\0' && strncasecmp(pattern, text, 1) == 0) {
            pattern++;
            text++;
        } else if (behind != NULL) {
            pattern = behind;
            text = ++tried;
        } else {
            return false;
        }
    }
    while (strncmp(pattern, ".*", 2) == 0)
        pattern += 2;
    return *pattern == '\0';
}

bool page_filter_admits(const struct page_filter *filter, size_t number)
{
    const struct evkeyval *parameter;
    struct text field = {0};
    bool admitted = true;

    TAILQ_FOREACH(parameter, &filter->parameters, next)
    {
        if (!admitted || !is_column(parameter->key))
            continue;
        text_clear(&field);
        records_field(filter->records, number, parameter->key, &field);
        admitted = matches(parameter->value, field.data == NULL ? "" : field.data);
    }
    text_free(&field);
    return admitted;
}

bool page_filter_is_empty(const struct page_filter *filter)
{
    const struct evkeyval *parameter;

    TAILQ_FOREACH(parameter, &filter->parameters, next)
    {
        if (is_column(parameter->key))
            return false;
    }
    return true;
}
