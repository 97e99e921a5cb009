/* How wide text is on a terminal. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Cells of the UTF-8 text; a byte that is no UTF-8 and a control character take one. */
size_t cells_of(const char *text, size_t length);

/* Cells of one character: 0 (combining), 1 or 2. Unicode by the C library (wcwidth, C.UTF-8). */
size_t cells_of_character(uint32_t codepoint);

/* Makes the C library speak UTF-8, whatever LANG says: the shell does so everywhere. */
void cells_use_utf8(void);
