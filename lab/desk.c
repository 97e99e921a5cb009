#include "lab/desk.h"

#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000
#define US_PER_MS 1000

/* A request whose answer waits: for its time, or, half-open, for another mood. */
struct held {
    LIST_ENTRY(held) next;
    struct desk *desk;
    struct https_exchange *exchange;
    struct event *timer; /* NULL: half-open */
    struct mood mood;    /* when it came */
};

static void log_request(const struct desk *desk, const struct https_exchange *exchange,
                        const struct mood *mood, const struct api_reply *reply)
{
    const char *query = https_exchange_query(exchange);
    struct text name = {0};

    mood_format(mood, &name);
    log_write(desk->log, LOG_LEVEL_INFO,
              "%s %s %s%s%s %d user=%s authorization=%s token=%s bytes=%zu mood=%s",
              https_exchange_peer(exchange), https_exchange_method(exchange), https_exchange_path(exchange),
              query[0] != '\0' ? "?" : "", query, reply->status, reply->user[0] != '\0' ? reply->user : "-",
              https_exchange_header(exchange, "Authorization") != NULL ? "yes" : "no",
              https_exchange_header(exchange, "X-Auth-Token") != NULL ? "yes" : "no", reply->body.length,
              name.data == NULL ? "" : name.data);
    text_free(&name);
}

static void answer_in_mood(struct desk *desk, struct https_exchange *exchange, const struct mood *mood)
{
    struct api_request request = {
        .method = https_exchange_method(exchange),
        .path = https_exchange_path(exchange),
        .query = https_exchange_query(exchange),
        .host = https_exchange_header(exchange, "Host"),
        .accept = https_exchange_header(exchange, "Accept"),
        .authorization = https_exchange_header(exchange, "Authorization"),
        .token = https_exchange_header(exchange, "X-Auth-Token"),
    };
    const size_t moved = strlen(TROUBLE_MOVED);
    struct api_reply reply = {0};

    if (strncmp(request.path, TROUBLE_MOVED "/", moved + 1) == 0)
        request.path += moved;
    if (mood->type->kind == MOOD_STATUS)
        api_fail(&desk->api, &request, mood->type->status, &reply);
    else
        api_answer(&desk->api, &request, &reply);
    trouble_change(exchange, mood, &desk->place, &reply);
    log_request(desk, exchange, mood, &reply);
    trouble_send(exchange, mood, &reply);
    api_reply_clear(&reply);
}

static void forget(struct held *held)
{
    LIST_REMOVE(held, next);
    if (held->timer != NULL)
        event_free(held->timer);
    free(held);
}

static void release(struct held *held)
{
    struct https_exchange *exchange = held->exchange;
    struct desk *desk = held->desk;
    struct mood mood = held->mood;

    forget(held);
    answer_in_mood(desk, exchange, &mood);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    release(arg);
}

/* False: it cannot wait. */
static bool hold(struct desk *desk, struct https_exchange *exchange, const struct mood *mood)
{
    struct held *held = calloc(1, sizeof(*held));

    if (held == NULL)
        return false;
    *held = (struct held){.desk = desk, .exchange = exchange, .mood = *mood};
    if (mood->type->kind == MOOD_SLOW) {
        struct timeval wait = {.tv_sec = mood->number / MS_PER_S,
                               .tv_usec = mood->number % MS_PER_S * US_PER_MS};

        held->timer = evtimer_new(desk->base, on_timer, held);
        if (held->timer == NULL || evtimer_add(held->timer, &wait) != 0) {
            if (held->timer != NULL)
                event_free(held->timer);
            free(held);
            return false;
        }
    }
    LIST_INSERT_HEAD(&desk->held, held, next);
    return true;
}

struct mood desk_take_mood(struct desk *desk, const char *path)
{
    struct mood *mood = &desk->api.settings.mood;
    struct mood taken = *mood;

    if (!mood_is_for(mood, path))
        return (struct mood){.type = &mood_types[0]};
    if (mood->times > 0 && --mood->times == 0)
        *mood = (struct mood){.type = &mood_types[0]};
    return taken;
}

void desk_answer(void *arg, struct https_exchange *exchange)
{
    struct desk *desk = arg;
    const enum mood_kind kind = desk->api.settings.mood.type->kind;
    struct mood mood = {.type = &mood_types[0]};

    if (kind != MOOD_NO_HANDSHAKE) /* that one counts handshakes */
        mood = desk_take_mood(desk, https_exchange_path(exchange));
    if ((mood.type->kind == MOOD_SLOW || mood.type->kind == MOOD_HALF_OPEN) && hold(desk, exchange, &mood))
        return;
    answer_in_mood(desk, exchange, &mood);
}

void desk_set(struct desk *desk, const struct settings *settings)
{
    struct held *held;
    struct held *following;

    desk->api.settings = *settings;
    for (held = LIST_FIRST(&desk->held); held != NULL; held = following) {
        following = LIST_NEXT(held, next);
        if (held->timer == NULL && settings->mood.type->kind != MOOD_HALF_OPEN) {
            held->mood = (struct mood){.type = &mood_types[0]};
            release(held);
        }
    }
}

void desk_close(struct desk *desk)
{
    while (!LIST_EMPTY(&desk->held))
        forget(LIST_FIRST(&desk->held));
}
