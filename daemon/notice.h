/* What people are told without having asked. */
#pragma once

#include "daemon/node.h"

/* One line; goes to application.log. Whoever brings mail sends it on from here. */
void notice_give(struct node *node, const char *zone, const char *text);
