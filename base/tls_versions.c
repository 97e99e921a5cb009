#include "base/tls_versions.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS " ,\t"

static bool is_word(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && strncasecmp(word, name, length) == 0;
}

static int refuse(const char *word, size_t length, struct error *err)
{
    static const char *const withdrawn[] = {"SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"};

    for (size_t i = 0; i < sizeof(withdrawn) / sizeof(withdrawn[0]); i++) {
        if (is_word(word, length, withdrawn[i]))
            return error_set(err, ERROR_INVALID_ARGUMENT,
                             "%s is withdrawn (RFC 8996, RFC 7568) and not offered: TLSv1.2 or TLSv1.3",
                             withdrawn[i]);
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not a version of TLS: TLSv1.2 or TLSv1.3",
                     length > 40 ? 40 : (int)length, word);
}

int tls_versions_parse(const char *text, struct tls_versions *out, struct error *err)
{
    *out = (struct tls_versions){0};
    while (*(text += strspn(text, SEPARATORS)) != '\0') {
        size_t length = strcspn(text, SEPARATORS);

        if (is_word(text, length, "TLSv1.2"))
            out->v12 = true;
        else if (is_word(text, length, "TLSv1.3"))
            out->v13 = true;
        else
            return refuse(text, length, err);
        text += length;
    }
    if (!out->v12 && !out->v13)
        return error_set(err, ERROR_INVALID_ARGUMENT, "no version of TLS is given: TLSv1.2 or TLSv1.3");
    return 0;
}

void tls_versions_format(const struct tls_versions *versions, char separator, char out[TLS_VERSIONS_TEXT_MAX])
{
    const char between[2] = {separator, '\0'};

    snprintf(out, TLS_VERSIONS_TEXT_MAX, "%s%s%s", versions->v12 ? "TLSv1.2" : "",
             versions->v12 && versions->v13 ? between : "", versions->v13 ? "TLSv1.3" : "");
}
