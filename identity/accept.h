/* May this certificate become a node's own? What a CA sends back is looked at before it replaces anything. */
#pragma once

#include "base/host_port.h"
#include "base/text.h"

#include <openssl/x509v3.h>
#include <stddef.h>
#include <stdint.h>

/* What the certificate has to name. */
struct node_names {
    const char *hostname;
    const char (*addresses)[HOST_TEXT_MAX]; /* listen addresses */
    size_t address_count;
};

/*
 * Refuses, each with its own sentence: a malformed certificate, one that is expired or not valid yet at
 * `now_ms`, a CA's certificate, one that is not for TLS servers (RFC 5280 section 4.2.1.12), and one whose
 * alternative names do not cover the node: its host name (a name without a dot is also covered by that name
 * in any domain, as public CAs sign no short names) and every listen address but 127.0.0.1 and ::1, at which
 * no peer calls. The subject's CN does not count (RFC 9525 section 2). ERROR_UNTRUSTED.
 */
int accept_certificate(X509 *certificate, const struct node_names *node, int64_t now_ms, struct error *err);

/* Appends the names that the certificate's (or request's) alternative names do not cover, as "DNS:a, IP:b".
 */
void accept_uncovered(const GENERAL_NAMES *names, const struct node_names *node, struct text *out);
