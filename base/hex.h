/* Hexadecimal digits. */
#pragma once

/* The value of a digit of either case, 0 to 15; -1 for anything else. */
int hex_value(char digit);
