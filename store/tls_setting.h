/* The versions of TLS that this node's own server speaks, as an admin chose them. */
#pragma once

#include "base/tls_versions.h"
#include "store/store.h"

/* TLS_VERSIONS_DEFAULT where nothing is set. ERROR_INVALID_ARGUMENT: what is set cannot be read. */
int tls_setting_get(struct store_txn *txn, struct tls_versions *out, struct error *err);
