/* The two forms of a subject say the same of almost every certificate; a pin's record keeps only one then. */
#pragma once

#include "base/text.h"

/* Appends the one-line form that a slash form stands for: "/C=US/CN=x" gives "C = US, CN = x". */
void pin_subject_oneline(const char *slash, size_t length, struct text *out);
