#include "net/sftp_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROTOCOL_VERSION 3
#define BLOCK (32 * 1024) /* bytes of one read or write: what every server takes */
#define WINDOW 64         /* requests under way, 2 MB: enough for 100 ms and 160 Mbit/s */
#define HANDLE_MAX 256    /* bytes (the draft's own limit) */
#define CLEAN_UP_MS 3000  /* for removing what could not be finished */

enum open_flags { OPEN_READ = 0x1, OPEN_WRITE = 0x2, OPEN_CREATE = 0x8, OPEN_TRUNCATE = 0x10 };

struct handle {
    uint8_t bytes[HANDLE_MAX];
    size_t length;
};

struct sftp *sftp_open(int channel, const char *host, int wait_ms, sftp_progress progress, void *arg,
                       struct error *err)
{
    struct sftp *sftp = calloc(1, sizeof(*sftp));
    struct sftp_packet packet;
    uint8_t hello[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, PROTOCOL_VERSION};

    if (sftp == NULL || (sftp->in = malloc(SFTP_PACKET_MAX)) == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        free(sftp);
        return NULL;
    }
    sftp->channel = channel;
    sftp->host = host;
    sftp->silence_ms = wait_ms;
    sftp->progress = progress;
    sftp->arg = arg;
    sftp->total = -1;
    fcntl(channel, F_SETFL, fcntl(channel, F_GETFL) | O_NONBLOCK);
    text_add(&sftp->out, (const char *)hello, sizeof(hello));
    if (sftp_receive(sftp, &packet, err) == 0) {
        sftp->silence_ms = SFTP_SILENCE_MS;
        /* the version stands where other packets have their id */
        if (packet.type == SFTP_VERSION && packet.id >= PROTOCOL_VERSION)
            return sftp;
        sftp_nonsense(sftp, err);
    }
    sftp_close(sftp);
    return NULL;
}

void sftp_close(struct sftp *sftp)
{
    if (sftp == NULL)
        return;
    text_free(&sftp->out);
    free(sftp->in);
    free(sftp);
}

/* What the server says of a request that it did not carry out. */
static int refused(struct sftp *sftp, struct sftp_packet *packet, const char *path, struct error *err)
{
    uint32_t status = sftp_get_u32(packet);
    size_t length;
    const uint8_t *said = sftp_get_bytes(packet, &length);
    struct text shown = {0};

    if (packet->type != SFTP_STATUS || status == SFTP_OK)
        return sftp_nonsense(sftp, err);
    if (status == SFTP_NO_SUCH_FILE)
        return error_set(err, ERROR_NOT_FOUND, "%s has no %s, or no such folder", sftp->host, path);
    if (status == SFTP_PERMISSION_DENIED)
        return error_set(err, ERROR_DENIED, "%s refuses access to %s", sftp->host, path);
    if (said != NULL)
        text_add_escaped(&shown, (const char *)said, length < 200 ? length : 200, NULL);
    error_set(err, ERROR_UNREACHABLE, "%s does not carry out a request about %s (status %u%s%s)", sftp->host,
              path, status, shown.length > 0 ? ": " : "", shown.length > 0 ? shown.data : "");
    text_free(&shown);
    return -1;
}

static int await_handle(struct sftp *sftp, const char *path, struct handle *handle, struct error *err)
{
    struct sftp_packet packet;
    const uint8_t *bytes;

    if (sftp_receive(sftp, &packet, err) != 0)
        return -1;
    if (packet.type != SFTP_HANDLE)
        return refused(sftp, &packet, path, err);
    bytes = sftp_get_bytes(&packet, &handle->length);
    if (packet.bad || handle->length > sizeof(handle->bytes))
        return sftp_nonsense(sftp, err);
    memcpy(handle->bytes, bytes, handle->length);
    return 0;
}

static int open_file(struct sftp *sftp, const char *path, uint32_t flags, struct handle *handle,
                     struct error *err)
{
    sftp_request(sftp, SFTP_OPEN, 4 + strlen(path) + 4 + 4);
    sftp_put_bytes(sftp, path, strlen(path));
    sftp_put_u32(sftp, flags);
    sftp_put_u32(sftp, 0); /* no attributes: the server's own */
    return await_handle(sftp, path, handle, err);
}

static void ask_of_handle(struct sftp *sftp, enum sftp_type type, const struct handle *handle)
{
    sftp_request(sftp, type, 4 + handle->length);
    sftp_put_bytes(sftp, handle->bytes, handle->length);
}

static int await_status(struct sftp *sftp, const char *path, struct error *err)
{
    struct sftp_packet packet;
    struct sftp_packet copy;

    if (sftp_receive(sftp, &packet, err) != 0)
        return -1;
    copy = packet;
    if (packet.type == SFTP_STATUS && sftp_get_u32(&copy) == SFTP_OK && !copy.bad)
        return 0;
    return refused(sftp, &packet, path, err);
}

/* ---- fetching ---- */

