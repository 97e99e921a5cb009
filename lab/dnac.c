/* DNA Center: tokens and the inventory of the Intent API, in JSON. */
#include "lab/api.h"
#include "lab/jwt.h"
#include "lab/page.h"

#include "base/clock.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES "devices.table"
#define TOKEN_ID_BYTES 12
#define MS_PER_S 1000

static void fail(struct api_call *call, int status, const char *detail)
{
    char number[16];
    const struct api_word words[] = {
        {"status", number, false},
        {"code",
         status == 400   ? "NCND00051"
         : status == 404 ? "NCND00050"
                         : number,
         false},
        {"detail", detail, false},
        {"path", call->request->path, false},
        {0},
    };

    snprintf(number, sizeof(number), "%d", status);
    api_reply_file(call, status, status == 401 || status == 403 ? "refused.json" : "error.json", words);
    if (status == 401)
        api_add_header(call->reply, "WWW-Authenticate", "Basic realm=\"Cisco DNA Center\"");
}

/* Revoking all tokens takes another secret, made from the first. */
static void make_secret(const struct api *api, unsigned char out[EVP_MAX_MD_SIZE], unsigned int *length)
{
    const long generation = api->settings.revocations;

    HMAC(EVP_sha256(), api->secret, sizeof(api->secret), (const unsigned char *)&generation,
         sizeof(generation), out, length);
}

static char *make_token(const struct api_call *call, enum api_role role)
{
    unsigned char secret[EVP_MAX_MD_SIZE];
    unsigned int secret_length = 0;
    unsigned char random[TOKEN_ID_BYTES];
    char id[2 * TOKEN_ID_BYTES + 1];
    const long long now = clock_wall_ms() / MS_PER_S;
    char *token = NULL;
    json_t *claims;

    if (RAND_bytes(random, sizeof(random)) != 1)
        return NULL;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    claims = json_pack("{s:s, s:s, s:s, s:[s], s:s, s:I, s:I, s:s}", "sub", call->reply->user, "authSource",
                       "internal", "tenantName", "TNT0", "roles",
                       role == API_SUPER ? "SUPER-ADMIN-ROLE" : "OBSERVER-ROLE", "username",
                       call->reply->user, "iat", (json_int_t)now, "exp",
                       (json_int_t)(now + call->api->settings.token_lifetime_s), "jti", id);
    make_secret(call->api, secret, &secret_length);
    if (claims != NULL)
        token = jwt_sign(claims, secret, secret_length);
    json_decref(claims);
    return token;
}

static void give_token(struct api_call *call)
{
    char *token = make_token(call, api_basic(call));
    const struct api_word words[] = {{"token", token, false}, {0}};

    if (token == NULL)
        fail(call, 500, "no token could be made");
    else
        api_reply_file(call, 200, "token.json", words);
    free(token);
}

