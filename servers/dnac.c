#include "servers/dnac.h"

#include "base/clock.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_HEADER "X-Auth-Token: "
#define DEVICES_PATH "/dna/intent/api/v1/network-device"

/* The second is its name since DNA Center is called Catalyst Center (release 3.1). */
static const char *const release_paths[] = {"/dna/intent/api/v1/dnac-release",
                                            "/dna/intent/api/v1/catalystcenter-release"};

static int log_in(struct server_access *access, struct dnac_token *token, struct error *err)
{
    char basic[SERVER_BASIC_MAX];
    const char *credentials[] = {basic, NULL};
    const struct server_question question = {
        .method = "POST",
        .path = "/dna/system/api/v1/auth/token",
        .accept = "application/json",
        .content_type = "application/json",
        .credentials = credentials,
        .body_max = DNAC_ANSWER_MAX,
    };
    struct https_response response;
    struct error cause = {0};
    int result;

    token->text[0] = '\0';
    server_basic_header(access, basic);
    result = server_ask(access, &question, &response, err);
    OPENSSL_cleanse(basic, sizeof(basic));
    if (result == 0 &&
        dnac_read_token(response.content_type, response.body, response.body_length, token->text, &cause) != 0)
        result = server_unreadable(access, &cause, err);
    if (result == 0) {
        token->until_ms = dnac_token_until(token->text, clock_wall_ms());
        token->renewed = true;
    }
    if (response.body != NULL)
        OPENSSL_cleanse(response.body, response.body_length);
    https_response_free(&response);
    return result;
}

static int get(struct server_access *access, const struct dnac_token *token, const char *path,
               size_t body_max, struct https_response *response, struct error *err)
{
    char header[sizeof(TOKEN_HEADER) + DNAC_TOKEN_MAX];
    const char *credentials[] = {header, NULL};
    const struct server_question question = {
        .method = "GET",
        .path = path,
        .accept = "application/json",
        .credentials = credentials,
        .body_max = body_max,
    };
    int result;

    snprintf(header, sizeof(header), TOKEN_HEADER "%s", token->text);
    result = server_ask(access, &question, response, err);
    OPENSSL_cleanse(header, sizeof(header));
    return result;
}

/* With the token that there is, then once more with a new one: that the first was refused is no failure. */
static int get_with_token(struct server_access *access, struct dnac_token *token, const char *path,
                          size_t body_max, struct https_response *response, struct error *err)
{
    bool fresh = token->text[0] == '\0' || token->until_ms <= clock_wall_ms();
    struct error cause = {0};

    *response = (struct https_response){0};
    if (fresh)
        return log_in(access, token, err) == 0 ? get(access, token, path, body_max, response, err) : -1;
    if (get(access, token, path, body_max, response, &cause) == 0)
        return 0;
    if (response->status != 401) {
        if (err != NULL)
            *err = cause;
        return -1;
    }
    https_response_free(response);
    return log_in(access, token, err) == 0 ? get(access, token, path, body_max, response, err) : -1;
}

int dnac_ask_count(struct server_access *access, struct dnac_token *token, uint64_t *out, struct error *err)
{
    struct https_response response;
    struct error cause = {0};
    int result = get_with_token(access, token, DEVICES_PATH "/count", DNAC_ANSWER_MAX, &response, err);

    if (result == 0 &&
        dnac_read_count(response.content_type, response.body, response.body_length, out, &cause) != 0)
        result = server_unreadable(access, &cause, err);
    https_response_free(&response);
    return result;
}

/* It answered, if not with what was asked for. */
static bool has_answered(const struct server_access *access)
{
    return access->state == SERVER_UNEXPECTED || access->state == SERVER_CREDENTIALS ||
           access->state == SERVER_BUSY;
}

static int ask_release(struct server_access *access, struct dnac_token *token, const char *path,
                       char out[DNAC_FIELD_MAX], struct error *err)
{
    struct https_response response;
    int result = get_with_token(access, token, path, DNAC_ANSWER_MAX, &response, err);

    if (result == 0 &&
        dnac_read_release(response.content_type, response.body, response.body_length, out, NULL) != 0)
        out[0] = '\0';
    https_response_free(&response);
    return result;
}

int dnac_ask_version(struct server_access *access, struct dnac_token *token, char out[DNAC_FIELD_MAX],
                     struct error *err)
{
    struct error cause = {0};

    out[0] = '\0';
    for (size_t i = 0; out[0] == '\0' && i < sizeof(release_paths) / sizeof(release_paths[0]); i++) {
        if (ask_release(access, token, release_paths[i], out, &cause) == 0)
            continue;
        if (!has_answered(access)) {
            if (err != NULL)
                *err = cause;
            return -1;
        }
        if (access->state != SERVER_UNEXPECTED) /* it would not like the next question better */
            break;
    }
    access->state = SERVER_REACHABLE;
    access->retry_after_s = 0;
    return 0;
}

struct passing {
    bool (*each)(void *arg, const struct dnac_device *device);
    void *arg;
    bool stopped;
};

static bool pass(void *arg, const struct dnac_device *device)
{
    struct passing *passing = arg;

    passing->stopped = !passing->each(passing->arg, device);
    return !passing->stopped;
}

static int ask_page(struct server_access *access, struct dnac_token *token, uint64_t offset,
                    struct passing *passing, size_t *count, struct error *err)
{
    char path[sizeof(DEVICES_PATH) + 64];
    struct https_response response;
    struct error cause = {0};
    int result;

    /* the first one is number 1 */
    snprintf(path, sizeof(path), DEVICES_PATH "?offset=%llu&limit=%d", (unsigned long long)offset + 1,
             DNAC_PAGE);
    result = get_with_token(access, token, path, DNAC_PAGE_MAX, &response, err);
    if (result == 0 && dnac_read_devices(response.content_type, response.body, response.body_length, pass,
                                         passing, count, &cause) != 0)
        result = server_unreadable(access, &cause, err);
    https_response_free(&response);
    if (result == 0 && passing->stopped) {
        access->state = SERVER_UNCHECKED;
        result = error_set(err, ERROR_BUSY, "interrupted");
    }
    return result;
}

int dnac_ask_devices(struct server_access *access, struct dnac_token *token,
                     bool (*each)(void *arg, const struct dnac_device *device), void *arg, uint64_t *count,
                     struct error *err)
{
    struct passing passing = {.each = each, .arg = arg};
    uint64_t total;
    size_t got = DNAC_PAGE;

    *count = 0;
    if (dnac_ask_count(access, token, &total, err) != 0)
        return -1;
    /* a page that is not full is the last one, whatever the count was a moment ago */
    while (*count < total && *count < DNAC_DEVICES_MAX && got == DNAC_PAGE) {
        if (ask_page(access, token, *count, &passing, &got, err) != 0)
            return -1;
        *count += got;
    }
    return 0;
}
