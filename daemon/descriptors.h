/* How many descriptors primed may have: every connection is one, and a shell's default is few. */
#pragma once

#include "base/error.h"

#define DESCRIPTORS_MOST 65536 /* as in etc/systemd/primesh.service */
#define DESCRIPTORS_LEAST 128  /* with fewer the HTTPS service's share leaves too little for all else */

/*
 * Raises this process's limit (and so that of those it will start) as far as it may: to the hard one, at most
 * DESCRIPTORS_MOST. ERROR_CONFLICT: that is less than DESCRIPTORS_LEAST.
 */
int descriptors_raise(struct error *err);
