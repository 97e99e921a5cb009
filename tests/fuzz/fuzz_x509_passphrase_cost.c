/* Arbitrary bytes as the parts of a PKCS#12 whose integrity code was right: never a crash, and never long. */
#include "x509/passphrase_cost.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    PKCS12 *file = d2i_PKCS12(NULL, &at, (long)size);
    static const char *const passphrases[] = {NULL, "", "word"};

    for (size_t i = 0; file != NULL && i < 3; i++) {
        struct error err = {0};

        if (passphrase_cost_check_mac(file, &err) == 0 &&
            passphrase_cost_check_parts(file, passphrases[i], &err) == 0)
            continue;
        if (err.code != ERROR_INVALID_ARGUMENT)
            abort();
    }
    PKCS12_free(file);
    return 0;
}
