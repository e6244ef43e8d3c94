/* The scenario file: one table of keys, one line at a time. */
#include "scenario.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWO_PI 6.283185307179586

enum kind { TEXT, NUMBER, BYTES, SWITCH, WAVE, RATIO, ARCHITECTURE, CUDA, CLOCK, PROCESS, FAIL, DELAY };

struct key {
    const char *name;
    enum kind kind;
    size_t offset, size;
};

#define GPU(field, kind) {#field, kind, offsetof(struct gpu, field), sizeof(((struct gpu *)0)->field)}

static const struct key TOP_KEYS[] = {
    {"driver", TEXT, offsetof(struct scenario, driver), sizeof(((struct scenario *)0)->driver)},
    {"cuda", CUDA, 0, 0},
    {"clock", CLOCK, 0, 0},
    {NULL, TEXT, 0, 0},
};

static const struct key GPU_KEYS[] = {
    GPU(uuid, TEXT), GPU(model, TEXT), GPU(serial, TEXT), GPU(vbios, TEXT), GPU(pci_bus_id, TEXT),
    GPU(architecture, ARCHITECTURE), GPU(lost, SWITCH),
    GPU(memory_bytes, BYTES), GPU(reserved_bytes, BYTES),
    GPU(power_limit_watts, NUMBER), GPU(energy_joules, NUMBER),
    GPU(sm_clock_max_hertz, NUMBER), GPU(memory_clock_max_hertz, NUMBER),
    GPU(utilization, RATIO), GPU(memory_utilization, RATIO), GPU(memory_used_bytes, WAVE),
    GPU(power_watts, WAVE), GPU(temperature_celsius, WAVE), GPU(memory_temperature_celsius, WAVE),
    GPU(sm_clock_hertz, WAVE), GPU(memory_clock_hertz, WAVE),
    {"process", PROCESS, 0, 0}, {"fail", FAIL, 0, 0}, {"delay", DELAY, 0, 0},
    {NULL, TEXT, 0, 0},
};

static const struct { const char *name; int value; } ARCHITECTURES[] = {
    {"volta", 5}, {"turing", 6}, {"ampere", 7}, {"ada", 8}, {"hopper", 9}, {"blackwell", 10},
};

double wave_at(const struct wave *wave, double time)
{
    if (wave->swing == 0)
        return wave->middle;
    double turn = (time + wave->phase) / wave->period;
    if (wave->square)
        return wave->middle + (turn - floor(turn) < 0.5 ? wave->swing : -wave->swing);
    return wave->middle + wave->swing * sin(TWO_PI * turn);
}

/* The swing's part of the integral from the start of a turn up to `turn`, in periods. */
static double swung(const struct wave *wave, double turn)
{
    double part = turn - floor(turn);
    if (wave->square)
        return part < 0.5 ? part : 1 - part;
    return (1 - cos(TWO_PI * part)) / TWO_PI;
}

double wave_integral(const struct wave *wave, double from, double to)
{
    double sum = wave->middle * (to - from);
    if (wave->swing == 0)
        return sum;
    double before = swung(wave, (from + wave->phase) / wave->period);
    double after = swung(wave, (to + wave->phase) / wave->period);
    return sum + wave->swing * wave->period * (after - before);
}

/* Each setter returns NULL, or what was expected instead. */
static const char *set_number(const char *value, double *to)
{
    char *end;
    *to = strtod(value, &end);
    return end != value && *end == '\0' && isfinite(*to) && *to >= 0 ? NULL : "a number of at least 0";
}

static const char *set_wave(const char *value, struct wave *wave, bool ratio)
{
    char shape[8] = "", rest[2] = "";
    struct wave new = {.given = true, .period = 1};
    if (isdigit((unsigned char)*value) || *value == '.') {
        if (set_number(value, &new.middle))
            return "a number, or 'wave MIDDLE SWING PERIOD [PHASE]'";
    } else {
        int got = sscanf(value, "%7s %lf %lf %lf %lf %1s", shape, &new.middle, &new.swing,
                         &new.period, &new.phase, rest);
        new.square = strcmp(shape, "square") == 0;
        if (got < 4 || got > 5 || (!new.square && strcmp(shape, "wave") != 0))
            return "a number, 'wave MIDDLE SWING PERIOD [PHASE]' or 'square MIDDLE SWING PERIOD [PHASE]'";
    }
    if (!isfinite(new.middle) || !isfinite(new.phase) || !(new.period > 0 && new.period < 1e9))
        return "finite numbers, and a period above 0 seconds";
    if (!(new.swing >= 0 && new.swing <= new.middle))
        return "a swing between 0 and the middle";
    if (ratio && new.middle + new.swing > 1 + 1e-9)
        return "values from 0 to 1";
    *wave = new;
    return NULL;
}

static const char *set_architecture(const char *value, int *to)
{
    for (size_t i = 0; i < sizeof ARCHITECTURES / sizeof *ARCHITECTURES; i++)
        if (strcmp(value, ARCHITECTURES[i].name) == 0) {
            *to = ARCHITECTURES[i].value;
            return NULL;
        }
    return "volta, turing, ampere, ada, hopper or blackwell";
}

