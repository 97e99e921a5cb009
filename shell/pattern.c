#include "shell/pattern.h"

#include "shell/cells.h"
#include "shell/modifier.h"

#include "base/text.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* regcomp() unrolls x{n}: nested ones multiply, and a short pattern could take all memory. */
#define PATTERN_REPEAT_MOST 1000

struct pattern {
    char *plain; /* NULL: it is a regular expression */
    size_t length;
    regex_t regex;
};

/* The product of all upper bounds in {m,n}. */
static unsigned long repeats(const char *source)
{
    unsigned long product = 1;

    for (const char *at = strchr(source, '{'); at != NULL; at = strchr(at + 1, '{')) {
        char *end = NULL;
        unsigned long least = strtoul(at + 1, &end, 10);
        unsigned long most = *end == ',' ? strtoul(end + 1, NULL, 10) : 0;

        if (least > PATTERN_REPEAT_MOST || most > PATTERN_REPEAT_MOST)
            return PATTERN_REPEAT_MOST + 1;
        most = most > least ? most : least;
        product *= most > 0 ? most : 1;
        if (product > PATTERN_REPEAT_MOST)
            break;
    }
    return product;
}

static int compile(struct pattern *pattern, const char *source, struct error *err)
{
    char why[128];
    int rc;

    if (strcspn(source, "\\.[]()*+?{}|^$") == strlen(source)) {
        pattern->length = strlen(source);
        pattern->plain = strdup(source);
        return pattern->plain != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
    }
    if (repeats(source) > PATTERN_REPEAT_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a pattern: it repeats more than %d times",
                         source, PATTERN_REPEAT_MOST);
    cells_use_utf8();
    rc = regcomp(&pattern->regex, source, REG_EXTENDED | REG_NOSUB);
    if (rc == 0)
        return 0;
    regerror(rc, &pattern->regex, why, sizeof(why));
    return error_set(err, rc == REG_ESPACE ? ERROR_INTERNAL : ERROR_INVALID_ARGUMENT,
                     "%s is not a pattern: %s", source, why);
}

struct pattern *pattern_new(const char *const *words, size_t count, struct error *err)
{
    struct pattern *pattern = calloc(1, sizeof(*pattern));
    struct text source = {0};

    for (size_t i = 0; i < count; i++)
        text_format(&source, "%s%s", i > 0 ? " " : "", words[i]);
    if (pattern == NULL || source.failed)
        error_set(err, ERROR_INTERNAL, "out of memory");
    else if (source.length == 0)
        error_set(err, ERROR_INVALID_ARGUMENT, "the pattern is empty");
    else if (source.length > MODIFIER_PATTERN_MOST)
        error_set(err, ERROR_INVALID_ARGUMENT, "the pattern is longer than %d bytes", MODIFIER_PATTERN_MOST);
    else if (compile(pattern, source.data, err) == 0)
        goto done;
    free(pattern);
    pattern = NULL;
done:
    text_free(&source);
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern == NULL)
        return;
    if (pattern->plain == NULL)
        regfree(&pattern->regex);
    free(pattern->plain);
    free(pattern);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

bool pattern_matches(const struct pattern *pattern, const char *line, size_t length)
{
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)length};

    if (pattern->plain != NULL)
        return memmem(line, length, pattern->plain, pattern->length) != NULL;
#ifdef SANITIZED
    /* AddressSanitizer's own regexec() does not know REG_STARTEND and looks for a NUL. */
    char *copy = strndup(line, length);
    bool found = copy != NULL && memchr(line, '\0', length) == NULL &&
                 regexec(&pattern->regex, copy, 1, &range, REG_STARTEND) == 0;
    free(copy);
    return found;
#else
    return regexec(&pattern->regex, line, 1, &range, REG_STARTEND) == 0;
#endif
}
