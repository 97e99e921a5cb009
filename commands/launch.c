#include "commands/launch.h"

#include "base/node_conf.h"

#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a unit may lie that an administrator or a package put there (systemd.unit(5)). */
static const char *const units[] = {
    "/etc/systemd/system/primesh.service",           "/run/systemd/system/primesh.service",
    "/usr/local/lib/systemd/system/primesh.service", "/usr/lib/systemd/system/primesh.service",
    "/lib/systemd/system/primesh.service",
};

static bool is_the_services_home(const char *home)
{
    struct stat asked;
    struct stat services;

    return stat(home, &asked) == 0 && stat(NODE_HOME_DEFAULT, &services) == 0 &&
           asked.st_dev == services.st_dev && asked.st_ino == services.st_ino;
}

bool launch_is_the_managers(const char *home)
{
    size_t i;

    if (access("/run/systemd/system", F_OK) != 0 || !is_the_services_home(home))
        return false;
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (access(units[i], F_OK) == 0)
            return true;
    }
    return false;
}

const char *launch_command(const char *home)
{
    return launch_is_the_managers(home) ? LAUNCH_MANAGER : "ncs start";
}
