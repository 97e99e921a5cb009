/*
 * What an ISE's monitoring API answers (Cisco ISE API Reference Guide, "Monitoring REST APIs"), read while it
 * arrives: XML without entities, bounded in depth and size. Opens no connection.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ISE_XML_DEPTH_MAX 16
#define ISE_FIELD_MAX 256 /* bytes kept of a field, escaped, the closing NUL included */

enum ise_document { ISE_VERSION, ISE_COUNT, ISE_LIST };

/* <product name="..."><version>..</version><type_of_node>n</type_of_node></product> */
struct ise_version {
    char product[ISE_FIELD_MAX];
    char version[ISE_FIELD_MAX];
    int node; /* -1: it does not say */
};

/* One <activeSession>. Texts are escaped; "" where it has none. */
struct ise_session {
    char user[ISE_FIELD_MAX];
    char station[ISE_FIELD_MAX]; /* calling_station_id: a MAC address, mostly */
    char address[ISE_FIELD_MAX]; /* framed_ip_address, or the first framed_ipv6_address */
    char device[ISE_FIELD_MAX];  /* nas_ip_address */
    char session[ISE_FIELD_MAX]; /* audit_session_id, or acct_session_id */
    char server[ISE_FIELD_MAX];  /* the ISE node that answered for it */
};

struct ise_reader;

/* charset: of the Content-Type, in upper case; "" where it names none, and the document says it itself.
 * each: called for every session of ISE_LIST, NULL otherwise; false: enough.
 * ERROR_INVALID_ARGUMENT: a charset that is not read here. */
struct ise_reader *ise_reader_new(enum ise_document document, const char *charset,
                                  bool (*each)(void *arg, const struct ise_session *session), void *arg,
                                  struct error *err);

/* The next bytes of the document. -1: it is none of its kind; the sentence goes on behind a server's name
 * ("answered with ..."). ERROR_BUSY: `each` had enough. */
int ise_reader_add(struct ise_reader *reader, const char *bytes, size_t length, struct error *err);

/* Its end: -1 if anything is missing. */
int ise_reader_finish(struct ise_reader *reader, struct error *err);

const struct ise_version *ise_reader_version(const struct ise_reader *reader);
uint64_t ise_reader_count(const struct ise_reader *reader);    /* what the server says, of ISE_COUNT */
uint64_t ise_reader_sessions(const struct ise_reader *reader); /* read so far */
void ise_reader_free(struct ise_reader *reader);               /* NULL is fine */
