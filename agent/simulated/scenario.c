/* The scenario file, one line at a time; and the profiles, which are the lines of a GPU's section. */
#include "scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
        gpu->profile_mig_mode = gpu->mig_mode.given;
        return wanted;
    }
    return "a profile: " PROFILE_NAMES;
}

/* Reads a line, at most as long as there is room for; false at the end. */
static bool read_line(FILE *file, char *line, size_t room, const char **wanted)
{
    size_t length = 0;
    int c;
    while ((c = getc(file)) != EOF && c != '\n' && !*wanted) {
        if (length == room - 2)
            *wanted = "at most 510 characters";
        else if (iscntrl(c) && c != '\t' && c != '\r')
            *wanted = "text, not binary data";
        else
            line[length++] = (char)c;
    }
    line[length] = '\0';
    if (strcspn(line, "\r") + 1 < length)
        *wanted = "a line feed at the end of each line";
    return c != EOF || length > 0;
}

/* The first mistake, if there is any. */
static bool read_lines(FILE *file, struct scenario *scenario, struct mistake *mistake)
{
    static char line[512]; /* outlives the call: the mistake's key may point into it */
    mistake->line = 0;
    while (!mistake->wanted && read_line(file, line, sizeof line, &mistake->wanted)) {
        int last = scenario->gpu_count - 1;
        ++mistake->line;
        mistake->key = "a line";
        if (mistake->wanted)
            return false;
        if (last >= 0)
            scenario->gpus[last].reading = mistake->line;
        char *text = trimmed(line);
        if (*text)
            mistake->wanted = take(scenario, text, &mistake->key);
        if (*text == '[' && !mistake->wanted)
            scenario->gpus[scenario->gpu_count - 1].line = mistake->line;
    }
    return !mistake->wanted && scenario_possible(scenario, mistake);
}

/* Why it is no file to read, or NULL: a pipe would never end. */
static const char *unreadable(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return strerror(errno);
    return S_ISDIR(file.st_mode) ? "it is a folder" : S_ISREG(file.st_mode) ? NULL : "it is no regular file";
}

struct scenario *scenario_read(const char *path)
{
    const char *reason = unreadable(path);
    FILE *file = reason ? NULL : fopen(path, "re");
    struct scenario *scenario = calloc(1, sizeof *scenario);
    struct mistake mistake = {0};
    bool good = false;
    if (!file || !scenario)
        fprintf(stderr, "simulated NVML: %s cannot be read (%s): NEUROX_NVML_SCENARIO names a scenario file\n", path,
                reason ? reason : strerror(errno));
    else if (read_lines(file, scenario, &mistake) && ferror(file))
        fprintf(stderr, "simulated NVML: %s cannot be read after line %d\n", path, mistake.line);
    else if (!(good = !mistake.wanted))
        fprintf(stderr, "simulated NVML: %s line %d, %s: expected %s\n", path, mistake.line, mistake.key,
                mistake.wanted);
    if (file)
        fclose(file);
    if (good) {
        scenario_complete(scenario);
        return scenario;
    }
    free(scenario);
    return NULL;
}
