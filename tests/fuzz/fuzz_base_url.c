/* URLs: what is read can be written and decoded, within its bounds, and means the same when read again. */
#include "base/url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char formatted[3 * URL_TEXT_MAX];
    char again[3 * URL_TEXT_MAX];
    char decoded[URL_PATH_MAX];
    struct url url;
    struct url second;

    memcpy(text, data, size);
    text[size] = '\0';
    url_is_like(text);
    if (url_parse(text, &url, NULL) == 0) {
        url_format(&url, formatted);
        if (url_decode_path(&url, decoded, NULL) != 0 || strchr(formatted, '\n') != NULL)
            abort();
        /* encoding may make a path longer than one may be */
        if (url_parse(formatted, &second, NULL) == 0) {
            url_format(&second, again);
            if (strcmp(again, formatted) != 0 || url.port != second.port ||
                strcmp(url.host, second.host) != 0)
                abort();
        }
        url_append_name(&url, text, NULL);
    }
    free(text);
    return 0;
}
