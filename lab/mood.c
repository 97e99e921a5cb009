#include "lab/mood.h"

#include "base/file.h"
#include "lab/records.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX 8192
#define WORDS_MAX 16

const struct mood_type mood_types[] = {
    {.name = "normal", .kind = MOOD_NORMAL, .help = "answers as it should"},
    {"slow", MOOD_SLOW, 0, NULL, "ms", NULL, 2000, 1, 600000, "waits before it answers"},
    {.name = "401", .kind = MOOD_STATUS, .status = 401, .help = "refuses the credentials or the token"},
    {.name = "403", .kind = MOOD_STATUS, .status = 403, .help = "knows the user, who may not"},
    {.name = "404", .kind = MOOD_STATUS, .status = 404, .help = "knows no path"},
    {"429", MOOD_STATUS, 429, NULL, "s", NULL, 5, 0, 86400, "too many requests; with Retry-After"},
    {.name = "500", .kind = MOOD_STATUS, .status = 500, .help = "fails"},
    {"503", MOOD_STATUS, 503, NULL, "s", NULL, 5, 0, 86400, "is not ready; with Retry-After"},
    {.name = "bad-xml", .kind = MOOD_DATA, .file = "bad.xml", .help = "XML that ends too early"},
    {.name = "bad-json", .kind = MOOD_DATA, .file = "bad.json", .help = "JSON that ends too early"},
    {.name = "entities",
     .kind = MOOD_DATA,
     .file = "entities.xml",
     .help = "XML whose entities would fill gigabytes"},
    {.name = "stranger",
     .kind = MOOD_DATA,
     .file = "stranger.html",
     .help = "another product's page, with status 200"},
    {.name = "empty", .kind = MOOD_EMPTY, .help = "status 200 and no body"},
    {"deep", MOOD_DEEP, 0, NULL, "levels", NULL, 100000, 1, 10000000, "a body nested so deep"},
    {"huge", MOOD_HUGE, 0, NULL, "MB", NULL, 100, 1, 4096, "a well-formed body of so many megabytes"},
    {"wrong-length", MOOD_LENGTH, 0, NULL, "bytes", NULL, 100, -1000000, 1000000,
     "Content-Length is wrong by so much; then it closes"},
    {"chunked", MOOD_CHUNKED, 0, NULL, "bytes", NULL, 7, 1, 65536, "chunks of so many bytes"},
    {"gzip", MOOD_GZIP, 0, NULL, "MB", NULL, 0, 0, 1024,
     "compressed, asked for or not; with so many megabytes of blanks in it"},
    {.name = "redirect",
     .kind = MOOD_REDIRECT,
     .word = "same, other, <URL>",
     .help = "to the same host, to the lab's other stand-in, or elsewhere"},
    {.name = "charset",
     .kind = MOOD_CHARSET,
     .word = "latin1, utf-16, unknown",
     .help = "the body is not in the character set it claims"},
    {.name = "reset", .kind = MOOD_RESET, .help = "resets the connection in the middle of the body"},
    {.name = "stall", .kind = MOOD_STALL, .help = "stops in the middle of the body and never goes on"},
    {.name = "half-open", .kind = MOOD_HALF_OPEN, .help = "takes connections and never says a word"},
    {.name = "no-handshake", .kind = MOOD_NO_HANDSHAKE, .help = "refuses every TLS handshake"},
};
const size_t mood_type_count = sizeof(mood_types) / sizeof(mood_types[0]);

static const struct setting {
    const char *name;
    bool of_ise;
    size_t offset;
    long fallback;
    long least;
    long most;
} setting_types[] = {
    {"type", true, offsetof(struct settings, type), 0, 0, 3},
    {"sessions", true, offsetof(struct settings, sessions), 4, 0, RECORDS_MAX},
    {"devices", false, offsetof(struct settings, devices), 12, 0, RECORDS_MAX},
    {"token-lifetime", false, offsetof(struct settings, token_lifetime_s), 3600, 1, 31536000},
    {"revocations", false, offsetof(struct settings, revocations), 0, 0, RECORDS_MAX},
};
#define SETTING_COUNT (sizeof(setting_types) / sizeof(setting_types[0]))

