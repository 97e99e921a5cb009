/*
 * A network between namespaces that can be cut, thinned out and slowed down, one direction at a time. Needs
 * no more of the kernel than TAP devices.
 *
 * usage: wire <namespace>...     each gets a device eth0; names are those of ip-netns(8)
 *
 * Commands on standard input, each answered by "ok" or a complaint:
 *   cut <from> <to>             nothing passes that way any more
 *   loss <from> <to> <percent>  so many frames are lost
 *   delay <from> <to> <ms>      frames arrive so much later
 *   alter <from> <to> <percent> of the TCP segments with data so many get one bit turned, and a right
 * checksum repeat <from> <to> <percent> so many frames arrive twice heal                        all of that
 * ends; what is under way still arrives count <from> <to>           prints frames that passed and frames that
 * were dropped Ends with its standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PORTS_MAX 8
#define FRAME_MAX 2048
#define WAITING_MAX 20000 /* frames under way in one direction */

struct frame {
    struct frame *next;
    int64_t due_ms;
    size_t length;
    unsigned char bytes[];
};

struct way {
    bool cut;
    unsigned loss_percent;
    unsigned delay_ms;
    unsigned alter_percent;
    unsigned repeat_percent;
    unsigned long passed;
    unsigned long dropped;
    struct frame *first;
    struct frame **last;
    unsigned waiting;
};

static const char *names[PORTS_MAX];
static int taps[PORTS_MAX];
static int count;
static struct way ways[PORTS_MAX][PORTS_MAX];

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    char path[256];
    int namespace, tap;

    snprintf(path, sizeof(path), "/run/netns/%s", name);
    namespace = open(path, O_RDONLY | O_CLOEXEC);
    if (namespace < 0 || setns(namespace, CLONE_NEWNET) != 0)
        return -1;
    close(namespace);
    tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "eth0");
    return tap >= 0 && ioctl(tap, TUNSETIFF, &request) == 0 ? tap : -1;
}

/* A device that is down or full loses the frame, as a wire would. */
static void deliver(int port, const void *bytes, size_t length)
{
    if (write(taps[port], bytes, length) < 0)
        return;
}

static bool happens(unsigned percent)
{
    return (unsigned)(random() % 100) < percent;
}

