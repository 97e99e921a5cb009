#include "store/vouch.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define PURPOSE "primesh session voucher 1"

static int mac_of(const struct seal *seal, const char *text, size_t length, char out[VOUCHER_MAC_DIGITS + 1],
                  struct error *err)
{
    uint8_t mac[SEAL_MAC_SIZE];

    if (seal_mac(seal, PURPOSE, text, length, mac, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(mac); i++)
        snprintf(out + 2 * i, 3, "%02x", mac[i]);
    return 0;
}

static bool is_origin(const char *origin)
{
    return origin[strspn(origin, "0123456789abcdefABCDEFghijklmnopqrstuvwxyz.:%")] == '\0';
}

int voucher_write(const struct seal *seal, const struct voucher *voucher, char out[VOUCHER_TEXT_SIZE],
                  struct error *err)
{
    int length;

    if (statement_check_user(voucher->account, err) != 0)
        return -1;
    if (!is_origin(voucher->origin))
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.60s is not an address", voucher->origin);
    length = snprintf(out, VOUCHER_TEXT_SIZE, "%s/%s/%d.%" PRIu64 "/%s/", voucher->account, voucher->key,
                      (int)voucher->sshd.pid, voucher->sshd.start,
                      voucher->origin[0] != '\0' ? voucher->origin : "-");
    if (length + VOUCHER_MAC_DIGITS >= VOUCHER_TEXT_SIZE)
        return error_set(err, ERROR_INTERNAL, "the voucher of %s is too long", voucher->account);
    return mac_of(seal, out, (size_t)length, out + length, err);
}

int voucher_read(const struct seal *seal, const char *text, pid_t holder, struct voucher *out,
                 struct error *err)
{
    char expected[VOUCHER_MAC_DIGITS + 1];
    const char *mac;

    if (!voucher_split(text, out, &mac))
        return error_set(err, ERROR_DENIED, "this session's voucher is none");
    if (mac_of(seal, text, (size_t)(mac - text), expected, err) != 0)
        return -1;
    if (CRYPTO_memcmp(mac, expected, VOUCHER_MAC_DIGITS) != 0)
        return error_set(err, ERROR_DENIED, "this session's voucher is not of this node");
    if (process_descends(holder, &out->sshd))
        return 0;
    error_set(err, ERROR_DENIED, "this session's voucher was given to another session");
    return error_hint(err, "log in again; primed must see the processes of sshd (/proc without hidepid)");
}
