/* What OpenSSL says, in our own words: for the files here that seal. */
#pragma once

#include "base/error.h"

/* ERROR_INTERNAL: "cannot <doing>: <OpenSSL's reason>"; clears OpenSSL's queue. Returns -1. */
int openssl_error(struct error *err, const char *doing);
