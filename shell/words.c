#include "shell/words.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    char *made = strdup(text != NULL ? text : "");

    if (made == NULL)
        abort();
    return made;
}

void shell_words_add(struct shell_words *words, const char *word, const char *help)
{
    if (words->count == words->capacity) {
        size_t capacity = words->capacity ? words->capacity * 2 : 16;
        struct shell_word *items = realloc(words->items, capacity * sizeof(*items));
        if (items == NULL)
            abort();
        words->items = items;
        words->capacity = capacity;
    }
    words->items[words->count++] = (struct shell_word){copy(word), copy(help)};
}

void shell_words_free(struct shell_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        free(words->items[i].word);
        free(words->items[i].help);
    }
    free(words->items);
    *words = (struct shell_words){0};
}

static int compare(const void *a, const void *b)
{
    const struct shell_word *one = a, *other = b;
    int order = strcmp(one->word, other->word);

    /* Of doubles the one with the help comes first, and stays. */
    return order != 0 ? order : (one->help[0] == '\0') - (other->help[0] == '\0');
}

void shell_words_sort(struct shell_words *words)
{
    size_t kept = 0;

    if (words->count > 1)
        qsort(words->items, words->count, sizeof(*words->items), compare);
    for (size_t i = 0; i < words->count; i++) {
        if (kept > 0 && strcmp(words->items[i].word, words->items[kept - 1].word) == 0) {
            free(words->items[i].word);
            free(words->items[i].help);
        } else {
            words->items[kept++] = words->items[i];
        }
    }
    words->count = kept;
}
