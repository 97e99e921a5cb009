/* Answers as templates: text in which ${word} stands for a value. */
#pragma once

#include "base/error.h"
#include "base/text.h"

/* How a value is written into what surrounds it. */
enum template_form { TEMPLATE_PLAIN, TEMPLATE_XML, TEMPLATE_JSON };

/* What a word is. TEMPLATE_VALUE is escaped as the form asks, TEMPLATE_PART is in that form already. */
enum template_kind { TEMPLATE_UNKNOWN, TEMPLATE_VALUE, TEMPLATE_PART };

/* Adds the word's value to `value`, which is empty before. */
typedef enum template_kind (*template_resolve)(void *arg, const char *word, struct text *value);

#define TEMPLATE_WORD_MAX 64

/* Appends the template with every word replaced. ERROR_INVALID_ARGUMENT: a word that nobody knows, or one
 * without an end; ERROR_INTERNAL: out of memory. */
int template_expand(const char *template, enum template_form form, template_resolve resolve, void *arg,
                    struct text *out, struct error *err);

/* Appends one value as the form asks; what it cannot hold (bytes that are not UTF-8) as a question mark. */
void template_escape(struct text *out, enum template_form form, const char *value);
