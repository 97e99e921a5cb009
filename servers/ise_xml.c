#include "servers/ise_xml.h"

#include "base/text.h"
#include "servers/access.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX 65536  /* bytes given to the parser at once */
#define WORD_MAX 131072 /* bytes of one tag, comment, ...: the parser keeps what it cannot finish */

struct ise_reader {
    XML_Parser parser;
    enum ise_document document;
    bool (*each)(void *arg, const struct ise_session *session);
    void *arg;
    int depth;
    bool in_session;
    char *field; /* where the text of the element under way goes; NULL: nowhere */
    struct text text;
    struct ise_version version;
    struct ise_session session;
    char number[ISE_FIELD_MAX]; /* <count>, <type_of_node> */
    uint64_t count;
    bool has_count;
    bool has_version;
    uint64_t sessions;
    XML_Index fed;      /* bytes so far */
    struct error error; /* why the parser was stopped */
};

/* The name without its prefix. */
static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon == NULL ? name : colon + 1;
}

static void stop(struct ise_reader *reader, enum error_code code, const char *what)
{
    if (reader->error.code == ERROR_NONE)
        error_set(&reader->error, code, "%s", what);
    XML_StopParser(reader->parser, XML_FALSE);
}

/* A field's text, escaped and cut, where it is kept. */
static void keep(char out[ISE_FIELD_MAX], const char *bytes, size_t length)
{
    struct text escaped = {0};

    while (length > 0 && strchr(" \t\r\n", bytes[0]) != NULL) {
        bytes++;
        length--;
    }
    while (length > 0 && strchr(" \t\r\n", bytes[length - 1]) != NULL)
        length--;
    text_add_escaped(&escaped, bytes, length, NULL);
    out[0] = '\0';
    if (escaped.length > 0 && !escaped.failed)
        snprintf(out, ISE_FIELD_MAX, "%.*s", (int)text_cut_utf8(escaped.data, ISE_FIELD_MAX - 1),
                 escaped.data);
    text_free(&escaped);
}

static bool is_root(const struct ise_reader *reader, const char *name)
{
    switch (reader->document) {
    case ISE_VERSION:
        return strcmp(name, "product") == 0;
    case ISE_COUNT:
        return strcmp(name, "sessionCount") == 0;
    default: /* both are in the field */
        return strcmp(name, "activeList") == 0 || strcmp(name, "activeSessionList") == 0;
    }
}

static char *find_session_field(struct ise_reader *reader, const char *name)
{
    struct ise_session *session = &reader->session;
    const struct {
        const char *name;
        char *field;
        bool second; /* only where nothing better was there */
    } fields[] = {
        {"user_name", session->user, false},
        {"calling_station_id", session->station, false},
        {"framed_ip_address", session->address, false},
        {"framed_ipv6_address", session->address, true},
        {"nas_ip_address", session->device, false},
        {"audit_session_id", session->session, false},
        {"acct_session_id", session->session, true},
        {"server", session->server, false},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].second && fields[i].field[0] != '\0' ? NULL : fields[i].field;
    }
    return NULL;
}

static char *find_field(struct ise_reader *reader, const char *name)
{
    if (reader->document == ISE_VERSION && reader->depth == 2) {
        if (strcmp(name, "version") == 0)
            return reader->version.version;
        return strcmp(name, "type_of_node") == 0 ? reader->number : NULL;
    }
    if (reader->document == ISE_COUNT && reader->depth == 2)
        return strcmp(name, "count") == 0 ? reader->number : NULL;
    /* an address may be one of several in a list of its own */
    return reader->in_session && reader->depth >= 3 ? find_session_field(reader, name) : NULL;
}

static void read_product(struct ise_reader *reader, const char **attributes)
{
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(local_name(attributes[0]), "name") == 0)
            keep(reader->version.product, attributes[1], strlen(attributes[1]));
    }
}

static void XMLCALL on_start(void *arg, const char *qualified, const char **attributes)
{
    struct ise_reader *reader = arg;
    const char *name = local_name(qualified);

    if (++reader->depth > ISE_XML_DEPTH_MAX) {
        stop(reader, ERROR_UNREACHABLE, "answered with XML that is nested too deeply");
        return;
    }
    if (reader->depth == 1 && !is_root(reader, name)) {
        stop(reader, ERROR_UNREACHABLE, "answered with another document than an ISE's");
        return;
    }
    if (reader->depth == 1 && reader->document == ISE_VERSION)
        read_product(reader, attributes);
    if (reader->document == ISE_LIST && reader->depth == 2 && strcmp(name, "activeSession") == 0) {
        reader->in_session = true;
        reader->session = (struct ise_session){0};
    }
    text_clear(&reader->text);
    reader->field = find_field(reader, name);
}

/* A number of digits alone; false: none. */
static bool read_number(const char *text, uint64_t *out)
{
    size_t length = strlen(text);

    if (length == 0 || length > 18 || strspn(text, "0123456789") != length)
        return false;
    *out = strtoull(text, NULL, 10);
    return true;
}

