#include "ha/diverged.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/certificate.h"
#include "store/pin_record.h"
#include "store/secret.h"
#include "store/small_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "diverged-"
#define SUFFIX ".json"
#define FILE_MODE 0640
#define FILES_MOST 1000 /* of one epoch */
#define HEADER_MOST 1024

/* ---- what a record says ---- */

static json_t *fingerprint_json(const uint8_t sha256[FINGERPRINT_SIZE])
{
    char text[FINGERPRINT_TEXT_MAX];

    fingerprint_format(sha256, text);
    return json_string(text);
}

static json_t *bytes_json(const uint8_t *bytes, size_t length)
{
    char *text = text_is_utf8((const char *)bytes, length) && memchr(bytes, '\0', length) == NULL
                     ? NULL
                     : malloc(BASE64_TEXT_SIZE(length));
    json_t *json;

    if (text == NULL)
        return json_pack("{s:s%}", "text", (const char *)bytes, length);
    base64_encode(bytes, length, text);
    json = json_pack("{s:s}", "base64", text);
    free(text);
    return json;
}

static json_t *pin_json(struct arena *arena, const struct change_record *record)
{
    struct pin pin;

    if (!pin_record_read(arena, record->value, record->value_length, &pin))
        return NULL;
    return json_pack("{s:s, s:s, s:o, s:I, s:I}", "zone", trust_zone_name(pin.zone), "subject",
                     pin.subject_slash, "sha256", fingerprint_json(pin.certificate), "first-seen-ms",
                     (json_int_t)pin.first_seen_ms, "last-seen-ms", (json_int_t)pin.last_seen_ms);
}

static json_t *setting_json(struct arena *arena, const struct change_record *record)
{
    enum store_scope scope;
    const uint8_t *value;
    size_t length;

    if (secret_is((const char *)record->key, record->key_length))
        return json_pack("{s:b}", "secret", 1);
    if (!setting_read(arena, record->value, record->value_length, &scope, &value, &length))
        return NULL;
    return bytes_json(value, length);
}

static json_t *ca_json(struct arena *arena, const struct change_record *record)
{
    struct ca_certificate ca;

    if (!ca_read(arena, record->value, record->value_length, &ca))
        return NULL;
    return json_pack("{s:s, s:o}", "subject", ca.subject_slash, "sha256", fingerprint_json(ca.sha256));
}

static json_t *certificate_json(struct arena *arena, const struct change_record *record)
{
    struct certificate_facts facts;
    const uint8_t *der;
    size_t length;

    if (!certificate_read(arena, record->value, record->value_length, &facts, &der, &length))
        return NULL;
    return json_pack("{s:s, s:s, s:o}", "subject", facts.subject_slash, "serial", facts.serial, "der",
                     bytes_json(der, length));
}

static json_t *policy_json(const struct change_record *record)
{
    enum trust_policy policy;

    if (!policy_read(record->value, record->value_length, &policy))
        return NULL;
    return json_pack("{s:s}", "policy", trust_policy_name(policy));
}

static json_t *value_json(struct arena *arena, const struct change_record *record)
{
    json_t *json = NULL;

    if (strcmp(record->database, "pins") == 0)
        json = pin_json(arena, record);
    else if (strcmp(record->database, "settings") == 0)
        json = setting_json(arena, record);
    else if (strcmp(record->database, "ca-certificates") == 0)
        json = ca_json(arena, record);
    else if (strcmp(record->database, "certificates") == 0)
        json = certificate_json(arena, record);
    else if (strcmp(record->database, "policies") == 0)
        json = policy_json(record);
    return json != NULL ? json : bytes_json(record->value, record->value_length);
}

/* A key as a person knows it: a fingerprint, or names with a slash between them. */
static json_t *key_json(const struct change_record *record)
{
    struct text text = {0};
    json_t *json;

    if (strcmp(record->database, "certificates") == 0 && record->key_length == FINGERPRINT_SIZE)
        return fingerprint_json(record->key);
    for (size_t i = 0; i < record->key_length; i++)
        text_add_escaped(&text, record->key[i] == '\0' ? "/" : (const char *)&record->key[i], 1, NULL);
    json = json_string(text.data != NULL ? text.data : "");
    text_free(&text);
    return json;
}

static json_t *change_json(struct arena *arena, const struct change *change)
{
    json_t *records = json_array();
    char when[CLOCK_TEXT_MAX];

    for (size_t i = 0; i < change->record_count; i++) {
        const struct change_record *record = &change->records[i];
        json_t *json;

        if (record->scope != STORE_SCOPE_PAIR)
            continue;
        json = json_pack("{s:s, s:o}", "database", record->database, "key", key_json(record));
        if (record->value != NULL)
            json_object_set_new(json, "value", value_json(arena, record));
        else
            json_object_set_new(json, "deleted", json_true());
        json_array_append_new(records, json);
    }
    clock_format(change->when_ms, when);
    return json_pack("{s:I, s:s, s:I, s:o}", "revision", (json_int_t)change->revision, "time", when,
                     "time-ms", (json_int_t)change->when_ms, "records", records);
}

/* ---- the file ---- */

struct writing {
    FILE *file;
    uint64_t common;
    uint64_t first;
    uint64_t last;
    uint64_t count;
    bool failed;
};

static int count_one(void *arg, const struct change *change)
{
    struct writing *writing = arg;

    if (change->revision <= writing->common)
        return 0;
    if (writing->count++ == 0)
        writing->first = change->revision;
    writing->last = change->revision;
    return 0;
}

