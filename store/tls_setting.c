#include "store/tls_setting.h"

#include "store/setting.h"

#include <stdio.h>

int tls_setting_get(struct store_txn *txn, struct tls_versions *out, struct error *err)
{
    char text[TLS_VERSIONS_TEXT_MAX] = TLS_VERSIONS_DEFAULT;
    const uint8_t *value;
    size_t length;

    if (setting_get(txn, TLS_VERSIONS_SETTING, &value, &length, NULL) == 0)
        snprintf(text, sizeof(text), "%.*s", (int)length, (const char *)value);
    return tls_versions_parse(text, out, err);
}
