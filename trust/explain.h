/* A verdict in words. */
#pragma once

#include "trust/trust.h"

/* The sentence of a refusal (or of what is accepted with a caveat), made once the outcome is final;
 * verdict->error holds the cause. For what is accepted without one nothing is done. */
void explain_verdict(const char *host, X509 *certificate, struct trust_verdict *verdict);

/* That no judgement was possible, for the reason in verdict->error. */
void explain_undecided(const char *host, X509 *certificate, struct trust_verdict *verdict);
