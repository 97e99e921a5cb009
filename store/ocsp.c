#include "store/ocsp.h"

#include "store/record.h"
#include "store/setting.h"
#include "store/small_record.h"

#include <stdio.h>
#include <string.h>

#define SETTING_NAME "ocsp"

bool ocsp_setting_read(struct arena *arena, const void *bytes, size_t length, struct ocsp_setting *out)
{
    const Record__Ocsp *record = record_unpack(arena, &record__ocsp__descriptor, bytes, length);

    memset(out, 0, sizeof(*out));
    if (record == NULL || strlen(record->url1) >= OCSP_URL_MAX || strlen(record->url2) >= OCSP_URL_MAX)
        return false;
    out->custom = record->custom;
    out->hard = record->hard;
    snprintf(out->urls[0], OCSP_URL_MAX, "%s", record->url1);
    snprintf(out->urls[1], OCSP_URL_MAX, "%s", record->url2);
    return true;
}

int ocsp_setting_get(struct store_txn *txn, struct ocsp_setting *out, struct error *err)
{
    struct error cause = {0};
    const uint8_t *value;
    size_t length;

    memset(out, 0, sizeof(*out));
    if (setting_get(txn, SETTING_NAME, &value, &length, &cause) != 0) {
        if (cause.code == ERROR_NOT_FOUND)
            return 0;
        if (err != NULL)
            *err = cause;
        return -1;
    }
    return ocsp_setting_read(&txn->arena, value, length, out) ? 0
                                                              : record_damaged(txn, DATABASE_SETTINGS, err);
}

int ocsp_setting_set(struct store_txn *txn, const struct ocsp_setting *setting, struct error *err)
{
    Record__Ocsp record = RECORD__OCSP__INIT;
    MDB_val packed;

    record.custom = setting->custom;
    record.hard = setting->hard;
    record.url1 = (char *)(uintptr_t)setting->urls[0];
    record.url2 = (char *)(uintptr_t)setting->urls[1];
    packed = record_pack(txn, &record.base);
    if (record_status(txn, err) != 0)
        return -1;
    return setting_set(txn, SETTING_NAME, STORE_SCOPE_PAIR, packed.mv_data, packed.mv_size, err);
}
