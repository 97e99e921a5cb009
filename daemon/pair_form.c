/* What was asked for with a registration: with whom, and how. */
#include "daemon/pair_private.h"
#include "store/config.h"
#include "store/statement.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int resolve(const char *name, char out[HOST_TEXT_MAX], struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    enum host_kind kind;

    if (host_parse(name, &kind, out, err) != 0)
        return -1;
    if (kind != HOST_NAME)
        return 0;
    if (getaddrinfo(name, NULL, &hints, &list) != 0 ||
        getnameinfo(list->ai_addr, list->ai_addrlen, out, HOST_TEXT_MAX, NULL, 0, NI_NUMERICHOST) != 0) {
        if (list != NULL)
            freeaddrinfo(list);
        error_set(err, ERROR_UNREACHABLE, "cannot find the address of the secondary server %s", name);
        return error_hint(err, "give its address instead of its name");
    }
    freeaddrinfo(list);
    return 0;
}

int pair_wished_peer(struct pair *pair, const struct pair_wish *wish, char out[HOST_TEXT_MAX],
                     struct error *err)
{
    char name[HOST_TEXT_MAX] = "";

    if (wish->peer != NULL)
        snprintf(name, sizeof(name), "%s", wish->peer);
    else if (!pair_config(pair, "ha/secondary-server", name, sizeof(name))) {
        error_set(err, ERROR_INVALID_ARGUMENT, "no secondary server is configured");
        return error_hint(
            err, "configure it in configuration mode ha, or: ncs ha register secondary-server <host>");
    }
    if (resolve(name, out, err) != 0)
        return -1;
    if (strcmp(out, pair->self.address) == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is this server itself", name);
    return 0;
}

/* What came over the control socket is judged as a line of the configuration would be. */
int pair_form_check(json_t *form, struct error *err)
{
    static const char *const names[][2] = {{"failover", "ha/failover-type"},
                                           {"email", "ha/email-address"},
                                           {"ipv4", "ha/virtual-ipv4"},
                                           {"ipv6", "ha/virtual-ipv6"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = json_string_value(json_object_get(form, names[i][0]));
        char kept[STATEMENT_VALUE_MAX];

        if (value != NULL && statement_check(names[i][1], value, kept, err) != 0)
            return -1;
    }
    return 0;
}

void pair_form_read(json_t *form, struct pair_form *out)
{
    const char *failover = json_string_value(json_object_get(form, "failover"));
    const char *email = json_string_value(json_object_get(form, "email"));
    const char *ipv4 = json_string_value(json_object_get(form, "ipv4"));
    const char *ipv6 = json_string_value(json_object_get(form, "ipv6"));

    if (failover != NULL)
        out->automatic = strcmp(failover, "automatic") == 0;
    if (email != NULL)
        snprintf(out->email, sizeof(out->email), "%s", email);
    if (ipv4 != NULL)
        snprintf(out->ipv4, sizeof(out->ipv4), "%s", ipv4);
    if (ipv6 != NULL)
        snprintf(out->ipv6, sizeof(out->ipv6), "%s", ipv6);
}

json_t *pair_form_write(const struct pair_form *form)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "failover", form->automatic ? "automatic" : "manual", "email",
                     form->email, "ipv4", form->ipv4, "ipv6", form->ipv6);
}

void pair_form_now(struct pair *pair, struct pair_form *out)
{
    char type[16];
    struct pair_form configured = {0};

    *out = pair_record_of(pair, NULL).form;
    if (pair_config(pair, "ha/failover-type", type, sizeof(type)))
        out->automatic = strcmp(type, "automatic") == 0;
    if (pair_config(pair, "ha/email-address", configured.email, sizeof(configured.email)))
        memcpy(out->email, configured.email, sizeof(out->email));
    if (pair_config(pair, "ha/virtual-ipv4", configured.ipv4, sizeof(configured.ipv4)))
        memcpy(out->ipv4, configured.ipv4, sizeof(out->ipv4));
    if (pair_config(pair, "ha/virtual-ipv6", configured.ipv6, sizeof(configured.ipv6)))
        memcpy(out->ipv6, configured.ipv6, sizeof(out->ipv6));
}

int pair_form_configure(struct store_txn *txn, const struct pair_wish *wish, struct error *err)
{
    static const struct {
        const char *name;
        const char *setting;
    } given[] = {{"failover", "ha/failover-type"},
                 {"email", "ha/email-address"},
                 {"ipv4", "ha/virtual-ipv4"},
                 {"ipv6", "ha/virtual-ipv6"}};

    if (wish->peer != NULL && config_set(txn, CONFIG_RUNNING, "ha/secondary-server", wish->peer, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        const char *value = json_string_value(json_object_get(wish->form, given[i].name));

        if (value != NULL && config_set(txn, CONFIG_RUNNING, given[i].setting, value, err) != 0)
            return -1;
    }
    return 0;
}
