/* Whatever a server says on an SFTP channel: the first byte chooses what is asked of it. */
#include "net/sftp.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAID_MAX 60000 /* bytes that the socket's buffer takes at once */
#define WAIT_MS 50

/* Every byte of a name can be read. */
static void look(void *arg, const struct sftp_entry *entry)
{
    size_t *sum = arg;

    for (size_t i = 0; i < entry->name_length; i++)
        *sum += (uint8_t)entry->name[i];
}

static void ask(struct sftp *sftp, uint8_t what)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    size_t sum = 0;

    if (what % 3 == 0)
        sftp_get(sftp, "/file", fd, 100000, NULL);
    else if (what % 3 == 1 && ftruncate(fd, 70000) == 0)
        sftp_put(sftp, "/file", fd, 70000, NULL);
    else
        sftp_list(sftp, "/", look, &sum, NULL);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* the greeting is given, so that the rest is reached */
    static const uint8_t hello[] = {0, 0, 0, 5, 2, 0, 0, 0, 3};
    struct sftp *sftp;
    int pair[2];

    if (size < 1 || size > SAID_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 0;
    signal(SIGPIPE, SIG_IGN);
    if (data[0] < 250 && write(pair[1], hello, sizeof(hello)) != sizeof(hello))
        return 0;
    if (write(pair[1], data + 1, size - 1) == (ssize_t)(size - 1)) {
        shutdown(pair[1], SHUT_WR);
        sftp = sftp_open(pair[0], "fuzz", WAIT_MS, NULL, NULL, NULL);
        if (sftp != NULL)
            ask(sftp, data[0]);
        sftp_close(sftp);
    }
    close(pair[0]);
    close(pair[1]);
    return 0;
}
