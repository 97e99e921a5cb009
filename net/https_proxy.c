#include "net/https_proxy.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_OK 200
#define CONNECT_WANTS_CREDENTIALS 407

void https_proxy_set(CURL *curl, const struct host_port *proxy)
{
    char url[HOST_PORT_TEXT_MAX + sizeof("http://[]")];
    bool is_v6 = proxy->kind == HOST_IPV6;

    snprintf(url, sizeof(url), "http://%s%s%s:%u", is_v6 ? "[" : "", proxy->host, is_v6 ? "]" : "",
             proxy->port);
    curl_easy_setopt(curl, CURLOPT_PROXY, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, ""); /* for every server, whatever the environment says */
    curl_easy_setopt(curl, CURLOPT_PROXYTYPE, (long)CURLPROXY_HTTP);
    curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
    /* The credentials are for the server: none of the request's headers stands in the CONNECT. */
    curl_easy_setopt(curl, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
}

static int refused(long status, const char *name, const char *host, struct error *err)
{
    if (status == CONNECT_WANTS_CREDENTIALS) {
        error_set(err, ERROR_UNREACHABLE,
                  "the proxy %s wants credentials before it connects to %s (HTTP %ld)", name, host, status);
        return error_hint(err, "it gets none from here: let it admit this node by its address");
    }
    if (status >= 500)
        return error_set(err, ERROR_UNREACHABLE, "the proxy %s cannot connect to %s (HTTP %ld)", name, host,
                         status);
    return error_set(err, ERROR_UNREACHABLE, "the proxy %s does not let us connect to %s (HTTP %ld)", name,
                     host, status);
}

int https_proxy_explain(CURL *curl, const struct host_port *proxy, CURLcode code, const char *host,
                        bool reached, const char *limit, struct error *err)
{
    char name[HOST_PORT_TEXT_MAX];
    long reason = 0;
    long status = 0;

    host_port_format(proxy, name);
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &reason);
    curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &status);
    if (reached)
        return 0;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(err, ERROR_TIMEOUT, "no connection to %s through the proxy %s within %s", host, name,
                         limit);
    if (status != 0 && status / 100 != CONNECT_OK / 100)
        return refused(status, name, host, err);
    if (code == CURLE_COULDNT_RESOLVE_PROXY)
        return error_set(err, ERROR_UNREACHABLE, "cannot find the address of the proxy %s", proxy->host);
    if (code == CURLE_COULDNT_CONNECT && reason != 0)
        return error_set(err, ERROR_UNREACHABLE, "cannot connect to the proxy %s: %s", name,
                         strerror((int)reason));
    if (code == CURLE_COULDNT_CONNECT)
        return error_set(err, ERROR_UNREACHABLE, "cannot connect to the proxy %s", name);
    return error_set(err, ERROR_UNREACHABLE, "the proxy %s did not answer as an HTTP proxy does", name);
}
