#include "shell/render_private.h"

/* RFC 8259 section 7: what may not stand in a string as it is. */
static void add_escaped(struct text *out, unsigned char byte)
{
    static const char shortcuts[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                        {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};

    for (size_t i = 0; i < sizeof(shortcuts) / sizeof(shortcuts[0]); i++) {
        if ((unsigned char)shortcuts[i][0] == byte) {
            text_add(out, (const char[]){'\\', shortcuts[i][1]}, 2);
            return;
        }
    }
    text_format(out, "\\u%04x", byte);
}

void render_json_string(struct text *out, const char *bytes, size_t length)
{
    size_t start = 0, i = 0;

    text_add(out, "\"", 1);
    while (i < length) {
        unsigned char byte = (unsigned char)bytes[i];
        size_t step = 1;

        if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
            i++;
            continue;
        }
        if (byte >= 0x80 && (step = text_utf8_next(bytes + i, length - i, NULL)) > 0) {
            i += step;
            continue;
        }
        text_add(out, bytes + start, i - start);
        if (byte >= 0x80)
            text_add_string(out, "\\ufffd");
        else
            add_escaped(out, byte);
        start = ++i;
    }
    text_add(out, bytes + start, length - start);
    text_add(out, "\"", 1);
}
