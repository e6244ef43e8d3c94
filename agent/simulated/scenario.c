/* The scenario file, one line at a time; and the profiles, which are the lines of a GPU's section. */
#include "scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles.h"

static char *trimmed(char *text)
{
    text[strcspn(text, "#\r\n")] = '\0';
    while (isspace((unsigned char)*text))
        text++;
    for (char *end = text + strlen(text); end > text && isspace((unsigned char)end[-1]);)
        *--end = '\0';
    return text;
}

/* Cuts 'KEY = VALUE' in two; false when it is none. */
static bool cut(char *line, const char **name, const char **value)
{
    char *equals = strchr(line, '=');
    if (!equals)
        return false;
    *equals = '\0';
    *name = trimmed(line);
    *value = trimmed(equals + 1);
    return true;
}

static const char *open_section(struct scenario *scenario, const char *line)
{
    int index, length = 0;
    if (sscanf(line, "[gpu %d]%n", &index, &length) != 1 || length == 0 || line[length] != '\0')
        return "a section '[gpu INDEX]'";
    if (index != scenario->gpu_count || index >= GPUS_MAX)
        return "GPUs in order from 0, at most 64";
    scenario->gpu_count++;
    return NULL;
}

/* One line; on failure `at` is the key (or the line itself) that is at fault. */
static const char *take(struct scenario *scenario, char *line, const char **at)
{
    const char *name, *value;
    *at = line;
    if (*line == '[')
        return open_section(scenario, line);
    if (!cut(line, &name, &value))
        return "'KEY = VALUE' or '[gpu INDEX]'";
    *at = name;
    int last = scenario->gpu_count - 1;
    return last < 0 ? key_set_top(scenario, name, value) : key_set_gpu(&scenario->gpus[last], name, value);
}

/* A profile is part of the library: that its text is right is tested, not reported. */
const char *profile_apply(const char *wanted_name, struct gpu *gpu)
{
    char line[512];
    const char *name, *value, *wanted = NULL;
    for (const struct profile *profile = PROFILES; profile->name; profile++) {
        if (strcmp(profile->name, wanted_name) != 0)
            continue;
        for (const char *text = profile->text; *text && !wanted; text += strcspn(text, "\n") + 1) {
            snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
            char *cleaned = trimmed(line);
            if (*cleaned)
                wanted = cut(cleaned, &name, &value) ? key_set_gpu(gpu, name, value) : "KEY = VALUE";
        }
        snprintf(gpu->profile, sizeof gpu->profile, "%s", wanted_name);
        gpu->profile_migs = gpu->mig_count > 0;
        return wanted;
    }
    return "a profile: " PROFILE_NAMES;
}

static const char *read_lines(FILE *file, struct scenario *scenario, const char **at, int *number)
{
    static char line[512]; /* outlives the call: `at` may point into it */
    const char *wanted = NULL;
    while (!wanted && fgets(line, sizeof line, file)) {
        ++*number;
        *at = "a line";
        if (strlen(line) == sizeof line - 1)
            return "at most 510 characters";
        char *text = trimmed(line);
        if (*text)
            wanted = take(scenario, text, at);
        if (*text == '[' && !wanted)
            scenario->gpus[scenario->gpu_count - 1].line = *number;
    }
    int incomplete = scenario->gpu_count;
    if (wanted || !(wanted = scenario_complete(scenario, &incomplete)))
        return wanted;
    *at = "end of file";
    if (incomplete < scenario->gpu_count) {
        snprintf(line, sizeof line, "[gpu %d]", incomplete);
        *number = scenario->gpus[incomplete].line;
        *at = line;
    }
    return wanted;
}

struct scenario *scenario_read(const char *path)
{
    FILE *file = fopen(path, "re");
    struct scenario *scenario = calloc(1, sizeof *scenario);
    const char *at = "the file", *wanted = "a readable file";
    int number = 0;
    if (file && scenario)
        wanted = read_lines(file, scenario, &at, &number);
    if (wanted)
        fprintf(stderr, "simulated NVML: %s line %d, %s: expected %s\n", path, number, at, wanted);
    if (file)
        fclose(file);
    if (wanted) {
        free(scenario);
        return NULL;
    }
    return scenario;
}
