#include "lab/template.h"

#include <stdio.h>
#include <string.h>

static const char *xml_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        /* XML 1.0 knows no other control characters, not even escaped. */
        return (unsigned char)c < ' ' && strchr("\t\n\r", c) == NULL ? "?" : NULL;
    }
}

static void escape_json(struct text *out, char c)
{
    if (c == '"' || c == '\\')
        text_format(out, "\\%c", c);
    else if ((unsigned char)c < ' ')
        text_format(out, "\\u%04x", (unsigned)c);
    else
        text_add(out, &c, 1);
}

void template_escape(struct text *out, enum template_form form, const char *value)
{
    if (form == TEMPLATE_PLAIN) {
        text_add_string(out, value);
        return;
    }
    while (*value != '\0') {
        uint32_t codepoint = 0;
        size_t length = text_utf8_next(value, strlen(value), &codepoint);
        const char *entity = form == TEMPLATE_XML ? xml_entity(*value) : NULL;

        if (length == 0 || (codepoint & ~1U) == 0xfffe) /* no character of either form */
            text_add_string(out, "?");
        else if (length == 1 && form == TEMPLATE_JSON)
            escape_json(out, *value);
        else if (entity != NULL)
            text_add_string(out, entity);
        else
            text_add(out, value, length);
        value += length == 0 ? 1 : length;
    }
}

static int add_word(const char *word, enum template_form form, template_resolve resolve, void *arg,
                    struct text *out, struct error *err)
{
    struct text value = {0};
    enum template_kind kind = resolve(arg, word, &value);
    const char *text = value.data == NULL ? "" : value.data;

    if (kind == TEMPLATE_PART)
        text_add(out, text, value.length);
    else if (kind == TEMPLATE_VALUE)
        template_escape(out, form, text);
    out->failed = out->failed || value.failed;
    text_free(&value);
    return kind == TEMPLATE_UNKNOWN
               ? error_set(err, ERROR_INVALID_ARGUMENT, "nobody knows what ${%s} stands for", word)
               : 0;
}

int template_expand(const char *template, enum template_form form, template_resolve resolve, void *arg,
                    struct text *out, struct error *err)
{
    const char *start;

    while ((start = strstr(template, "${")) != NULL) {
        const char *end = strchr(start, '}');
        char word[TEMPLATE_WORD_MAX];

        text_add(out, template, (size_t)(start - template));
        if (end == NULL || end - start - 2 >= TEMPLATE_WORD_MAX)
            return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.20s\" has no end", start);
        snprintf(word, sizeof(word), "%.*s", (int)(end - start - 2), start + 2);
        if (add_word(word, form, resolve, arg, out, err) != 0)
            return -1;
        template = end + 1;
    }
    text_add_string(out, template);
    return out->failed ? error_set(err, ERROR_INTERNAL, "out of memory") : 0;
}
