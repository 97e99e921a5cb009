/* A request to a stand-in, from arbitrary bytes: it is always answered, and what is answered is XML or JSON.
 */
#include "lab/api.h"

#include <expat.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS 7

static bool is_xml(const struct text *body)
{
    XML_Parser parser = XML_ParserCreate(NULL);
    bool good = XML_Parse(parser, body->data, (int)body->length, 1) == XML_STATUS_OK;

    XML_ParserFree(parser);
    return good;
}

static bool is_json(const struct text *body)
{
    json_t *document = json_loadb(body->data, body->length, 0, NULL);
    bool good = document != NULL;

    json_decref(document);
    return good;
}

static void ask(const struct api *api, const struct api_request *request)
{
    const struct api_type *beside = api->type->beside;
    bool is_beside = beside != NULL && strncmp(request->path, beside->guarded, strlen(beside->guarded)) == 0;
    bool in_xml = (is_beside ? beside : api->type)->form == TEMPLATE_XML;
    struct api_reply reply = {0};

    api_answer(api, request, &reply);
    if (reply.status < 200 || reply.status > 599 || reply.body.data == NULL ||
        reply.body.length != strlen(reply.body.data))
        abort();
    if (!(in_xml ? is_xml(&reply.body) : is_json(&reply.body)))
        abort();
    if (reply.status == 200 && reply.user[0] == '\0')
        abort();
    api_reply_clear(&reply);
}

/* A token as the stand-in gives it, so that what is behind it is reached as well. */
static char *get_token(const struct api *api)
{
    const struct api_request request = {.method = "POST",
                                        .path = "/dna/system/api/v1/auth/token",
                                        .query = "",
                                        .authorization = "Basic YWRtaW46RG5hYy1sYWItMQ=="};
    struct api_reply reply = {0};
    json_t *document;
    char *token;

    api_answer(api, &request, &reply);
    document = json_loads(reply.body.data, 0, NULL);
    token = strdup(json_string_value(json_object_get(document, "Token")));
    json_decref(document);
    api_reply_clear(&reply);
    return token;
}

/* Lines: method, path, query, Accept, Authorization, X-Auth-Token, mood. An empty one of the headers is none.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lab_server ise = {.name = "ise"};
    static const struct lab_server dnac = {.name = "dnac"};
    struct api api = {.type = &api_ise, .folder = "lab/data/ise"};
    char *typed = strndup((const char *)data, size);
    char *token = NULL;
    char *rest = typed;
    const char *part[PARTS] = {0};
    struct api_request request;

    for (size_t i = 0; i < PARTS; i++) {
        char *line = rest == NULL ? NULL : strsep(&rest, "\n");

        part[i] = line == NULL ? "" : line;
    }
    request = (struct api_request){
        .method = part[0],
        .path = part[1],
        .query = part[2],
        .host = part[3],
        .accept = part[3][0] == '\0' ? NULL : part[3],
        .authorization = part[4][0] == '\0' ? NULL : part[4],
        .token = part[5][0] == '\0' ? NULL : part[5],
    };
    api.settings = (struct settings){.mood = {.type = &mood_types[0]}, .sessions = 3, .devices = 5};
    settings_set_line(&api.settings, &ise, (char *)(uintptr_t)part[6], NULL);
    if (api.settings.sessions > 20)
        api.settings.sessions = 20;
    ask(&api, &request);
    api.type = &api_dnac;
    memcpy(api.folder, "lab/data/dnac", sizeof("lab/data/dnac"));
    settings_set_line(&api.settings, &dnac, (char *)(uintptr_t)part[6], NULL);
    if (api.settings.devices > 20)
        api.settings.devices = 20;
    api.settings.token_lifetime_s = 60;
    if (strcmp(part[5], "T") == 0)
        request.token = token = get_token(&api);
    ask(&api, &request);
    free(token);
    free(typed);
    return 0;
}
