/* The moods of a stand-in, and its other settings: one small file in the server's folder. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "lab/servers.h"

enum mood_kind {
    MOOD_NORMAL,
    MOOD_SLOW,
    MOOD_STATUS, /* answers with a status code: 401, 429, ... */
    MOOD_DATA,   /* answers 200 with one of its data files */
    MOOD_EMPTY,
    MOOD_DEEP,
    MOOD_HUGE,
    MOOD_LENGTH,
    MOOD_CHUNKED,
    MOOD_GZIP,
    MOOD_REDIRECT,
    MOOD_CHARSET,
    MOOD_RESET,
    MOOD_STALL,
    MOOD_HALF_OPEN,
    MOOD_NO_HANDSHAKE,
};

struct mood_type {
    const char *name;
    enum mood_kind kind;
    int status;       /* of MOOD_STATUS */
    const char *file; /* of MOOD_DATA */
    const char *unit; /* of its value; NULL: it takes none, or a word */
    const char *word; /* which word it takes, the first where none is given: "a, b, <URL>"; or NULL */
    long fallback;    /* where no value is given */
    long least;
    long most;
    const char *help;
};
extern const struct mood_type mood_types[];
extern const size_t mood_type_count;

#define MOOD_WORD_MAX 256

struct mood {
    const struct mood_type *type;
    long number;
    char word[MOOD_WORD_MAX];
    long times;               /* for so many requests, then normal again; 0: until told otherwise */
    char path[MOOD_WORD_MAX]; /* only where the path starts like that; "": everywhere */
};

struct settings {
    struct mood mood;
    long type;             /* ISE: of its node, 0 to 3 */
    long sessions;         /* ISE: how many are active */
    long devices;          /* DNA Center: in its inventory */
    long token_lifetime_s; /* DNA Center */
    long revocations;      /* DNA Center: how often all tokens were revoked */
};

/* Sets what the words say: `<mood> [<value>] [times <n>] [path <prefix>]`, or `<setting> <value>`.
 * ERROR_INVALID_ARGUMENT with what there is. */
int settings_set(struct settings *settings, const struct lab_server *server, char *const *words,
                 struct error *err);

/* The same with the words in one line, which is cut up. */
int settings_set_line(struct settings *settings, const struct lab_server *server, char *line,
                      struct error *err);

/* Calls back with every setting that such a server has, the mood apart. */
void settings_each(const struct settings *settings, const struct lab_server *server,
                   void (*each)(void *arg, const char *name, long value), void *arg);

/* Appends the mood as typed. */
void mood_format(const struct mood *mood, struct text *out);

/* Does it hold for this path? */
bool mood_is_for(const struct mood *mood, const char *path);

/* <lab>/<server>/mood; without the file, what a server has at first. ERROR_INVALID_ARGUMENT. */
int settings_read(const struct lab *lab, const struct lab_server *server, struct settings *out,
                  struct error *err);
int settings_write(const struct lab *lab, const struct lab_server *server, const struct settings *settings,
                   struct error *err);

/* True if the server plays an ISE; else it plays a DNA Center. */
bool settings_is_ise(const struct lab_server *server);
