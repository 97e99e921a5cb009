#include "store/voucher_text.h"

#include <stdlib.h>
#include <string.h>

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

bool voucher_split(const char *text, struct voucher *out, const char **mac)
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
    return strlen(text) == VOUCHER_MAC_DIGITS;
}

bool voucher_account(const char *text, char out[ACCOUNT_NAME_SIZE], char key[STATEMENT_KEY_NAME_SIZE])
{
    struct voucher voucher;
    const char *mac;

    if (!voucher_split(text, &voucher, &mac) || statement_check_user(voucher.account, NULL) != 0)
        return false;
    memcpy(out, voucher.account, ACCOUNT_NAME_SIZE);
    memcpy(key, voucher.key, STATEMENT_KEY_NAME_SIZE);
    return true;
}
