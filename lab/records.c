#include "lab/records.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_BYTES_MAX (1024 * 1024)
#define COLUMNS_MAX 64
#define ROWS_MAX 4096

struct records {
    char *data; /* of the file, cut into fields */
    char *columns[COLUMNS_MAX];
    size_t column_count;
    char *(*rows)[COLUMNS_MAX];
    size_t row_count;
};

static char *trim(char *field)
{
    size_t length;

    field += strspn(field, " \t");
    for (length = strlen(field); length > 0 && strchr(" \t\r", field[length - 1]) != NULL; length--)
        field[length - 1] = '\0';
    return field;
}

/* Cuts a line into fields. Returns how many there are, which may be more than fit. */
static size_t split(char *line, char *fields[COLUMNS_MAX])
{
    size_t count = 0;
    char *field;

    while ((field = strsep(&line, "|")) != NULL) {
        if (count < COLUMNS_MAX)
            fields[count] = trim(field);
        count++;
    }
    return count;
}

static int add_line(struct records *records, char *line, const char *path, struct error *err)
{
    char *(*rows)[COLUMNS_MAX];
    size_t count;

    if (records->column_count == 0) {
        records->column_count = split(line, records->columns);
        return records->column_count <= COLUMNS_MAX
                   ? 0
                   : error_set(err, ERROR_INVALID_ARGUMENT, "%s has more than %d columns", path, COLUMNS_MAX);
    }
    if (records->row_count == ROWS_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s has more than %d rows", path, ROWS_MAX);
    rows = realloc(records->rows, (records->row_count + 1) * sizeof(*rows));
    if (rows == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    records->rows = rows;
    count = split(line, rows[records->row_count++]);
    return count == records->column_count
               ? 0
               : error_set(err, ERROR_INVALID_ARGUMENT, "row %zu of %s has %zu fields, not %zu",
                           records->row_count, path, count, records->column_count);
}

struct records *records_read(const char *path, struct error *err)
{
    struct records *records = calloc(1, sizeof(*records));
    size_t length;
    char *rest;
    char *line;

    if (records == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    if (file_read(path, TABLE_BYTES_MAX, &records->data, &length, err) != 0)
        goto failed;
    rest = records->data;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '#' && trim(line)[0] != '\0' && add_line(records, line, path, err) != 0)
            goto failed;
    }
    if (records->row_count > 0)
        return records;
    error_set(err, ERROR_INVALID_ARGUMENT, "%s has no rows", path);
failed:
    records_free(records);
    return NULL;
}

void records_free(struct records *records)
{
    if (records == NULL)
        return;
    free(records->rows);
    free(records->data);
    free(records);
}

size_t records_row_count(const struct records *records)
{
    return records->row_count;
}

static const char *find(const struct records *records, size_t number, const char *column)
{
    for (size_t i = 0; i < records->column_count; i++) {
        if (strcmp(records->columns[i], column) == 0)
            return records->rows[(number - 1) % records->row_count][i];
    }
    return NULL;
}

bool records_have(const struct records *records, const char *column)
{
    return find(records, 1, column) != NULL;
}

static void add_byte(struct text *out, char form, unsigned byte)
{
    if (form == 'u')
        text_format(out, "%u", byte);
    else if (form == 'h')
        text_format(out, "%02x", byte);
    else
        text_format(out, "%02X", byte);
}

/* The words that are computed from a record's number. */
static enum template_kind resolve_number(void *arg, const char *word, struct text *value)
{
    const struct record *record = arg;
    unsigned number = (unsigned)record->number;
    size_t round = (record->number - 1) / record->records->row_count + 1;
    bool is_hex = (word[0] == 'h' || word[0] == 'H') && word[1] != '\0';
    const char *byte = is_hex ? word + 1 : word;

    if (strcmp(word, "n") == 0)
        text_format(value, "%u", number);
    else if (strcmp(word, "n6") == 0)
        text_format(value, "%06u", number);
    else if (strcmp(word, "x12") == 0)
        text_format(value, "%012x", number);
    else if (strcmp(word, "round") == 0 && round > 1)
        text_format(value, "-%zu", round);
    else if (byte[0] >= 'a' && byte[0] <= 'c' && byte[1] == '\0')
        add_byte(value, is_hex ? word[0] : 'u', number >> 8 * ('c' - byte[0]) & 0xff);
    else if (strcmp(word, "round") != 0)
        return TEMPLATE_UNKNOWN;
    return TEMPLATE_VALUE;
}

bool records_field(const struct records *records, size_t number, const char *column, struct text *out)
{
    struct record record = {records, number};
    const char *field = find(records, number, column);
    struct error err = {0};

    if (field == NULL)
        return false;
    /* A word that nobody knows stays as it is: whoever changes the file sees it in the answer. */
    if (template_expand(field, TEMPLATE_PLAIN, resolve_number, &record, out, &err) != 0)
        text_add_string(out, field);
    return true;
}

enum template_kind record_resolve(void *arg, const char *word, struct text *value)
{
    const struct record *record = arg;
    char now[CLOCK_TEXT_MAX];

    if (records_field(record->records, record->number, word, value))
        return TEMPLATE_VALUE;
    if (strcmp(word, "now") == 0) {
        clock_format(clock_wall_ms(), now);
        text_add_string(value, now);
        return TEMPLATE_VALUE;
    }
    if (strcmp(word, "now_ms") == 0) {
        text_format(value, "%lld", (long long)clock_wall_ms());
        return TEMPLATE_VALUE;
    }
    return resolve_number(arg, word, value);
}
