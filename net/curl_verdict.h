/* The verdict inside libcurl: whatever protocol is spoken, its TLS connections are judged here, as soon as
 * the handshake ends and before a byte of ours follows. Only for this folder. */
#pragma once

#include "net/handshake.h"
#include "net/verdict.h"

#include <curl/curl.h>

/* Zeroed but for the first ones; must live as long as the handle. curl_verdict_end() before it is freed. */
struct curl_verdict {
    CURL *curl;
    const char *host;                /* as an error's sentence names it */
    const struct identity *identity; /* own certificate for mutual TLS, or NULL */
    bool may_be_plain;               /* a connection without TLS is all right */
    struct verdict verdict;
    bool connected; /* TLS could begin */
    struct handshake_start start;
    struct error error; /* found out in a callback; says more than libcurl's code */
};

/*
 * Sets the handle up: TLS 1.2 or newer, judged by trust_judge() in place of libcurl's own checks; a
 * connection and so a verdict of its own; no proxy (net/https_proxy.h sets one), no ~/.netrc, no signals.
 */
void curl_verdict_set(struct curl_verdict *judging);

/* -1 where the certificate was refused or a callback failed, with the verdict's or the callback's error; else
 * 0: then libcurl's own code counts. */
int curl_verdict_conclude(const struct curl_verdict *judging, struct error *err);
void curl_verdict_end(struct curl_verdict *judging);

/* libcurl's text, of which a part may be what a server said, ready for a sentence. */
void curl_verdict_shown(CURLcode code, const char *text, char *out, size_t size);
