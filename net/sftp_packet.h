/* Packets of an SFTP session: built, sent, received, read. Only for this folder. */
#pragma once

#include "base/text.h"
#include "net/sftp.h"

/* Bytes of one packet; servers send at most 34,000 where not asked for more. */
#define SFTP_PACKET_MAX (256 * 1024)

enum sftp_type {
    SFTP_INIT = 1,
    SFTP_VERSION = 2,
    SFTP_OPEN = 3,
    SFTP_CLOSE = 4,
    SFTP_READ = 5,
    SFTP_WRITE = 6,
    SFTP_FSTAT = 8,
    SFTP_OPENDIR = 11,
    SFTP_READDIR = 12,
    SFTP_REMOVE = 13,
    SFTP_STATUS = 101,
    SFTP_HANDLE = 102,
    SFTP_DATA = 103,
    SFTP_NAME = 104,
    SFTP_ATTRS = 105
};

enum sftp_status { SFTP_OK = 0, SFTP_EOF = 1, SFTP_NO_SUCH_FILE = 2, SFTP_PERMISSION_DENIED = 3 };

struct sftp {
    int channel;
    const char *host;
    int silence_ms;
    sftp_progress progress;
    void *arg;
    int64_t done;
    int64_t total;
    struct text out; /* not sent yet, from out_sent on */
    size_t out_sent;
    uint8_t *in;
    size_t in_used;
    size_t in_taken; /* of the packet given out last */
    uint32_t next_id;
};

/* A packet that came; its bytes live until the next sftp_receive(). Reading past its end sets `bad`. */
struct sftp_packet {
    enum sftp_type type;
    uint32_t id;
    const uint8_t *bytes;
    size_t length;
    bool bad;
};

/* Starts a request: its id, and room for `length` bytes behind it. */
uint32_t sftp_request(struct sftp *sftp, enum sftp_type type, size_t length);
void sftp_put_u32(struct sftp *sftp, uint32_t value);
void sftp_put_u64(struct sftp *sftp, uint64_t value);
void sftp_put_bytes(struct sftp *sftp, const void *bytes, size_t length);

/* Bytes that wait to be sent. */
size_t sftp_backlog(const struct sftp *sftp);

/* Sends what waits and gives the next packet. */
int sftp_receive(struct sftp *sftp, struct sftp_packet *packet, struct error *err);

uint32_t sftp_get_u32(struct sftp_packet *packet);
uint64_t sftp_get_u64(struct sftp_packet *packet);
const uint8_t *sftp_get_bytes(struct sftp_packet *packet, size_t *length);

struct sftp_attributes {
    int64_t size; /* -1: not said */
    int64_t changed_ms;
    bool folder;
};
void sftp_get_attributes(struct sftp_packet *packet, struct sftp_attributes *out);

/* ERROR_UNREACHABLE: this is no SFTP. Returns -1. */
int sftp_nonsense(const struct sftp *sftp, struct error *err);
