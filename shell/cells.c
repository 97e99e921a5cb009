#include "shell/cells.h"

#include "base/text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

void cells_use_utf8(void)
{
    static bool done;

    if (!done && strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    done = true;
}

size_t cells_of_character(uint32_t codepoint)
{
    int width;

    if (codepoint < 0x300)
        return 1;
    cells_use_utf8();
    width = wcwidth((wchar_t)codepoint);
    return width < 0 ? 1 : (size_t)width;
}

size_t cells_of(const char *text, size_t length)
{
    size_t cells = 0;

    while (length > 0) {
        uint32_t codepoint = 0;
        size_t step = (unsigned char)*text < 0x80 ? 1 : text_utf8_next(text, length, &codepoint);

        cells += step == 0 ? 1 : cells_of_character(codepoint);
        if (step == 0)
            step = 1;
        text += step;
        length -= step;
    }
    return cells;
}
