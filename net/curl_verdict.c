#include "net/curl_verdict.h"

#include "base/text.h"
#include "net/tls.h"

#include <stdio.h>
#include <string.h>

static CURLcode on_context(CURL *curl, void *context, void *arg)
{
    struct curl_verdict *judging = arg;

    (void)curl;
    judging->connected = true;
    if (tls_client_configure(context, judging->identity, &judging->error) != 0)
        return CURLE_SSL_CERTPROBLEM;
    if (verdict_guard_context(context, &judging->verdict, &judging->error) != 0)
        return CURLE_OUT_OF_MEMORY;
    handshake_listen_context(context, &judging->start);
    return CURLE_OK;
}

/* The first byte of a request would be next. The verdict stands already; here it is seen that there was one.
 */
static int on_connected(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    struct curl_verdict *judging = arg;
    struct curl_tlssessioninfo *session = NULL;

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    if (judging->may_be_plain && !judging->connected)
        return CURL_PREREQFUNC_OK;
    if (curl_easy_getinfo(judging->curl, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == NULL ||
        session->backend != CURLSSLBACKEND_OPENSSL || session->internals == NULL) {
        error_set(&judging->error, ERROR_INTERNAL, "cannot see the certificate of %s", judging->host);
        return CURL_PREREQFUNC_ABORT;
    }
    return verdict_ask(session->internals, &judging->verdict) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

void curl_verdict_set(struct curl_verdict *judging)
{
    CURL *curl = judging->curl;

    /* libcurl's own checks are off, for the verdict takes their place: trust_judge() decides by the pin or
     * by the chain. */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_context);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, judging);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, judging);
    /* Each request has a connection, and so a verdict, of its own. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    /* Neither https_proxy nor ~/.netrc has a say in where a node's files and credentials go. */
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
}

int curl_verdict_conclude(const struct curl_verdict *judging, struct error *err)
{
    const struct verdict *verdict = &judging->verdict;

    if (verdict->given && !trust_is_accepted(verdict->trust.outcome)) {
        if (verdict->trust.error.code == ERROR_NONE) /* only observing, and nothing to compare with */
            return error_set(err, ERROR_UNTRUSTED, "%s has no pin", judging->host);
        if (err != NULL)
            *err = verdict->trust.error;
        return -1;
    }
    if (judging->error.code == ERROR_NONE)
        return 0;
    if (err != NULL)
        *err = judging->error;
    return -1;
}

void curl_verdict_end(struct curl_verdict *judging)
{
    verdict_end(&judging->verdict);
}

void curl_verdict_shown(CURLcode code, const char *text, char *out, size_t size)
{
    const char *said = text[0] != '\0' ? text : curl_easy_strerror(code);
    struct text shown = {0};

    text_add_escaped(&shown, said, strlen(said), NULL);
    snprintf(out, size, "%s", shown.data == NULL ? "" : shown.data);
    text_free(&shown);
}
