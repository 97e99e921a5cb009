#include "daemon/descriptors.h"

#include <errno.h>
#include <sys/resource.h>

int descriptors_raise(struct error *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error_set_errno(err, errno, "cannot find out how many descriptors this process may have");
    if (limit.rlim_max < DESCRIPTORS_LEAST) {
        error_set(err, ERROR_CONFLICT, "this process may have %llu descriptors, and needs %d",
                  (unsigned long long)limit.rlim_max, DESCRIPTORS_LEAST);
        return error_hint(err, "raise the limit where it was lowered (ulimit -Hn, LimitNOFILE)");
    }
    if (limit.rlim_cur >= DESCRIPTORS_MOST)
        return 0;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MOST ? limit.rlim_max : DESCRIPTORS_MOST;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error_set_errno(err, errno, "cannot raise the limit of descriptors");
    return 0;
}
