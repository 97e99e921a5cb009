#include "daemon/pair_private.h"
#include <string.h>
int pair_readiness(struct pair *pair, const struct pair_wish *wish, json_t **result, struct error *err)
{
    (void)pair;
    (void)wish;
    (void)result;
    return error_set(err, ERROR_INTERNAL, "not yet");
}
size_t pair_ready_routes_fill(struct pair *pair, struct link_route *routes)
{
    (void)pair;
    (void)routes;
    return 0;
}
