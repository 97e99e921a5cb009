/* How single values of the configuration are judged. Only for this folder. */
#pragma once

#include "store/statement.h"

/* Writes the value unchanged. ERROR_INVALID_ARGUMENT: it is too long. */
int statement_keep(const char *value, char *out, size_t size, struct error *err);

/* A whole number of either end or between. */
int statement_check_number(const char *value, long least, long most, char *out, size_t size,
                           struct error *err);

/* An address or a host name; one mail address. */
int statement_check_host(const char *value, char *out, size_t size, struct error *err);
int statement_check_mail_address(const char *value, char *out, size_t size, struct error *err);

/* Of the high-availability pair. */
int statement_check_mail_list(const char *value, char *out, size_t size, struct error *err);
int statement_check_failover_type(const char *value, char *out, size_t size, struct error *err);
int statement_check_witness(const char *value, char *out, size_t size, struct error *err);
int statement_check_virtual_ipv4(const char *value, char *out, size_t size, struct error *err);
int statement_check_virtual_ipv6(const char *value, char *out, size_t size, struct error *err);
int statement_check_heartbeat_interval(const char *value, char *out, size_t size, struct error *err);
int statement_check_heartbeat_misses(const char *value, char *out, size_t size, struct error *err);
