#include "store/vouch.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PURPOSE "primesh session voucher 1"
#define MAC_DIGITS (2 * SEAL_MAC_SIZE)

static int mac_of(const struct seal *seal, const char *text, size_t length, char out[MAC_DIGITS + 1],
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
    if (length + MAC_DIGITS >= VOUCHER_TEXT_SIZE)
        return error_set(err, ERROR_INTERNAL, "the voucher of %s is too long", voucher->account);
    return mac_of(seal, out, (size_t)length, out + length, err);
}

/* The next part of the text, up to "/". */
static bool take_part(const char **text, char *out, size_t size)
{
    size_t length = strcspn(*text, "/");

    if ((*text)[length] != '/' || length == 0 || length >= size)
        return false;
    memcpy(out, *text, length);
    out[length] = '\0';
    *text += length + 1;
    return true;
}

static bool split(const char *text, struct voucher *out, const char **mac)
{
    char sshd[64];
    char *end;

    *out = (struct voucher){0};
    if (!take_part(&text, out->account, sizeof(out->account)) ||
        !take_part(&text, out->key, sizeof(out->key)) || !take_part(&text, sshd, sizeof(sshd)) ||
        !take_part(&text, out->origin, sizeof(out->origin)))
        return false;
    out->sshd.pid = (pid_t)strtol(sshd, &end, 10);
    if (*end != '.')
        return false;
    out->sshd.start = strtoull(end + 1, NULL, 10);
    if (strcmp(out->origin, "-") == 0)
        out->origin[0] = '\0';
    *mac = text;
    return strlen(text) == MAC_DIGITS;
}

int voucher_read(const struct seal *seal, const char *text, pid_t holder, struct voucher *out,
                 struct error *err)
{
    char expected[MAC_DIGITS + 1];
    const char *mac;

    if (!split(text, out, &mac))
        return error_set(err, ERROR_DENIED, "this session's voucher is none");
    if (mac_of(seal, text, (size_t)(mac - text), expected, err) != 0)
        return -1;
    if (CRYPTO_memcmp(mac, expected, MAC_DIGITS) != 0)
        return error_set(err, ERROR_DENIED, "this session's voucher is not of this node");
    if (process_descends(holder, &out->sshd))
        return 0;
    error_set(err, ERROR_DENIED, "this session's voucher was given to another session");
    return error_hint(err, "log in again; primed must see the processes of sshd (/proc without hidepid)");
}

bool voucher_account(const char *text, char out[ACCOUNT_NAME_SIZE], char key[STATEMENT_KEY_NAME_SIZE])
{
    struct voucher voucher;
    const char *mac;

    if (!split(text, &voucher, &mac) || statement_check_user(voucher.account, NULL) != 0)
        return false;
    memcpy(out, voucher.account, ACCOUNT_NAME_SIZE);
    memcpy(key, voucher.key, STATEMENT_KEY_NAME_SIZE);
    return true;
}
