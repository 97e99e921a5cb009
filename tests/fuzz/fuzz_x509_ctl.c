/* Arbitrary bytes as a CTL file: what is read lies inside the file, and nothing that was not signed is
 * believed. */
#include "x509/ctl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const struct ctl *ctl, const struct ctl_field *field)
{
    if (field->value < ctl->bytes || field->value + field->length > ctl->bytes + ctl->length)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct ctl *ctl = ctl_read(data, size, &err);
    size_t signer = 0;

    if (ctl == NULL) {
        if (err.message[0] == '\0')
            abort();
        return 0;
    }
    for (int tag = 1; tag <= CTL_HEADER_FIELDS; tag++)
        check_inside(ctl, &ctl->fields[tag]);
    for (size_t i = 0; i < ctl->record_count; i++) {
        if (ctl->records[i].certificate == NULL)
            abort();
        for (int tag = 1; tag <= CTL_RECORD_FIELDS; tag++)
            check_inside(ctl, &ctl->records[i].fields[tag]);
    }
    if (ctl_verify(ctl, &signer, &err) == 0 && signer >= ctl->record_count)
        abort();
    ctl_free(ctl);
    return 0;
}