static void finish_field(struct ise_reader *reader)
{
    uint64_t number = 0;

    keep(reader->field, reader->text.length > 0 ? reader->text.data : "", reader->text.length);
    if (reader->field == reader->version.version) {
        reader->has_version = reader->version.version[0] != '\0';
    } else if (reader->field == reader->number) {
        if (!read_number(reader->number, &number))
            stop(reader, ERROR_UNREACHABLE, "answered with a number that is none");
        reader->count = number;
        reader->has_count = true;
        reader->version.node = number > INT32_MAX ? INT32_MAX : (int)number;
    }
    reader->field = NULL;
}

static void XMLCALL on_end(void *arg, const char *qualified)
{
    struct ise_reader *reader = arg;

    if (reader->field != NULL)
        finish_field(reader);
    if (reader->in_session && reader->depth == 2 && strcmp(local_name(qualified), "activeSession") == 0) {
        reader->in_session = false;
        reader->sessions++;
        if (reader->each != NULL && !reader->each(reader->arg, &reader->session))
            stop(reader, ERROR_BUSY, "interrupted");
    }
    reader->depth--;
}

static void XMLCALL on_text(void *arg, const char *bytes, int length)
{
    struct ise_reader *reader = arg;

    /* what is longer is cut anyway */
    if (reader->field != NULL && reader->text.length < ISE_FIELD_MAX)
        text_add(&reader->text, bytes, (size_t)length);
}

/* Nothing that an ISE says needs a document type, and it is where entities are declared. */
static void XMLCALL on_doctype(void *arg, const char *name, const char *system, const char *public,
                               int subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)subset;
    stop(arg, ERROR_UNREACHABLE,
         "answered with XML that declares a document type, where entities could hide");
}

static const char *known_charset(const char *charset, bool *known)
{
    static const char *const charsets[] = {"UTF-8", "UTF-16", "ISO-8859-1", "US-ASCII"};

    *known = true;
    if (charset[0] == '\0')
        return NULL;
    for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
        if (strcmp(charsets[i], charset) == 0)
            return charsets[i];
    }
    *known = false;
    return NULL;
}

struct ise_reader *ise_reader_new(enum ise_document document, const char *charset,
                                  bool (*each)(void *arg, const struct ise_session *session), void *arg,
                                  struct error *err)
{
    struct ise_reader *reader = calloc(1, sizeof(*reader));
    bool known;
    const char *encoding = known_charset(charset, &known);

    if (!known)
        server_charset_unread(err);
    else if (reader == NULL || (reader->parser = XML_ParserCreate(encoding)) == NULL)
        error_set(err, ERROR_INTERNAL, "could not be read: out of memory");
    if (!known || reader == NULL || reader->parser == NULL) {
        free(reader);
        return NULL;
    }
    reader->document = document;
    reader->each = each;
    reader->arg = arg;
    reader->version.node = -1;
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    return reader;
}

static int explain(const struct ise_reader *reader, struct error *err)
{
    enum XML_Error code = XML_GetErrorCode(reader->parser);

    if (reader->error.code != ERROR_NONE) {
        if (err != NULL)
            *err = reader->error;
        return -1;
    }
    if (code == XML_ERROR_UNKNOWN_ENCODING || code == XML_ERROR_INCORRECT_ENCODING)
        return server_charset_unread(err);
    if (code == XML_ERROR_NO_ELEMENTS && reader->depth > 0)
        return error_set(err, ERROR_UNREACHABLE, "answered with broken XML: it ends too early");
    if (code == XML_ERROR_NO_ELEMENTS)
        return error_set(err, ERROR_UNREACHABLE, "answered with nothing where XML should be");
    return error_set(err, ERROR_UNREACHABLE, "answered with broken XML: %s in line %lu",
                     XML_ErrorString(code), (unsigned long)XML_GetCurrentLineNumber(reader->parser));
}

int ise_reader_add(struct ise_reader *reader, const char *bytes, size_t length, struct error *err)
{
    while (length > 0) {
        int part = length > PART_MAX ? PART_MAX : (int)length;

        if (XML_Parse(reader->parser, bytes, part, XML_FALSE) != XML_STATUS_OK)
            return explain(reader, err);
        reader->fed += part;
        if (reader->fed - XML_GetCurrentByteIndex(reader->parser) > WORD_MAX)
            return error_set(err, ERROR_UNREACHABLE, "answered with XML that has a tag without an end");
        bytes += part;
        length -= (size_t)part;
    }
    return 0;
}

int ise_reader_finish(struct ise_reader *reader, struct error *err)
{
    if (XML_Parse(reader->parser, "", 0, XML_TRUE) != XML_STATUS_OK)
        return explain(reader, err);
    if (reader->document == ISE_VERSION && (!reader->has_version || reader->version.node < 0))
        return error_set(err, ERROR_UNREACHABLE, "does not say its version and the type of its node");
    if (reader->document == ISE_COUNT && !reader->has_count)
        return error_set(err, ERROR_UNREACHABLE, "does not say how many sessions it has");
    return 0;
}

const struct ise_version *ise_reader_version(const struct ise_reader *reader)
{
    return &reader->version;
}

uint64_t ise_reader_count(const struct ise_reader *reader)
{
    return reader->count;
}

uint64_t ise_reader_sessions(const struct ise_reader *reader)
{
    return reader->sessions;
}

void ise_reader_free(struct ise_reader *reader)
{
    if (reader == NULL)
        return;
    XML_ParserFree(reader->parser);
    text_free(&reader->text);
    free(reader);
}
