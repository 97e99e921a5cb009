/* Compressed replies (RFC 1952), for clients that ask for them and for those that do not. */
#pragma once

#include "base/text.h"

/*
 * Appends `front`, so many blanks, and `back`, as one gzip member. The blanks take next to no room: that is
 * what a client has to survive which unpacks whatever comes.
 */
void gzip_add(struct text *out, const char *front, size_t front_length, size_t blanks, const char *back,
              size_t back_length);