struct fetch {
    struct sftp *sftp;
    const char *path;
    struct handle handle;
    int fd;
    int64_t most;
    int64_t asked; /* up to here */
    int64_t end;   /* of the file, once it was met; -1 before */
    struct block {
        uint32_t id;
        uint32_t length; /* 0: not in use */
        int64_t offset;
    } blocks[WINDOW];
    unsigned under_way;
};

static void ask_block(struct fetch *fetch, struct block *block, int64_t offset, uint32_t length)
{
    block->id = sftp_request(fetch->sftp, SFTP_READ, 4 + fetch->handle.length + 8 + 4);
    block->offset = offset;
    block->length = length;
    sftp_put_bytes(fetch->sftp, fetch->handle.bytes, fetch->handle.length);
    sftp_put_u64(fetch->sftp, (uint64_t)offset);
    sftp_put_u32(fetch->sftp, length);
    fetch->under_way++;
}

/* A window of requests hides the way there and back. It opens slowly, so that a small file costs few. */
static void fill_window(struct fetch *fetch, unsigned width)
{
    for (unsigned i = 0; i < WINDOW && fetch->under_way < width && fetch->end < 0; i++) {
        if (fetch->blocks[i].length != 0)
            continue;
        ask_block(fetch, &fetch->blocks[i], fetch->asked, BLOCK);
        fetch->asked += BLOCK;
    }
}

static int keep_block(struct fetch *fetch, struct block *block, struct sftp_packet *packet, struct error *err)
{
    struct sftp *sftp = fetch->sftp;
    size_t length;
    const uint8_t *bytes = sftp_get_bytes(packet, &length);

    if (packet->bad || length == 0 || length > block->length)
        return sftp_nonsense(sftp, err);
    if (block->offset + (int64_t)length > fetch->most)
        return error_set(err, ERROR_STORE_FULL, "%s has more than %lld bytes", fetch->path,
                         (long long)fetch->most);
    for (size_t written = 0; written < length;) {
        ssize_t part = pwrite(fetch->fd, bytes + written, length - written, block->offset + (off_t)written);

        if (part < 0 && errno != EINTR)
            return error_set_errno(err, errno, "cannot write the file");
        written += part > 0 ? (size_t)part : 0;
    }
    sftp->done += (int64_t)length;
    fetch->under_way--;
    if (length < block->length)
        ask_block(fetch, block, block->offset + (int64_t)length, block->length - (uint32_t)length);
    else
        block->length = 0;
    return 0;
}

static int take_answer(struct fetch *fetch, struct error *err)
{
    struct sftp_packet packet;
    struct sftp_packet copy;
    struct block *block = fetch->blocks;

    if (sftp_receive(fetch->sftp, &packet, err) != 0)
        return -1;
    while (block < fetch->blocks + WINDOW && (block->length == 0 || block->id != packet.id))
        block++;
    if (block == fetch->blocks + WINDOW)
        return sftp_nonsense(fetch->sftp, err);
    if (packet.type == SFTP_DATA)
        return keep_block(fetch, block, &packet, err);
    copy = packet;
    if (packet.type != SFTP_STATUS || sftp_get_u32(&copy) != SFTP_EOF)
        return refused(fetch->sftp, &packet, fetch->path, err);
    if (fetch->end < 0 || block->offset < fetch->end)
        fetch->end = block->offset;
    block->length = 0;
    fetch->under_way--;
    return 0;
}

static int fetch_all(struct fetch *fetch, struct error *err)
{
    unsigned width = 2;

    do {
        fill_window(fetch, width);
        if (width < WINDOW)
            width++;
        if (take_answer(fetch, err) != 0)
            return -1;
    } while (fetch->under_way > 0);
    return fetch->sftp->done == fetch->end
               ? 0
               : error_set(err, ERROR_UNREACHABLE, "%s changed on %s while it was copied", fetch->path,
                           fetch->sftp->host);
}

int sftp_get(struct sftp *sftp, const char *path, int fd, int64_t most, struct error *err)
{
    struct fetch fetch = {.sftp = sftp, .path = path, .fd = fd, .most = most, .end = -1};
    struct sftp_packet packet;
    struct sftp_attributes attributes;

    if (open_file(sftp, path, OPEN_READ, &fetch.handle, err) != 0)
        return -1;
    ask_of_handle(sftp, SFTP_FSTAT, &fetch.handle);
    if (sftp_receive(sftp, &packet, err) != 0)
        return -1;
    sftp->done = 0;
    if (packet.type == SFTP_ATTRS) {
        sftp_get_attributes(&packet, &attributes);
        if (!packet.bad && attributes.folder)
            return error_set(err, ERROR_INVALID_ARGUMENT, "%s on %s is a folder", path, sftp->host);
        if (!packet.bad && attributes.size > most)
            return error_set(err, ERROR_STORE_FULL, "%s has %lld bytes, more than the %lld there is room for",
                             path, (long long)attributes.size, (long long)most);
        sftp->total = packet.bad ? -1 : attributes.size;
    }
    if (fetch_all(&fetch, err) != 0)
        return -1;
    ask_of_handle(sftp, SFTP_CLOSE, &fetch.handle);
    return await_status(sftp, path, err);
}

