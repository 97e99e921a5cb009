/* The sessions and devices of a stand-in: as many as asked for, made from the rows of a small table. */
#pragma once

#include "lab/template.h"

/*
 * A table's file: lines starting with # are comments; the first other line names the columns, every further
 * one is a row; `|` stands between columns, blanks around it do not count. A field may hold these words:
 *   ${n} number of the record, from 1     ${n6} the same with six digits   ${x12} with twelve hexadecimal
 * digits
 *   ${a} ${b} ${c} its three bytes, highest first, as numbers              ${ha} ${hb} ${hc} as two hex
 * digits
 *   ${round} "" for the first record made from a row, then -2, -3, ...
 * Record n is made from row (n - 1) modulo the number of rows.
 */
struct records;

#define RECORDS_MAX 1000000

/* ERROR_NOT_FOUND, ERROR_INVALID_ARGUMENT: no rows, or too many columns or rows. */
struct records *records_read(const char *path, struct error *err);
void records_free(struct records *records);

size_t records_row_count(const struct records *records);

/* True if the table has such a column. */
bool records_have(const struct records *records, const char *column);

/* Appends a field of record `number` (from 1). False: no such column. */
bool records_field(const struct records *records, size_t number, const char *column, struct text *out);

/* One record, for template_expand(): knows the columns, the words above, ${now} (RFC 3339), ${now_ms}. */
struct record {
    const struct records *records;
    size_t number;
};
enum template_kind record_resolve(void *record, const char *word, struct text *value);