static int write_one(void *arg, const struct change *change)
{
    struct writing *writing = arg;
    struct arena arena = {0};
    json_t *json;

    if (change->revision <= writing->common)
        return 0;
    json = change_json(&arena, change);
    writing->failed = json == NULL || json_dumpf(json, writing->file, JSON_COMPACT) != 0 ||
                      fputs(change->revision == writing->last ? "\n" : ",\n", writing->file) < 0;
    json_decref(json);
    arena_free(&arena);
    return writing->failed;
}

static int each_change(struct store_txn *txn, uint64_t common, struct writing *writing,
                       int (*each)(void *arg, const struct change *change), struct error *err)
{
    struct error why = {0};

    if (change_each(txn, common, each, writing, &why) == 0)
        return 0;
    /* what is not kept any more cannot be written down: all that is */
    if (why.code == ERROR_NOT_FOUND)
        return change_each_kept(txn, each, writing, err);
    if (err != NULL)
        *err = why;
    return -1;
}

/* A name that is not taken yet; opens it. */
static FILE *open_file(const char *folder, uint64_t epoch, char *name, size_t size, char path[PATH_MAX],
                       struct error *err)
{
    int fd = -1;
    FILE *file;

    for (int i = 1; fd < 0 && i <= FILES_MOST; i++) {
        if (i == 1)
            snprintf(name, size, PREFIX "%" PRIu64 SUFFIX, epoch);
        else
            snprintf(name, size, PREFIX "%" PRIu64 "-%d" SUFFIX, epoch, i);
        if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
            break;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file != NULL)
        return file;
    error_set_errno(err, errno, "cannot write the changes that only this node has to %.300s", path);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int write_file(struct store_txn *txn, struct writing *writing, uint64_t epoch, struct error *err)
{
    /* the first line is all that a listing reads */
    if (fprintf(writing->file,
                "{\"epoch\":%" PRIu64 ",\"first-revision\":%" PRIu64 ",\"last-revision\":%" PRIu64
                ",\"count\":%" PRIu64 ",\"written-ms\":%" PRId64 ",\"changes\":[\n",
                epoch, writing->first, writing->last, writing->count, clock_wall_ms()) < 0)
        return -1;
    if (each_change(txn, writing->common, writing, write_one, err) != 0 || writing->failed)
        return -1;
    return fputs("]}\n", writing->file) < 0 || fflush(writing->file) != 0 || fsync(fileno(writing->file)) != 0
               ? -1
               : 0;
}

int ha_diverged_write(struct store *store, const char *folder, uint64_t epoch, uint64_t common,
                      uint64_t *count, char *file, size_t size, struct error *err)
{
    struct store_txn *txn = store_read(store, err);
    struct writing writing = {.common = common};
    char path[PATH_MAX] = "";
    int result = -1;

    if (txn == NULL || each_change(txn, common, &writing, count_one, err) != 0)
        goto out;
    *count = writing.count;
    result = 0;
    if (writing.count == 0)
        goto out;
    result = -1;
    writing.file = open_file(folder, epoch, file, size, path, err);
    if (writing.file == NULL)
        goto out;
    result = write_file(txn, &writing, epoch, err);
    if (fclose(writing.file) != 0 || (result == 0 && file_sync_folder(folder) != 0))
        result = -1;
    if (result != 0) {
        error_set_errno(err, errno, "cannot write the changes that only this node has to %.300s", path);
        unlink(path);
    }
out:
    store_end(txn);
    return result;
}

/* ---- listing ---- */

static int by_version(const struct dirent **left, const struct dirent **right)
{
    return strverscmp((*left)->d_name, (*right)->d_name);
}

static int is_diverged(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && length > strlen(SUFFIX) &&
           strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* False: it is no such file. */
static bool read_header(const char *folder, const char *name, struct ha_diverged *out)
{
    char path[PATH_MAX], line[HEADER_MOST];
    json_int_t epoch, first, last, count, written;
    FILE *file = NULL;
    json_t *json = NULL;
    bool read = false;
    char *end;

    if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
        file = fopen(path, "re");
    if (file != NULL && fgets(line, sizeof(line), file) != NULL &&
        (end = strstr(line, ",\"changes\"")) != NULL) {
        end[0] = '}';
        end[1] = '\0';
        json = json_loads(line, 0, NULL);
        read = json_unpack(json, "{s:I, s:I, s:I, s:I, s:I}", "epoch", &epoch, "first-revision", &first,
                           "last-revision", &last, "count", &count, "written-ms", &written) == 0;
    }
    if (read)
        *out = (struct ha_diverged){.file = name,
                                    .epoch = (uint64_t)epoch,
                                    .first_revision = (uint64_t)first,
                                    .last_revision = (uint64_t)last,
                                    .changes = (uint64_t)count,
                                    .written_ms = written};
    json_decref(json);
    if (file != NULL)
        fclose(file);
    return read;
}

int ha_diverged_each(const char *folder, int (*each)(void *arg, const struct ha_diverged *diverged),
                     void *arg, struct error *err)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_diverged, by_version);
    bool goes_on = true;

    if (count < 0)
        return errno == ENOENT ? 0 : error_set_errno(err, errno, "cannot read the folder %.300s", folder);
    for (int i = 0; i < count; i++) {
        struct ha_diverged diverged;

        if (goes_on && read_header(folder, entries[i]->d_name, &diverged))
            goes_on = each(arg, &diverged) == 0;
        free(entries[i]);
    }
    free(entries);
    return 0;
}
