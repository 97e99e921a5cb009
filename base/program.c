#include "base/program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int program_beside(const char *name, char *out, size_t size, struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    size_t folder;

    if (length > 0) {
        out[length] = '\0';
        folder = (size_t)(strrchr(out, '/') - out) + 1;
        if ((size_t)snprintf(out + folder, size - folder, "%s", name) < size - folder &&
            access(out, X_OK) == 0)
            return 0;
    }
    return error_set(err, ERROR_NOT_FOUND, "there is no program %s beside this one", name);
}
