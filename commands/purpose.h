/* What the commands about certificates by purpose share. */
#pragma once

#include "commands/context.h"

/* The last line of a failure, by which scripts tell it. */
#define PURPOSE_FAILED "Executed command unsuccessfully"

/* Checks and completions of their arguments. */
int purpose_check(const char *word, struct error *err);
int purpose_check_trust_store(const char *word, struct error *err);
int purpose_check_trust_name(const char *word, struct error *err);
int purpose_check_root(const char *word, struct error *err);
int purpose_check_size(const char *word, struct error *err);
int purpose_check_names(const char *word, struct error *err);
int purpose_check_service(const char *word, struct error *err);
void purpose_complete(void *context, const char *prefix, struct shell_words *words);
void purpose_complete_trust_store(void *context, const char *prefix, struct shell_words *words);
void purpose_complete_trust_name(void *context, const char *prefix, struct shell_words *words);
void purpose_complete_size(void *context, const char *prefix, struct shell_words *words);
void purpose_complete_service(void *context, const char *prefix, struct shell_words *words);

/* Asks `question`, unless "force" was given. 1: go on; 0: no, which was said; -1: failed. */
int purpose_confirm(struct shell_call *call, const char *question, struct error *err);

/* A text of an object, "" where it is none. */
const char *purpose_text(json_t *object, const char *name);