bool settings_is_ise(const struct lab_server *server)
{
    return strncmp(server->name, "ise", 3) == 0;
}

static long *value_of(struct settings *settings, const struct setting *setting)
{
    return (long *)(void *)((char *)settings + setting->offset);
}

static bool is_of(const struct setting *setting, const struct lab_server *server)
{
    return setting->of_ise == settings_is_ise(server);
}

static int read_number(const char *what, const char *text, long least, long most, long *out,
                       struct error *err)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end != '\0' || number < least || number > most)
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.40s\" is no value of %s: %ld to %ld", text, what,
                         least, most);
    *out = number;
    return 0;
}

/* Every word there is, for who typed another one. */
static int unknown(const char *word, const struct lab_server *server, struct error *err)
{
    struct text known = {0};

    for (size_t i = 0; i < mood_type_count; i++)
        text_format(&known, "%s%s", i > 0 ? ", " : "", mood_types[i].name);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (is_of(&setting_types[i], server))
            text_format(&known, ", %s <number>", setting_types[i].name);
    }
    error_set(err, ERROR_INVALID_ARGUMENT, "\"%.40s\" is no mood and no setting of %s", word, server->name);
    error_hint(err, "there are: %s", known.data == NULL ? "" : known.data);
    text_free(&known);
    return -1;
}

static int copy_word(const char *what, const char *text, char out[MOOD_WORD_MAX], struct error *err)
{
    if (strlen(text) >= MOOD_WORD_MAX || !text_is_printable(text, strlen(text)))
        return error_set(err, ERROR_INVALID_ARGUMENT, "that is no value of %s", what);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static bool is_option(const char *word)
{
    return strcmp(word, "times") == 0 || strcmp(word, "path") == 0;
}

static int set_options(struct mood *mood, char *const *words, struct error *err)
{
    for (; *words != NULL; words += 2) {
        if (!is_option(words[0]) || words[1] == NULL)
            return error_set(err, ERROR_INVALID_ARGUMENT,
                             "behind a mood and its value stand: times <n>, path <prefix>");
        if (words[0][0] == 't' && read_number("times", words[1], 1, 1000000, &mood->times, err) != 0)
            return -1;
        if (words[0][0] == 'p' && copy_word("path", words[1], mood->path, err) != 0)
            return -1;
    }
    return 0;
}

static int set_word(const struct mood_type *type, const char *word, struct mood *mood, struct error *err)
{
    const char *known = strstr(type->word, word);
    const char *end = known == NULL ? NULL : known + strlen(word);
    bool is_known = known != NULL && isalnum((unsigned char)word[0]) &&
                    (known == type->word || known[-1] == ' ') && (*end == ',' || *end == '\0');

    if (!is_known && !(strstr(type->word, "<URL>") != NULL && strstr(word, "://") != NULL))
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is one of: %s", type->name, type->word);
    return copy_word(type->name, word, mood->word, err);
}

static int set_mood(struct settings *settings, const struct mood_type *type, char *const *words,
                    struct error *err)
{
    struct mood mood = {.type = type, .number = type->fallback};
    bool has_value = words[0] != NULL && !is_option(words[0]);

    if (type->word != NULL)
        snprintf(mood.word, sizeof(mood.word), "%.*s", (int)strcspn(type->word, ", "), type->word);
    if (has_value && type->unit == NULL && type->word == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the mood %s takes no value", type->name);
    if (has_value && type->word != NULL && set_word(type, words[0], &mood, err) != 0)
        return -1;
    if (has_value && type->unit != NULL &&
        read_number(type->name, words[0], type->least, type->most, &mood.number, err) != 0)
        return -1;
    if (set_options(&mood, words + has_value, err) != 0)
        return -1;
    if (type->kind == MOOD_HALF_OPEN && mood.times > 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "half-open lasts until another mood is set");
    settings->mood = mood;
    return 0;
}

int settings_set(struct settings *settings, const struct lab_server *server, char *const *words,
                 struct error *err)
{
    for (size_t i = 0; i < mood_type_count; i++) {
        if (strcmp(words[0], mood_types[i].name) == 0)
            return set_mood(settings, &mood_types[i], words + 1, err);
    }
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &setting_types[i];

        if (!is_of(setting, server) || strcmp(words[0], setting->name) != 0)
            continue;
        if (words[1] == NULL || words[2] != NULL)
            return error_set(err, ERROR_INVALID_ARGUMENT, "%s takes one number: %ld to %ld", setting->name,
                             setting->least, setting->most);
        return read_number(setting->name, words[1], setting->least, setting->most,
                           value_of(settings, setting), err);
    }
    return unknown(words[0], server, err);
}

void settings_each(const struct settings *settings, const struct lab_server *server,
                   void (*each)(void *arg, const char *name, long value), void *arg)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (is_of(&setting_types[i], server))
            each(arg, setting_types[i].name,
                 *(const long *)(const void *)((const char *)settings + setting_types[i].offset));
    }
}

