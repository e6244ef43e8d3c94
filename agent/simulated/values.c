/* How plain values are read: texts, numbers, waves, and numbers with a name. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "nvml.h"
#include "scenario.h"

const char *set_text(const char *value, void *field, size_t size)
{
    if (*value == '\0' || strlen(value) >= size)
        return "a text that is not empty and fits its NVML buffer";
    strcpy(field, value);
    return NULL;
}

const char *set_number(const char *value, void *field, size_t size)
{
    char *end;
    double number = strtod(value, &end);
    (void)size;
    *(double *)field = number;
    return end != value && *end == '\0' && isfinite(number) && number >= 0 ? NULL : "a number of at least 0";
}

/* A call that takes longer is stuck, which is a delay. */
const char *set_latency(const char *value, void *field, size_t size)
{
    const char *wanted = set_number(value, field, size);
    return !wanted && *(double *)field > 1 ? "at most 1 second; a call that is stuck is a 'delay'" : wanted;
}

const char *set_bytes(const char *value, void *field, size_t size)
{
    char *end;
    (void)size;
    *(unsigned long long *)field = strtoull(value, &end, 10);
    return isdigit((unsigned char)*value) && *end == '\0' ? NULL : "a whole number of bytes";
}

const char *set_count(const char *value, void *field, size_t size)
{
    char *end;
    long number = strtol(value, &end, 10);
    (void)size;
    *(int *)field = (int)number;
    return end != value && *end == '\0' && number >= 0 && number < 1000000 ? NULL : "a whole number of at least 0";
}

const char *set_switch(const char *value, void *field, size_t size)
{
    (void)size;
    *(bool *)field = strcmp(value, "yes") == 0;
    return *(bool *)field || strcmp(value, "no") == 0 ? NULL : "yes or no";
}

/* Off the bus, or waiting for a reset: the code that every call answers. */
const char *set_lost(const char *value, void *field, size_t size)
{
    bool lost = false;
    const char *wanted = strcmp(value, "reset") == 0 ? NULL : set_switch(value, &lost, size);
    *(int *)field = lost ? GPU_IS_LOST : strcmp(value, "reset") == 0 ? RESET_REQUIRED : SUCCESS;
    return wanted ? "yes, no or reset" : NULL;
}

/* A switch that a GPU may also lack. */
const char *set_yes(const char *value, void *field, size_t size)
{
    bool on;
    const char *wanted = set_switch(value, &on, size);
    *(struct wave *)field = wave_constant(on);
    return wanted;
}

const char *set_wave(const char *value, void *field, size_t size)
{
    (void)size;
    return wave_read(value, field, false);
}

const char *set_ratio(const char *value, void *field, size_t size)
{
    (void)size;
    return wave_read(value, field, true);
}

const char *set_cuda(const char *value, void *field, size_t size)
{
    int major, minor;
    char rest[2];
    (void)size;
    if (sscanf(value, "%3d.%2d%1s", &major, &minor, rest) != 2 || major < 1 || minor < 0)
        return "a version such as 13.0";
    *(int *)field = major * 1000 + minor * 10;
    return NULL;
}

const char *set_stride(const char *value, void *field, size_t size)
{
    int *stride = field;
    const char *wanted = set_count(value, field, size);
    return !wanted && (*stride == 16 || *stride == 24 || *stride == 32) ? NULL : "16, 24 or 32";
}

const char *set_architecture(const char *value, void *field, size_t size)
{
    static const char *const NAMES[] = {"volta", "turing", "ampere", "ada", "hopper", "blackwell", NULL};
    (void)size;
    for (int i = 0; NAMES[i]; i++)
        if (strcmp(value, NAMES[i]) == 0) {
            *(int *)field = 5 + i;
            return NULL;
        }
    return "volta, turing, ampere, ada, hopper or blackwell";
}

/* 'NAME VALUE' into the wave of that name. */
static const char *set_named(const char *value, struct wave *waves, const char *const *names,
                             const char *wanted)
{
    size_t length = strcspn(value, " \t");
    for (int i = 0; names[i]; i++)
        if (strlen(names[i]) == length && strncmp(value, names[i], length) == 0)
            return wave_read(value + length + strspn(value + length, " \t"), &waves[i], false);
    return wanted;
}

#define NAMED(function, wanted, ...)                                         \
    const char *function(const char *value, void *field, size_t size)        \
    {                                                                        \
        static const char *const NAMES[] = {__VA_ARGS__, NULL};              \
        (void)size;                                                          \
        return set_named(value, field, NAMES, wanted);                       \
    }

NAMED(set_limit, "'shutdown|slowdown|memory_max|gpu_max CELSIUS'", "shutdown", "slowdown", "memory_max", "gpu_max")
NAMED(set_remapped, "'correctable|uncorrectable|pending|failed COUNT'", "correctable", "uncorrectable", "pending",
      "failed")
NAMED(set_banks, "'max|high|partial|low|none COUNT'", "max", "high", "partial", "low", "none")
NAMED(set_retired, "'single_bit|double_bit|pending COUNT'", "single_bit", "double_bit", "pending")
NAMED(set_nvlink_error,
      "'flit|data|replay|recovery|ecc|malformed_packet|buffer_overrun|receive|receive_remote|receive_general|"
      "link_integrity|transmit_discard|recovery_successful|recovery_failed|recovery_event|effective|symbol COUNT'",
      "flit", "data", "replay", "recovery", "ecc", "malformed_packet", "buffer_overrun", "receive",
      "receive_remote", "receive_general", "link_integrity", "transmit_discard", "recovery_successful",
      "recovery_failed", "recovery_event", "effective", "symbol")
NAMED(set_pcie_error,
      "'correctable|naks_received|receiver|bad_tlp|naks_sent|bad_dllp|non_fatal|fatal|unsupported_request|lcrc|lane COUNT'",
      "correctable", "naks_received", "receiver", "bad_tlp", "naks_sent", "bad_dllp", "non_fatal", "fatal",
      "unsupported_request", "lcrc", "lane")

static const char *set_lifetime(const char *value, struct wave *waves)
{
    static const char *const NAMES[] = {"volatile", "aggregate", NULL};
    return set_named(value, waves, NAMES, "'corrected|uncorrected volatile|aggregate COUNT'");
}

const char *set_ecc(const char *value, void *field, size_t size)
{
    struct wave(*counts)[LIFETIMES] = field;
    (void)size;
    if (strncmp(value, "corrected ", 10) == 0)
        return set_lifetime(value + 10, counts[CORRECTED]);
    if (strncmp(value, "uncorrected ", 12) == 0)
        return set_lifetime(value + 12, counts[UNCORRECTED]);
    return "'corrected|uncorrected volatile|aggregate COUNT'";
}
