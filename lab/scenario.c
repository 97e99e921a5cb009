#include "lab/scenario.h"

#include "base/text.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the folder of the programs: as installed, and in build/bin and build/asan/bin of the source. */
static const char *const places[] = {"/../share/primesh/scenarios", "/../../lab/scenarios",
                                     "/../../../lab/scenarios"};

/* The comment lines at its beginning, behind the one that names the interpreter: the first is the title. */
static void read_header(struct scenario *scenario)
{
    FILE *file = fopen(scenario->path, "re");
    char line[512] = "";

    while (file != NULL && fgets(line, sizeof(line), file) != NULL && line[0] == '#') {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "#!", 2) == 0)
            continue;
        if (scenario->title[0] == '\0')
            snprintf(scenario->title, sizeof(scenario->title), "%.*s", (int)sizeof(scenario->title) - 1,
                     line + strspn(line, "# "));
        scenario->namespaces |= strcmp(line, SCENARIO_NAMESPACES) == 0;
    }
    if (file != NULL)
        fclose(file);
}

static void fill(struct scenario *scenario, const char *path)
{
    const char *name = strrchr(path, '/') + 1;

    snprintf(scenario->path, sizeof(scenario->path), "%s", path);
    snprintf(scenario->name, sizeof(scenario->name), "%.*s", (int)strcspn(name, "."), name);
    read_header(scenario);
}

int scenario_list_read(const char *programs, struct scenario_list *out, struct error *err)
{
    *out = (struct scenario_list){0};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && out->count == 0; i++) {
        char pattern[PATH_MAX + 64];
        glob_t found = {0};

        snprintf(pattern, sizeof(pattern), "%s%s/[0-9][0-9]-*.exp", programs, places[i]);
        if (glob(pattern, 0, NULL, &found) == 0) {
            out->all = calloc(found.gl_pathc, sizeof(out->all[0]));
            for (size_t j = 0; out->all != NULL && j < found.gl_pathc; j++)
                fill(&out->all[out->count++], found.gl_pathv[j]);
        }
        globfree(&found);
    }
    if (out->count > 0)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "no scenarios lie in %s%s nor in lab/scenarios of the source",
                     programs, places[0]);
}

void scenario_list_free(struct scenario_list *list)
{
    free(list->all);
    *list = (struct scenario_list){0};
}

static int is_meant(const struct scenario *scenario, const char *typed)
{
    char *end;
    long number = strtol(typed, &end, 10);

    if (isdigit((unsigned char)typed[0]) && *end == '\0')
        return number == strtol(scenario->name, NULL, 10);
    return strcmp(scenario->name, typed) == 0 || strcmp(scenario->name + strlen("00-"), typed) == 0;
}

const struct scenario *scenario_find(const struct scenario_list *list, const char *typed, struct error *err)
{
    struct text names = {0};

    for (size_t i = 0; i < list->count; i++) {
        if (is_meant(&list->all[i], typed)) {
            text_free(&names);
            return &list->all[i];
        }
        text_format(&names, "%s%s", i > 0 ? ", " : "", list->all[i].name);
    }
    error_set(err, ERROR_INVALID_ARGUMENT, "there is no scenario \"%.40s\"", typed);
    error_hint(err, "there are: %s", names.data != NULL ? names.data : "none");
    text_free(&names);
    return NULL;
}
