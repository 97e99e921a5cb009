/* Arbitrary text as alternative names: what is read is written and read again as the same. */
#include "base/text.h"
#include "x509/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *typed = strndup((const char *)data, size);
    struct error err = {0};
    struct text shown = {0}, again = {0};
    GENERAL_NAMES *names = typed == NULL ? NULL : x509_parse_names(typed, &err), *second;

    if (names == NULL) {
        if (typed != NULL && !text_is_printable(err.message, strlen(err.message)))
            abort();
        free(typed);
        return 0;
    }
    x509_add_names(&shown, names, ",");
    if (shown.length > 0 && strstr(shown.data, " more") == NULL) {
        second = x509_parse_names(shown.data, &err);
        x509_add_names(&again, second, ",");
        if (second == NULL || strcmp(shown.data, again.data) != 0)
            abort();
        GENERAL_NAMES_free(second);
    }
    text_free(&shown);
    text_free(&again);
    GENERAL_NAMES_free(names);
    free(typed);
    return 0;
}
