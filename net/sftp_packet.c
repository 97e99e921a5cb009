#include "net/sftp_packet.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 200 /* how often it is asked whether to go on */

enum attribute_flags {
    HAS_SIZE = 0x1,
    HAS_OWNER = 0x2,
    HAS_MODE = 0x4,
    HAS_TIMES = 0x8,
    HAS_MORE = (int)0x80000000
};
#define MODE_KIND 0170000
#define MODE_FOLDER 0040000

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void sftp_put_u32(struct sftp *sftp, uint32_t value)
{
    uint8_t bytes[4];

    put_u32(bytes, value);
    text_add(&sftp->out, (const char *)bytes, sizeof(bytes));
}

void sftp_put_u64(struct sftp *sftp, uint64_t value)
{
    sftp_put_u32(sftp, (uint32_t)(value >> 32));
    sftp_put_u32(sftp, (uint32_t)value);
}

void sftp_put_bytes(struct sftp *sftp, const void *bytes, size_t length)
{
    sftp_put_u32(sftp, (uint32_t)length);
    text_add(&sftp->out, bytes, length);
}

uint32_t sftp_request(struct sftp *sftp, enum sftp_type type, size_t length)
{
    uint8_t kind = (uint8_t)type;

    if (sftp->out_sent > 0) { /* what is sent makes room */
        sftp->out.length -= sftp->out_sent;
        memmove(sftp->out.data, sftp->out.data + sftp->out_sent, sftp->out.length);
        sftp->out_sent = 0;
    }
    sftp_put_u32(sftp, (uint32_t)(length + 1 + 4));
    text_add(&sftp->out, (const char *)&kind, 1);
    sftp_put_u32(sftp, sftp->next_id);
    return sftp->next_id++;
}

size_t sftp_backlog(const struct sftp *sftp)
{
    return sftp->out.length - sftp->out_sent;
}

int sftp_nonsense(const struct sftp *sftp, struct error *err)
{
    return error_set(err, ERROR_UNREACHABLE, "%s does not speak SFTP as it should", sftp->host);
}

static int gone(const struct sftp *sftp, struct error *err)
{
    return error_set(err, ERROR_UNREACHABLE, "%s closed the connection", sftp->host);
}

static int send_some(struct sftp *sftp, struct error *err)
{
    ssize_t sent = send(sftp->channel, sftp->out.data + sftp->out_sent, sftp_backlog(sftp), MSG_NOSIGNAL);

    if (sent >= 0)
        sftp->out_sent += (size_t)sent;
    else if (errno != EAGAIN && errno != EINTR)
        return gone(sftp, err);
    return 0;
}

static int read_some(struct sftp *sftp, struct error *err)
{
    ssize_t got = recv(sftp->channel, sftp->in + sftp->in_used, SFTP_PACKET_MAX - sftp->in_used, 0);

    if (got > 0)
        sftp->in_used += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        return gone(sftp, err);
    return 0;
}

/* 1: a packet is there; 0: not yet; -1: it is none. */
static int take_packet(struct sftp *sftp, struct sftp_packet *packet, struct error *err)
{
    uint32_t length;

    if (sftp->in_used < 4)
        return 0;
    length = read_u32(sftp->in);
    if (length < 5 || length > SFTP_PACKET_MAX - 4)
        return sftp_nonsense(sftp, err);
    if (sftp->in_used < length + 4)
        return 0;
    *packet = (struct sftp_packet){.type = (enum sftp_type)sftp->in[4],
                                   .id = read_u32(sftp->in + 5),
                                   .bytes = sftp->in + 9,
                                   .length = length - 5};
    sftp->in_taken = length + 4;
    return 1;
}

static int move_bytes(struct sftp *sftp, int64_t *last_ms, struct error *err)
{
    struct pollfd watched = {.fd = sftp->channel,
                             .events = (short)(POLLIN | (sftp_backlog(sftp) > 0 ? POLLOUT : 0))};
    int ready = poll(&watched, 1, LOOK_MS);

    if (sftp->progress != NULL && !sftp->progress(sftp->arg, sftp->done, sftp->total))
        return error_set(err, ERROR_BUSY, "the copy was stopped");
    if (ready <= 0) {
        if (clock_monotonic_ms() - *last_ms < sftp->silence_ms)
            return 0;
        return error_set(err, ERROR_TIMEOUT, "%s does not answer", sftp->host);
    }
    *last_ms = clock_monotonic_ms();
    if ((watched.revents & POLLOUT) && send_some(sftp, err) != 0)
        return -1;
    if (watched.revents & (POLLIN | POLLHUP | POLLERR))
        return read_some(sftp, err);
    return 0;
}

int sftp_receive(struct sftp *sftp, struct sftp_packet *packet, struct error *err)
{
    int64_t last_ms = clock_monotonic_ms();
    int got;

    if (sftp->out.failed)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    sftp->in_used -= sftp->in_taken;
    memmove(sftp->in, sftp->in + sftp->in_taken, sftp->in_used);
    sftp->in_taken = 0;
    while ((got = take_packet(sftp, packet, err)) == 0) {
        if (move_bytes(sftp, &last_ms, err) != 0)
            return -1;
    }
    /* what waits goes along while there is room for it */
    if (got > 0 && sftp_backlog(sftp) > 0 && send_some(sftp, err) != 0)
        return -1;
    return got > 0 ? 0 : -1;
}

static const uint8_t *take(struct sftp_packet *packet, size_t length)
{
    const uint8_t *bytes = packet->bytes;

    if (packet->bad || packet->length < length) {
        packet->bad = true;
        return NULL;
    }
    packet->bytes += length;
    packet->length -= length;
    return bytes;
}

uint32_t sftp_get_u32(struct sftp_packet *packet)
{
    const uint8_t *bytes = take(packet, 4);

    return bytes == NULL ? 0 : read_u32(bytes);
}

uint64_t sftp_get_u64(struct sftp_packet *packet)
{
    uint64_t high = sftp_get_u32(packet);

    return high << 32 | sftp_get_u32(packet);
}

const uint8_t *sftp_get_bytes(struct sftp_packet *packet, size_t *length)
{
    const uint8_t *bytes;

    *length = sftp_get_u32(packet);
    bytes = take(packet, *length);
    if (bytes == NULL)
        *length = 0;
    return bytes;
}

void sftp_get_attributes(struct sftp_packet *packet, struct sftp_attributes *out)
{
    uint32_t flags = sftp_get_u32(packet);

    *out = (struct sftp_attributes){.size = -1};
    if (flags & HAS_SIZE) {
        uint64_t size = sftp_get_u64(packet);
        out->size = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    }
    if (flags & HAS_OWNER)
        take(packet, 8);
    if (flags & HAS_MODE)
        out->folder = (sftp_get_u32(packet) & MODE_KIND) == MODE_FOLDER;
    if (flags & HAS_TIMES) {
        take(packet, 4);
        out->changed_ms = sftp_get_u32(packet) * 1000LL;
    }
    if (flags & (uint32_t)HAS_MORE) {
        uint32_t pairs = sftp_get_u32(packet);
        size_t length;

        for (uint32_t i = 0; i < pairs && !packet->bad; i++) {
            sftp_get_bytes(packet, &length);
            sftp_get_bytes(packet, &length);
        }
    }
}
