/* What store.c shows the other files of this folder. */
#pragma once

#include "store/environment.h"

struct environment *store_environment(struct store *store);
