/* The CTL file of a node: <home>/ctl/CTLFile.tlv, made from the node's own certificates. */
#pragma once

#include "daemon/purpose_keep.h"

#define CTL_MODE_SETTING "ctl/mode"     /* "1": mixed mode */
#define CTL_SIGNER_SETTING "ctl/signer" /* SHA-256 of the certificate that signed the file */

/* The bytes as they are. ERROR_NOT_FOUND: there is no file. The caller frees. */
int ctl_file_read(const struct node *node, char **data, size_t *length, struct error *err);

/* Makes and signs a new file from the certificates in service; in the same job the mode is set, and the audit
 * trail written. With own_key->change held. `by_callmanager`: signed with the CallManager key. */
int ctl_file_make(struct request *request, bool by_callmanager, struct error *err);

/* Takes the file away, and the mode back. */
int ctl_file_remove(struct request *request, struct error *err);

/* True if the node is in mixed mode. */
int ctl_mode(const struct node *node, bool *mixed, struct error *err);