/* Why a token is not taken; NULL: it is, and reply->user says whose it is. */
static const char *check_token(struct api_call *call)
{
    unsigned char secret[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    const char *problem = NULL;
    const char *user = NULL;
    json_int_t end = 0;
    json_t *claims;

    if (call->request->token == NULL)
        return "there is no X-Auth-Token";
    make_secret(call->api, secret, &length);
    claims = jwt_verify(call->request->token, secret, length);
    if (claims == NULL || json_unpack(claims, "{s:I, s:s}", "exp", &end, "username", &user) != 0)
        problem = "this is no token of this server";
    else if (end <= clock_wall_ms() / MS_PER_S)
        problem = "the token has expired";
    if (user != NULL)
        snprintf(call->reply->user, API_USER_MAX, "%s", user);
    json_decref(claims);
    return problem;
}

static bool admit(struct api_call *call)
{
    const char *problem = NULL;

    if (call->route != NULL && call->route->run == give_token) {
        if (strcmp(call->request->method, "POST") == 0 && api_basic(call) == API_NOBODY)
            problem = "these credentials are missing or wrong";
    } else {
        problem = check_token(call);
    }
    if (problem != NULL)
        fail(call, 401, problem);
    return problem == NULL;
}

/* A whole reply made from the parts: {"response": ..., "version": "1.0"}. */
static void reply_parts(struct api_call *call, const char *file, const struct text *parts)
{
    const struct api_word words[] = {{"devices", parts->data == NULL ? "" : parts->data, true}, {0}};

    api_reply_file(call, 200, file, words);
}

/* The inventory, as one request needs it. */
struct inventory {
    struct records *records;
    char *template; /* of one device */
    struct page_filter *filter;
    size_t count; /* without the filter */
};

/* False with the reply set. The caller closes it in either case. */
static bool open_inventory(struct api_call *call, const char *query, struct inventory *out)
{
    struct error err = {0};

    *out = (struct inventory){.count = (size_t)call->api->settings.devices};
    out->records = api_records(call, DEVICES);
    out->template = out->records == NULL ? NULL : api_template(call, "device.json");
    if (out->template == NULL)
        return false;
    out->filter = page_filter_parse(query, out->records, &err);
    if (out->filter == NULL)
        fail(call, 400, err.message);
    return out->filter != NULL;
}

static void close_inventory(struct inventory *inventory)
{
    page_filter_free(inventory->filter);
    free(inventory->template);
    records_free(inventory->records);
}

static bool add_device(struct api_call *call, const struct inventory *inventory, size_t number,
                       struct text *parts)
{
    struct record record = {inventory->records, number};

    if (parts->length > 0)
        text_add_string(parts, ",\n");
    return api_expand(call, inventory->template, record_resolve, &record, parts);
}

/* Of those that the filter admits, the page's. */
static bool add_page(struct api_call *call, const struct inventory *inventory, const struct page *page,
                     struct text *parts)
{
    const bool all = page_filter_is_empty(inventory->filter);
    size_t seen = all ? page->offset - 1 : 0;
    size_t added = 0;

    for (size_t n = all ? page->offset : 1; n <= inventory->count && added < page->limit; n++) {
        if (!all && !page_filter_admits(inventory->filter, n))
            continue;
        if (++seen < page->offset)
            continue;
        if (!add_device(call, inventory, n, parts))
            return false;
        added++;
    }
    return true;
}

static void reply_page(struct api_call *call, const char *paging, const char *filter)
{
    struct error err = {0};
    struct inventory inventory;
    struct text parts = {0};
    struct page page;

    if (page_parse(paging, &page, &err) != 0) {
        fail(call, 400, err.message);
        return;
    }
    if (open_inventory(call, filter, &inventory) && add_page(call, &inventory, &page, &parts))
        reply_parts(call, "devices.json", &parts);
    text_free(&parts);
    close_inventory(&inventory);
}

static void device_list(struct api_call *call)
{
    reply_page(call, call->request->query, call->request->query);
}

/* /network-device/<start>/<count>, the older form of paging. */
static void device_range(struct api_call *call)
{
    char paging[2 * API_PARAMETER_MAX + 32];

    snprintf(paging, sizeof(paging), "offset=%s&limit=%s", call->parameters[0], call->parameters[1]);
    reply_page(call, paging, "");
}

static void device_count(struct api_call *call)
{
    struct inventory inventory;
    char count[24];
    const struct api_word words[] = {{"count", count, false}, {0}};

    if (open_inventory(call, call->request->query, &inventory)) {
        size_t admitted = page_filter_is_empty(inventory.filter) ? inventory.count : 0;

        for (size_t n = 1; admitted < inventory.count && n <= inventory.count; n++)
            admitted += page_filter_admits(inventory.filter, n);
        snprintf(count, sizeof(count), "%zu", admitted);
        api_reply_file(call, 200, "count.json", words);
    }
    close_inventory(&inventory);
}

/* The one device whose field is this. */
static void reply_device(struct api_call *call, const char *column)
{
    struct inventory inventory;
    struct text field = {0};
    struct text part = {0};
    char detail[API_PARAMETER_MAX + 64];
    size_t found = 0;

    if (!open_inventory(call, "", &inventory))
        goto done;
    for (size_t n = 1; found == 0 && n <= inventory.count; n++) {
        text_clear(&field);
        if (records_field(inventory.records, n, column, &field) && field.data != NULL &&
            strcmp(field.data, call->parameters[0]) == 0)
            found = n;
    }
    snprintf(detail, sizeof(detail), "no network device has the %s %s", column, call->parameters[0]);
    if (found == 0)
        fail(call, 404, detail);
    else if (add_device(call, &inventory, found, &part))
        reply_parts(call, "one-device.json", &part);
done:
    text_free(&field);
    text_free(&part);
    close_inventory(&inventory);
}

static void by_id(struct api_call *call)
{
    reply_device(call, "id");
}

static void by_address(struct api_call *call)
{
    reply_device(call, "managementIpAddress");
}

static void by_serial(struct api_call *call)
{
    reply_device(call, "serialNumber");
}

static void release(struct api_call *call)
{
    const struct api_word words[] = {{0}};

    api_reply_file(call, 200, "release.json", words);
}

#define DEVICE "/dna/intent/api/v1/network-device"

/* The first that fits is taken. */
static const struct api_route routes[] = {
    {"/dna/system/api/v1/auth/token", "POST", give_token},
    {"/api/system/v1/auth/token", "POST", give_token},
    {DEVICE, "GET", device_list},
    {DEVICE "/count", "GET", device_count},
    {DEVICE "/ip-address/*", "GET", by_address},
    {DEVICE "/serial-number/*", "GET", by_serial},
    {DEVICE "/*/*", "GET", device_range},
    {DEVICE "/*", "GET", by_id},
    {"/dna/intent/api/v1/dnac-release", "GET", release},
    {"/dna/intent/api/v1/catalystcenter-release", "GET", release},
};

const struct api_type api_dnac = {
    .name = "dnac",
    .guarded = "/dna/",
    .form = TEMPLATE_JSON,
    .media = "application/json",
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .admit = admit,
    .fail = fail,
};
