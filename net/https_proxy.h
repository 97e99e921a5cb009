/* An HTTP proxy between us and a server. It only carries: TLS, and with it the verdict, is with the server
 * behind it (CONNECT, RFC 9110 section 9.3.6). Only for this folder. */
#pragma once

#include "base/error.h"
#include "base/host_port.h"

#include <curl/curl.h>

/* Sends the handle's request through the proxy, which gets nothing but the server's name and port. */
void https_proxy_set(CURL *curl, const struct host_port *proxy);

/*
 * If a request to `host` failed on the proxy's account: -1 with ERROR_UNREACHABLE or ERROR_TIMEOUT and the
 * sentence. 0: the proxy did what it should. `reached`: TLS with the server could begin. `limit`: the time
 * that there was, as text.
 */
int https_proxy_explain(CURL *curl, const struct host_port *proxy, CURLcode code, const char *host,
                        bool reached, const char *limit, struct error *err);