static const char *add_process(const char *value, struct gpu *gpu)
{
    struct process new;
    char rest[2];
    if (gpu->process_count == PROCESSES_MAX)
        return "at most 128 processes a GPU";
    if (sscanf(value, "%u %llu %lf %1s", &new.pid, &new.memory_bytes, &new.sm, rest) != 3 ||
        new.pid == 0 || !(new.sm >= 0 && new.sm <= 1))
        return "'PID MEMORY_BYTES SM_SHARE' with a share from 0 to 1";
    gpu->processes[gpu->process_count++] = new;
    return NULL;
}

static const char *add_fault(const char *value, struct gpu *gpu, bool late)
{
    struct fault new = {0};
    double number;
    char rest[2];
    if (gpu->fault_count == FAULTS_MAX)
        return "at most 16 faults a GPU";
    if (sscanf(value, "%63s %lf %1s", new.call, &number, rest) != 2 || !(number > 0 && number < 1e6))
        return late ? "'CALL SECONDS'" : "'CALL CODE' with an NVML error code";
    if (late)
        new.delay_seconds = number;
    else
        new.code = (int)number;
    gpu->faults[gpu->fault_count++] = new;
    return NULL;
}

static const char *set(const struct key *key, void *target, const char *value)
{
    char *field = (char *)target + key->offset, *end;
    struct scenario *top = target;
    switch (key->kind) {
    case TEXT:
        if (*value == '\0' || strlen(value) >= key->size)
            return "a text that is not empty and fits its NVML buffer";
        strcpy(field, value);
        return NULL;
    case NUMBER:
        return set_number(value, (double *)field);
    case BYTES:
        *(unsigned long long *)field = strtoull(value, &end, 10);
        return isdigit((unsigned char)*value) && *end == '\0' ? NULL : "a whole number of bytes";
    case SWITCH:
        *(bool *)field = strcmp(value, "yes") == 0;
        return *(bool *)field || strcmp(value, "no") == 0 ? NULL : "yes or no";
    case WAVE:
    case RATIO:
        return set_wave(value, (struct wave *)field, key->kind == RATIO);
    case ARCHITECTURE:
        return set_architecture(value, (int *)field);
    case CUDA: {
        int major, minor;
        if (sscanf(value, "%d.%d", &major, &minor) != 2)
            return "a version such as 13.0";
        top->cuda = major * 1000 + minor * 10;
        return NULL;
    }
    case CLOCK:
        top->clock_fixed = true;
        return set_number(value, &top->clock);
    case PROCESS:
        return add_process(value, target);
    case FAIL:
    case DELAY:
        return add_fault(value, target, key->kind == DELAY);
    }
    return "a known kind";
}

static char *trimmed(char *text)
{
    text[strcspn(text, "#\r\n")] = '\0';
    while (isspace((unsigned char)*text))
        text++;
    for (char *end = text + strlen(text); end > text && isspace((unsigned char)end[-1]);)
        *--end = '\0';
    return text;
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
    *at = line;
    if (*line == '[')
        return open_section(scenario, line);
    char *equals = strchr(line, '=');
    if (!equals)
        return "'KEY = VALUE' or '[gpu INDEX]'";
    *equals = '\0';
    const char *name = trimmed(line), *value = trimmed(equals + 1);
    int last = scenario->gpu_count - 1;
    void *target = last < 0 ? (void *)scenario : (void *)&scenario->gpus[last];
    *at = name;
    for (const struct key *key = last < 0 ? TOP_KEYS : GPU_KEYS; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return set(key, target, value);
    return last < 0 ? "one of driver, cuda, clock before the first [gpu 0]" : "a known key of a GPU";
}

static const char *incomplete(const struct scenario *scenario)
{
    for (int i = 0; i < scenario->gpu_count; i++)
        if (!*scenario->gpus[i].uuid || !*scenario->gpus[i].model || !scenario->gpus[i].memory_bytes)
            return "uuid, model and memory_bytes for every GPU";
    for (int i = 0; i < scenario->gpu_count; i++)
        if (scenario->gpus[i].reserved_bytes > scenario->gpus[i].memory_bytes)
            return "reserved_bytes within memory_bytes";
    return *scenario->driver ? NULL : "a driver version";
}

struct scenario *scenario_read(const char *path)
{
    FILE *file = fopen(path, "re");
    struct scenario *scenario = calloc(1, sizeof *scenario);
    char line[512];
    const char *wanted = NULL, *at = "end of file";
    int number = 0;
    if (!file || !scenario) {
        fprintf(stderr, "simulated NVML: cannot read the scenario %s\n", path);
        wanted = "a readable file";
    } else {
        while (!wanted && fgets(line, sizeof line, file)) {
            number++;
            char *text = trimmed(line);
            if (*text)
                wanted = take(scenario, text, &at);
        }
        if (!wanted && (wanted = incomplete(scenario)))
            at = "end of file";
        if (wanted)
            fprintf(stderr, "simulated NVML: %s line %d, %s: expected %s\n", path, number, at, wanted);
    }
    if (file)
        fclose(file);
    if (wanted) {
        free(scenario);
        return NULL;
    }
    return scenario;
}
