/*
 * What the stand-ins of both kinds share of HTTP: paths, methods, credentials, answers from data files. A
 * pure function from a request to a reply; the connection, and the moods, are lab/standin.h's and
 * lab/trouble.h's.
 */
#pragma once

#include "lab/mood.h"
#include "lab/records.h"

#define API_PARAMETER_MAX 256
#define API_PARAMETERS_MAX 3
#define API_HEADERS_MAX 4
#define API_USER_MAX 64
#define API_SECRET_BYTES 32

struct api_request {
    const char *method;
    const char *path;  /* as sent: percent-encoded, without the query */
    const char *query; /* "" where there is none */
    const char *host;  /* header, or NULL; so are these: */
    const char *accept;
    const char *authorization; /* "Basic ..." */
    const char *token;         /* X-Auth-Token */
};

struct api_reply {
    int status;
    const char *content_type; /* NULL: no body */
    struct text body;
    struct api_header {
        const char *name;
        char *value;
    } headers[API_HEADERS_MAX];
    size_t header_count;
    char user[API_USER_MAX]; /* who asked, as far as it is a known name; else "" */
};

/* A stand-in. */
struct api_type;
struct api {
    const struct api_type *type;
    char folder[PATH_MAX]; /* of its data files */
    struct settings settings;
    unsigned char secret[API_SECRET_BYTES]; /* of its tokens */
};

/* One request on its way through. */
struct api_call {
    const struct api *api;
    const struct api_request *request;
    struct api_reply *reply;
    const struct api_type *type;                                /* the interface that has the path */
    const struct api_route *route;                              /* NULL: the path is unknown */
    char parameters[API_PARAMETERS_MAX][API_PARAMETER_MAX + 1]; /* what stood for each `*`, decoded */
};

struct api_route {
    const char *pattern; /* "/a/b" or, where one segment may be anything, with a star in its place */
    const char *method;  /* "GET" takes HEAD along */
    void (*run)(struct api_call *call);
};

struct api_type {
    const char *name;
    const char *guarded; /* paths that start so tell nobody without credentials whether they exist */
    enum template_form form;
    const char *media; /* of its answers */
    const struct api_route *routes;
    size_t route_count;
    bool (*admit)(struct api_call *call); /* false: the reply says why not */
    void (*fail)(struct api_call *call, int status, const char *detail);
    const struct api_type *beside; /* another interface of the same server, of all under its `guarded` */
};

extern const struct api_type api_ise;
extern const struct api_type api_ers; /* beside api_ise */
extern const struct api_type api_dnac;

/*
 * Fills a zeroed reply. Under a guarded path that has no route, a data file answers GET: its name is "get",
 * the path with dots for slashes, and the format, e.g. get.dna.intent.api.v1.site.json. Free what is in it
 * with api_reply_clear(). */
void api_answer(const struct api *api, const struct api_request *request, struct api_reply *reply);

/* Fills a zeroed reply with the API's own form of this status, as if something stood in the way. */
void api_fail(const struct api *api, const struct api_request *request, int status, struct api_reply *reply);

void api_reply_clear(struct api_reply *reply);
void api_clear_headers(struct api_reply *reply);

/* --- for the two kinds ------------------------------------------------------------------------------------
 */

/* Does the path match, and with which parameters? */
bool api_match(const char *pattern, const char *path,
               char parameters[API_PARAMETERS_MAX][API_PARAMETER_MAX + 1]);

/* May an answer of this media type be sent to who accepts this (RFC 9110 section 12.5.1; NULL: everything)?
 */
bool api_accepts(const char *accept, const char *media);

/*
 * Checks Basic credentials (RFC 7617) against the data file `users`: one `<role> <name>:<password>` a line.
 * Returns the role, or API_NOBODY; reply->user is filled as soon as the name is known.
 */
enum api_role { API_NOBODY, API_READER, API_SUPER };
enum api_role api_basic(struct api_call *call);

/* Lets nobody but API_SUPER through: an `admit`. */
bool api_admit_super(struct api_call *call);

void api_add_header(struct api_reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads a table of the data files; NULL with the reply set to 500. Free with records_free(). */
struct records *api_records(struct api_call *call, const char *file);

/* Reads a template of the data files, which the caller frees; NULL with the reply set to 500. */
char *api_template(struct api_call *call, const char *file);

/* Appends a template with its words replaced; false with the reply set to 500. */
bool api_expand(struct api_call *call, const char *template, template_resolve resolve, void *arg,
                struct text *out);

/* Makes a text the whole reply, in the kind's media type, and empties it. */
void api_reply_text(struct api_call *call, int status, struct text *body);

/* The same with a data file and its words. */
struct api_word {
    const char *name;
    const char *value;
    bool is_part; /* in the answer's form already */
};
void api_reply_file(struct api_call *call, int status, const char *file, const struct api_word *words);

/* For api_expand(): the words of such a list. */
enum template_kind api_resolve_word(void *words, const char *word, struct text *value);

/* The first user of the role that the file names, "name:password"; false: none. */
bool api_credentials(const char *folder, enum api_role role, struct text *out);
