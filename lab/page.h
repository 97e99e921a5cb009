/* One page of an inventory, and what it is filtered by: the query of a request. */
#pragma once

#include "lab/records.h"

#define PAGE_LIMIT_MAX 500 /* of one answer */

struct page {
    size_t offset; /* number of the first, from 1 */
    size_t limit;
};

/* Reads `offset` and `limit` of a query; where it names none, 1 and PAGE_LIMIT_MAX. ERROR_INVALID_ARGUMENT.
 */
int page_parse(const char *query, struct page *out, struct error *err);

/* The same of ERS, which counts pages: `page` from 1, of `size` records; 1 and PAGE_SIZE where it names none.
 */
#define PAGE_SIZE 20
#define PAGE_SIZE_MAX 100
int page_parse_numbered(const char *query, struct page *out, struct error *err);

/*
 * Calls `each` with the value of every `filter` of the query ("name.CONTAINS.core") until it returns false.
 * False: so did one, or the query cannot be read.
 */
bool page_each_filter(const char *query, bool (*each)(void *arg, const char *filter), void *arg);

/* What a record has to be like: the query's other parameters, each a column and a value in which `.*` stands
 * for anything. Free with page_filter_free(). ERROR_INVALID_ARGUMENT: no such column. */
struct page_filter;
struct page_filter *page_filter_parse(const char *query, const struct records *records, struct error *err);
void page_filter_free(struct page_filter *filter);
bool page_filter_admits(const struct page_filter *filter, size_t number);
bool page_filter_is_empty(const struct page_filter *filter);
