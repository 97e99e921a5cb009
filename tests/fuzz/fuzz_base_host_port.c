/* Addresses, fingerprints and escaped text, from arbitrary bytes. */
#include "base/fingerprint.h"
#include "base/host_port.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *typed = strndup((const char *)data, size);
    uint8_t sha256[FINGERPRINT_SIZE];
    struct host_port address;
    struct host_port again;
    struct error err = {0};
    struct text escaped = {0};
    char text[HOST_PORT_TEXT_MAX];

    if (typed == NULL)
        return 0;
    if (host_port_parse(typed, &address, &err) == 0) {
        /* what was understood must be understood again, and be the same */
        host_port_format(&address, text);
        if (host_port_parse(text, &again, NULL) != 0 || strcmp(address.host, again.host) != 0 ||
            address.port != again.port)
            abort();
    } else if (!text_is_printable(err.message, strlen(err.message))) {
        abort();
    }
    if (fingerprint_parse(typed, sha256, &err) == 0) {
        char printed[FINGERPRINT_TEXT_MAX];
        uint8_t same[FINGERPRINT_SIZE];

        fingerprint_format(sha256, printed);
        if (fingerprint_parse(printed, same, NULL) != 0 || memcmp(sha256, same, sizeof(same)) != 0)
            abort();
    }
    text_add_escaped(&escaped, (const char *)data, size, "/");
    if (escaped.length > 0 && !text_is_printable(escaped.data, escaped.length))
        abort();
    text_free(&escaped);
    free(typed);
    return 0;
}