static unsigned word_at(const unsigned char *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* Turns a bit of the data of a TCP segment over IPv4, and updates the checksum (RFC 1624). */
static void alter(unsigned char *bytes, size_t length)
{
    size_t tcp, data, at;
    unsigned before, after;
    unsigned long sum;

    if (length < 14 + 20 || word_at(bytes + 12) != 0x0800 || bytes[14 + 9] != 6)
        return;
    tcp = 14 + (size_t)(bytes[14] & 15) * 4;
    data = length < tcp + 20 ? length : tcp + (size_t)(bytes[tcp + 12] >> 4) * 4;
    if (length < data + 2 || 14 + word_at(bytes + 16) < data + 2)
        return;
    at = data + (size_t)random() % (14 + word_at(bytes + 16) - data - 1);
    at -= (at - tcp) % 2; /* words of the checksum begin at even places */
    if (at < data)
        at += 2;
    if (at + 2 > length)
        return;
    before = word_at(bytes + at);
    bytes[at + (size_t)random() % 2] ^= (unsigned char)(1U << random() % 8);
    after = word_at(bytes + at);
    sum = (~word_at(bytes + tcp + 16) & 0xffff) + (~before & 0xffff) + after;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~(sum + (sum >> 16)) & 0xffff;
    bytes[tcp + 16] = (unsigned char)(sum >> 8);
    bytes[tcp + 17] = (unsigned char)sum;
}

static void carry(struct way *way, int to, const void *bytes, size_t length)
{
    struct frame *frame;

    if (way->cut || happens(way->loss_percent) || way->waiting >= WAITING_MAX) {
        way->dropped++;
        return;
    }
    way->passed++;
    if (way->delay_ms == 0 && way->first == NULL) {
        deliver(to, bytes, length);
        return;
    }
    frame = malloc(sizeof(*frame) + length);
    if (frame == NULL)
        return;
    frame->next = NULL;
    frame->due_ms = now_ms() + way->delay_ms;
    frame->length = length;
    memcpy(frame->bytes, bytes, length);
    *way->last = frame;
    way->last = &frame->next;
    way->waiting++;
}

static void on_frame(int from)
{
    unsigned char bytes[FRAME_MAX];
    ssize_t length;

    while ((length = read(taps[from], bytes, sizeof(bytes))) > 0) {
        for (int to = 0; to < count; to++) {
            unsigned char copy[FRAME_MAX];
            struct way *way = &ways[from][to];

            if (to == from)
                continue;
            memcpy(copy, bytes, (size_t)length);
            if (happens(way->alter_percent))
                alter(copy, (size_t)length);
            carry(way, to, copy, (size_t)length);
            if (happens(way->repeat_percent))
                carry(way, to, copy, (size_t)length);
        }
    }
}

/* Milliseconds until the next one is due; -1: none is under way. */
static int deliver_due(void)
{
    int64_t now = now_ms();
    int64_t next = -1;

    for (int from = 0; from < count; from++) {
        for (int to = 0; to < count; to++) {
            struct way *way = &ways[from][to];

            while (way->first != NULL && way->first->due_ms <= now) {
                struct frame *frame = way->first;

                deliver(to, frame->bytes, frame->length);
                way->first = frame->next;
                way->waiting--;
                free(frame);
            }
            if (way->first == NULL)
                way->last = &way->first;
            else if (next < 0 || way->first->due_ms - now < next)
                next = way->first->due_ms - now;
        }
    }
    return (int)next;
}

static int port_of(const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

static void heal(void)
{
    for (int from = 0; from < count; from++) {
        for (int to = 0; to < count; to++) {
            ways[from][to].cut = false;
            ways[from][to].loss_percent = 0;
            ways[from][to].delay_ms = 0;
            ways[from][to].alter_percent = 0;
            ways[from][to].repeat_percent = 0;
        }
    }
}

static void obey(const char *line)
{
    char verb[16] = "", from[64] = "", to[64] = "";
    unsigned number = 0;
    int fields = sscanf(line, "%15s %63s %63s %u", verb, from, to, &number);
    struct way *way;

    if (strcmp(verb, "heal") == 0) {
        heal();
        puts("ok");
        return;
    }
    if (fields < 3 || port_of(from) < 0 || port_of(to) < 0) {
        puts("no such command or namespace");
        return;
    }
    way = &ways[port_of(from)][port_of(to)];
    if (strcmp(verb, "cut") == 0)
        way->cut = true;
    else if (strcmp(verb, "loss") == 0 && fields == 4)
        way->loss_percent = number;
    else if (strcmp(verb, "delay") == 0 && fields == 4)
        way->delay_ms = number;
    else if (strcmp(verb, "alter") == 0 && fields == 4)
        way->alter_percent = number;
    else if (strcmp(verb, "repeat") == 0 && fields == 4)
        way->repeat_percent = number;
    else if (strcmp(verb, "count") == 0)
        printf("%lu %lu ", way->passed, way->dropped);
    puts("ok");
}

static bool read_commands(void)
{
    static char buffer[4096];
    static size_t used;
    ssize_t got = read(STDIN_FILENO, buffer + used, sizeof(buffer) - 1 - used);
    char *end;

    if (got <= 0)
        return got < 0 && errno == EINTR;
    used += (size_t)got;
    buffer[used] = '\0';
    while ((end = strchr(buffer, '\n')) != NULL) {
        *end = '\0';
        obey(buffer);
        used -= (size_t)(end + 1 - buffer);
        memmove(buffer, end + 1, used + 1);
    }
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    struct pollfd watched[PORTS_MAX + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};

    for (count = 0; count < argc - 1 && count < PORTS_MAX; count++) {
        names[count] = argv[count + 1];
        taps[count] = open_tap(names[count]);
        if (taps[count] < 0) {
            fprintf(stderr, "wire: no device in %s: %s\n", names[count], strerror(errno));
            return 1;
        }
        watched[count + 1] = (struct pollfd){.fd = taps[count], .events = POLLIN};
    }
    srandom((unsigned)time(NULL));
    deliver_due();
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (poll(watched, (nfds_t)count + 1, deliver_due()) < 0 && errno != EINTR)
            return 1;
        for (int i = 0; i < count; i++) {
            if (watched[i + 1].revents & POLLIN)
                on_frame(i);
        }
        if (watched[0].revents != 0 && !read_commands())
            return 0;
    }
}