/* ---- sending ---- */

static int send_block(struct sftp *sftp, const struct handle *handle, int fd, int64_t offset, size_t length,
                      struct error *err)
{
    char block[BLOCK];
    size_t filled = 0;

    while (filled < length) {
        ssize_t got = pread(fd, block + filled, length - filled, offset + (off_t)filled);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set_errno(err, got < 0 ? errno : EIO, "cannot read the file");
        filled += (size_t)got;
    }
    sftp_request(sftp, SFTP_WRITE, 4 + handle->length + 8 + 4 + length);
    sftp_put_bytes(sftp, handle->bytes, handle->length);
    sftp_put_u64(sftp, (uint64_t)offset);
    sftp_put_bytes(sftp, block, length);
    return 0;
}

static int send_all(struct sftp *sftp, const char *path, const struct handle *handle, int fd, int64_t size,
                    struct error *err)
{
    int64_t offset = 0;
    int64_t under_way = 0;

    while (offset < size || under_way > 0) {
        /* at most a few blocks are copied here before the socket takes them */
        while (offset < size && under_way < WINDOW && sftp_backlog(sftp) < 4 * BLOCK) {
            size_t length = size - offset < BLOCK ? (size_t)(size - offset) : BLOCK;

            if (send_block(sftp, handle, fd, offset, length, err) != 0)
                return -1;
            offset += (int64_t)length;
            under_way++;
        }
        if (await_status(sftp, path, err) != 0)
            return -1;
        under_way--;
        sftp->done = offset - under_way * BLOCK < 0 ? 0 : offset - under_way * BLOCK;
    }
    return 0;
}

/* The answers of what is under way come first, and are passed over. */
static void remove_part(struct sftp *sftp, const char *path)
{
    struct sftp_packet packet;
    uint32_t id;

    sftp->progress = NULL;
    sftp->silence_ms = CLEAN_UP_MS;
    id = sftp_request(sftp, SFTP_REMOVE, 4 + strlen(path));
    sftp_put_bytes(sftp, path, strlen(path));
    do {
        if (sftp_receive(sftp, &packet, NULL) != 0)
            return;
    } while (packet.id != id);
}

int sftp_put(struct sftp *sftp, const char *path, int fd, int64_t size, struct error *err)
{
    struct handle handle;

    if (open_file(sftp, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, &handle, err) != 0)
        return -1;
    sftp->done = 0;
    sftp->total = size;
    if (send_all(sftp, path, &handle, fd, size, err) == 0) {
        ask_of_handle(sftp, SFTP_CLOSE, &handle);
        if (await_status(sftp, path, err) == 0)
            return 0;
    }
    remove_part(sftp, path);
    return -1;
}

/* ---- listing ---- */

static int list_some(struct sftp *sftp, struct sftp_packet *packet,
                     void (*each)(void *arg, const struct sftp_entry *entry), void *arg, struct error *err)
{
    uint32_t count = sftp_get_u32(packet);

    for (uint32_t i = 0; i < count && !packet->bad; i++) {
        struct sftp_attributes attributes;
        struct sftp_entry entry;
        size_t ignored;

        entry.name = (const char *)sftp_get_bytes(packet, &entry.name_length);
        sftp_get_bytes(packet, &ignored); /* the line that `ls -l` would print */
        sftp_get_attributes(packet, &attributes);
        if (packet->bad)
            break;
        entry.folder = attributes.folder;
        entry.size = attributes.size;
        entry.changed_ms = attributes.changed_ms;
        each(arg, &entry);
    }
    return packet->bad ? sftp_nonsense(sftp, err) : 0;
}

int sftp_list(struct sftp *sftp, const char *path, void (*each)(void *arg, const struct sftp_entry *entry),
              void *arg, struct error *err)
{
    struct handle handle;

    sftp_request(sftp, SFTP_OPENDIR, 4 + strlen(path));
    sftp_put_bytes(sftp, path, strlen(path));
    if (await_handle(sftp, path, &handle, err) != 0)
        return -1;
    for (;;) {
        struct sftp_packet packet;
        struct sftp_packet copy;

        ask_of_handle(sftp, SFTP_READDIR, &handle);
        if (sftp_receive(sftp, &packet, err) != 0)
            return -1;
        copy = packet;
        if (packet.type == SFTP_STATUS && sftp_get_u32(&copy) == SFTP_EOF)
            break;
        if (packet.type != SFTP_NAME)
            return refused(sftp, &packet, path, err);
        if (list_some(sftp, &packet, each, arg, err) != 0)
            return -1;
    }
    ask_of_handle(sftp, SFTP_CLOSE, &handle);
    return await_status(sftp, path, err);
}