void mood_format(const struct mood *mood, struct text *out)
{
    text_add_string(out, mood->type->name);
    if (mood->word[0] != '\0')
        text_format(out, " %s", mood->word);
    else if (mood->type->unit != NULL)
        text_format(out, " %ld", mood->number);
    if (mood->times > 0)
        text_format(out, " times %ld", mood->times);
    if (mood->path[0] != '\0')
        text_format(out, " path %s", mood->path);
}

bool mood_is_for(const struct mood *mood, const char *path)
{
    return strncmp(path, mood->path, strlen(mood->path)) == 0;
}

int settings_set_line(struct settings *settings, const struct lab_server *server, char *line,
                      struct error *err)
{
    char *words[WORDS_MAX + 1] = {0};
    size_t count = 0;

    while (count < WORDS_MAX && (words[count] = strsep(&line, " ")) != NULL)
        count += words[count][0] != '\0';
    words[count] = NULL;
    return count > 0 ? settings_set(settings, server, words, err) : 0;
}

int settings_read(const struct lab *lab, const struct lab_server *server, struct settings *out,
                  struct error *err)
{
    char path[PATH_MAX];
    struct error missing = {0};
    char *data = NULL;
    char *rest;
    char *line;
    size_t length;
    int failed = 0;

    *out = (struct settings){.mood = {.type = &mood_types[0]}};
    for (size_t i = 0; i < SETTING_COUNT; i++)
        *value_of(out, &setting_types[i]) = setting_types[i].fallback;
    lab_path(lab, server, "mood", path);
    if (file_read(path, FILE_BYTES_MAX, &data, &length, &missing) != 0) {
        if (missing.code != ERROR_NOT_FOUND && err != NULL)
            *err = missing;
        return missing.code == ERROR_NOT_FOUND ? 0 : -1;
    }
    rest = data;
    while (failed == 0 && (line = strsep(&rest, "\n")) != NULL)
        failed = settings_set_line(out, server, line, err);
    free(data);
    return failed;
}

static void add_line(void *text, const char *name, long value)
{
    text_format(text, "%s %ld\n", name, value);
}

int settings_write(const struct lab *lab, const struct lab_server *server, const struct settings *settings,
                   struct error *err)
{
    struct text text = {0};
    char path[PATH_MAX];
    int failed;

    mood_format(&settings->mood, &text);
    text_add_string(&text, "\n");
    settings_each(settings, server, add_line, &text);
    lab_path(lab, server, "mood", path);
    failed = text.failed ? error_set(err, ERROR_INTERNAL, "out of memory")
                         : file_write(path, text.data, text.length, 0644, err);
    text_free(&text);
    return failed;
}
