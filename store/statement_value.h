/* What one value of the configuration may be: the checks behind store/statement.h, and for nobody else. */
#pragma once

#include "base/text.h"
#include "store/statement.h"

#include <stdint.h>

#define WORD_MAX 128

/* As much of a value as a sentence repeats, for "%.*s". */
#define SHOWN_MOST 60 /* bytes */
#define SHOWN(value) (int)text_cut_utf8((value), SHOWN_MOST), (value)

/* Parts of the name against parts of the pattern, as they stand in struct statement. */
bool statement_fits(const char *pattern, const char *name);

/* Writes the value as it is; ERROR_INVALID_ARGUMENT: it is too long. */
int statement_value_keep(const char *value, char *out, size_t size, struct error *err);

/* Each writes the value as it is kept. ERROR_INVALID_ARGUMENT with a sentence. */
int statement_value_domain(const char *value, char *out, size_t size, struct error *err);
int statement_value_hostname(const char *value, char *out, size_t size, struct error *err);
int statement_value_host(const char *value, char *out, size_t size, struct error *err);
int statement_value_port(const char *value, char *out, size_t size, struct error *err);
int statement_value_log_level(const char *value, char *out, size_t size, struct error *err);
int statement_value_release(const char *value, char *out, size_t size, struct error *err);
int statement_value_zone(const char *value, char *out, size_t size, struct error *err);
int statement_value_word(const char *value, char *out, size_t size, struct error *err);
int statement_value_mail_address(const char *value, char *out, size_t size, struct error *err);
int statement_value_url(const char *value, char *out, size_t size, struct error *err);
int statement_value_role(const char *value, char *out, size_t size, struct error *err);
int statement_value_secret(const char *value, char *out, size_t size, struct error *err);
int statement_value_yes(const char *value, char *out, size_t size, struct error *err);
int statement_value_empty(const char *value, char *out, size_t size, struct error *err);
int statement_value_key(const char *value, char *out, size_t size, struct error *err);

/* A whole number of either end or between. */
int statement_value_number(const char *value, long least, long most, char *out, size_t size,
                           struct error *err);

/* Of the high-availability pair (statement_ha.c). */
int statement_value_mail_list(const char *value, char *out, size_t size, struct error *err);
int statement_value_failover_type(const char *value, char *out, size_t size, struct error *err);
int statement_value_virtual_ipv4(const char *value, char *out, size_t size, struct error *err);
int statement_value_virtual_ipv6(const char *value, char *out, size_t size, struct error *err);
int statement_value_heartbeat_interval(const char *value, char *out, size_t size, struct error *err);
int statement_value_heartbeat_misses(const char *value, char *out, size_t size, struct error *err);

/* The bytes of an SSH key "<algorithm> <base64>[ <comment>]". ERROR_INVALID_ARGUMENT: it is none. */
int statement_key_bytes(const char *value, uint8_t blob[STATEMENT_VALUE_MAX], size_t *length,
                        struct error *err);
