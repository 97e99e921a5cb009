#include "daemon/daily.h"

#include "daemon/ca_update.h"
#include "daemon/expiry.h"
#include "daemon/purpose_services.h"
#include "daemon/wakeup.h"

#include <stdlib.h>

struct daily {
    struct node *node;
    pthread_t thread;
    struct wakeup wakeup;
};

static void *watch(void *arg)
{
    struct daily *daily = arg;

    do {
        purpose_services_show(daily->node->purpose_services);
        ca_update_run(daily->node);
        expiry_run(daily->node);
        store_forget_dead_readers(daily->node->store);
    } while (wakeup_wait(&daily->wakeup, DAILY_LOOK_MS, NULL));
    return NULL;
}

static void destroy(struct daily *daily)
{
    wakeup_destroy(&daily->wakeup);
    free(daily);
}

struct daily *daily_start(struct node *node, struct error *err)
{
    struct daily *daily = calloc(1, sizeof(*daily));
    int failed;

    if (daily == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    daily->node = node;
    wakeup_init(&daily->wakeup);
    failed = pthread_create(&daily->thread, NULL, watch, daily);
    if (failed == 0)
        return daily;
    error_set_errno(err, failed, "cannot start the daily tasks");
    destroy(daily);
    return NULL;
}

void daily_wake(struct daily *daily)
{
    if (daily != NULL)
        wakeup_signal(&daily->wakeup, false);
}

void daily_stop(struct daily *daily)
{
    if (daily == NULL)
        return;
    wakeup_stop(&daily->wakeup);
    pthread_join(daily->thread, NULL);
}

void daily_free(struct daily *daily)
{
    if (daily != NULL)
        destroy(daily);
}
