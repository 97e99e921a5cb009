#include "daemon/notice.h"

void notice_give(struct node *node, const char *zone, const char *text)
{
    log_write(node->application_log, LOG_LEVEL_WARNING, "[%s] [DailyTask] %s", zone, text);
}
