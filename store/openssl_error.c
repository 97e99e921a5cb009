#include "store/openssl_error.h"

#include <openssl/err.h>

int openssl_error(struct error *err, const char *doing)
{
    char reason[160];
    unsigned long code = ERR_get_error();

    ERR_error_string_n(code, reason, sizeof(reason));
    ERR_clear_error();
    return error_set(err, ERROR_INTERNAL, "cannot %s: %s", doing, code != 0 ? reason : "OpenSSL failed");
}
