/* Keys that may stand again: processes, MIG devices, XIDs, faults and the like. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "nvml.h"
#include "scenario.h"

#define CLOCK_MOST 1e11

/* The words after the fixed part of a process: its kind, its instance. */
static bool take_word(char **rest, struct process *to)
{
    char *word = strsep(rest, " \t");
    if (*word == '\0')
        return true;
    if (strcmp(word, "mps") == 0)
        to->kind = MPS;
    else if (strcmp(word, "mps_server") == 0)
        to->kind = MPS_SERVER;
    else if (strcmp(word, "graphics") == 0)
        to->kind = GRAPHICS;
    else if (strcmp(word, "gi") == 0 || strcmp(word, "ci") == 0) {
        char *number = strsep(rest, " \t"), *end = NULL;
        unsigned long id = number ? strtoul(number, &end, 10) : 0;
        if (!number || end == number || *end || id >= INSTANCES_MAX)
            return false;
        *(word[0] == 'g' ? &to->gi : &to->ci) = (unsigned)id;
    } else
        return false;
    return true;
}

const char *add_process(const char *value, void *target, size_t size)
{
    static const char *const WANTED =
        "'PID MEMORY_BYTES SM_SHARE [mps|mps_server|graphics] [gi N [ci N]]' with a share from 0 to 1";
    struct gpu *gpu = target;
    struct process new = {.gi = NO_INSTANCE, .ci = NO_INSTANCE, .line = gpu->reading};
    char more[64], *rest = more;
    int length = 0;
    (void)size;
    if (gpu->process_count == PROCESSES_MAX)
        return "at most 256 processes a GPU";
    if (sscanf(value, "%u %llu %lf%n", &new.pid, &new.memory_bytes, &new.sm, &length) != 3 ||
        new.pid == 0 || new.pid > INT_MAX || !(new.sm >= 0 && new.sm <= 1) || strlen(value + length) >= sizeof more)
        return WANTED;
    strcpy(more, value + length);
    while (rest)
        if (!take_word(&rest, &new))
            return WANTED;
    gpu->processes[gpu->process_count++] = new;
    return NULL;
}

/* '3g.40gb' has three of seven slices and is named for its memory; '1c.3g.40gb' computes on one. */
static bool read_profile(struct mig *mig)
{
    int length = 0, *compute = &mig->compute_slices;
    const char *rest = mig->profile;
    if (sscanf(rest, "%dc.%n", compute, &length) == 1 && length > 0)
        rest += length;
    else
        *compute = 0;
    length = 0;
    if (sscanf(rest, "%dg.%lfgb%n", &mig->slices, &mig->gigabytes, &length) != 2 || length == 0 || rest[length])
        return false;
    *compute = rest == mig->profile ? mig->slices : *compute;
    return *compute >= 1 && *compute <= mig->slices && mig->slices <= 7 && mig->gigabytes > 0 &&
           isfinite(mig->gigabytes);
}

const char *add_mig(const char *value, void *target, size_t size)
{
    struct gpu *gpu = target;
    struct mig new = {.line = gpu->reading};
    char rest[2];
    (void)size;
    int got = sscanf(value, "%u %u %23s %79s %1s", &new.gi, &new.ci, new.profile, new.uuid, rest);
    if (got < 3 || got > 4 || !read_profile(&new) || new.gi >= INSTANCES_MAX || new.ci >= 8)
        return "'GI CI PROFILE [MIG-UUID]', a profile as '3g.40gb' or '1c.3g.40gb'";
    if (gpu->profile_migs)
        gpu->mig_count = 0;
    gpu->profile_migs = false;
    if (gpu->mig_count == MIGS_MAX)
        return "at most 7 MIG devices a GPU";
    for (int i = 0; i < gpu->mig_count; i++)
        if (gpu->migs[i].gi == new.gi && gpu->migs[i].ci == new.ci)
            return "a pair of instances that no other MIG device has";
    gpu->migs[gpu->mig_count++] = new;
    gpu->mig_mode = gpu->mig_mode_pending = wave_constant(1);
    return NULL;
}

const char *set_uuid(const char *value, void *target, size_t size)
{
    struct gpu *gpu = target;
    (void)size;
    gpu->uuid_line = gpu->reading;
    return set_text(value, gpu->uuid, sizeof gpu->uuid);
}

const char *set_mig_mode(const char *value, void *target, size_t size)
{
    struct gpu *gpu = target;
    gpu->mig_mode_line = gpu->reading;
    return set_yes(value, &gpu->mig_mode, size);
}

const char *add_xid(const char *value, void *target, size_t size)
{
    struct gpu *gpu = target;
    struct xid new = {.gi = NO_INSTANCE};
    char rest[2], gi[3] = "";
    (void)size;
    if (gpu->xid_count == XIDS_MAX)
        return "at most 64 XIDs a GPU";
    int got = sscanf(value, "%llu %llu %2s %u %1s", &new.serial, &new.code, gi, &new.gi, rest);
    if ((got != 2 && got != 4) || (got == 4 && strcmp(gi, "gi")) || new.serial == 0 || new.code == 0)
        return "'SERIAL CODE [gi N]', both above 0";
    gpu->xids[gpu->xid_count++] = new;
    return NULL;
}

const char *add_link_down(const char *value, void *target, size_t size)
{
    struct gpu *gpu = target;
    char *end;
    unsigned long link = strtoul(value, &end, 10);
    (void)size;
    if (end == value || *end || link >= LINKS_MAX)
        return "the number of an NVLink";
    gpu->link_down[link] = true;
    return NULL;
}

const char *set_clock_event(const char *value, void *target, size_t size)
{
    static const char *const NAMES[REASONS] = {"idle", "app_clocks", "power_cap", "hw_slowdown",
        "sync_boost", "thermal", "hw_thermal", "power_brake", "display"};
    struct gpu *gpu = target;
    (void)size;
    gpu->clock_events = true;
    for (int i = 0; i < REASONS; i++)
        if (strcmp(value, NAMES[i]) == 0) {
            gpu->reasons[i] = true;
            return NULL;
        }
    return strcmp(value, "none") == 0 ? NULL
        : "none, idle, app_clocks, power_cap, hw_slowdown, sync_boost, thermal, hw_thermal, power_brake or display";
}

/* Whether this library has the call: a fault of any other would never be met. */
static bool is_call(const char *name)
{
    Dl_info self;
    if (!dladdr((const void *)add_process, &self))
        return true; /* who cannot know it does not refuse it */
    void *library = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    bool found = !library || dlsym(library, name);
    if (library)
        dlclose(library);
    return found;
}

static const char *add_fault(const char *value, struct faults *faults, bool late)
{
    struct fault new = {0};
    double number;
    char rest[2];
    if (faults->count == FAULTS_MAX)
        return "at most 16 faults";
    if (sscanf(value, "%63s %lf %1s", new.call, &number, rest) != 2 || !(number >= 0 && number < 1e6))
        return late ? "'CALL SECONDS'" : "'CALL CODE' with an NVML error code";
    if (!is_call(new.call))
        return "a call of NVML that is simulated";
    if (late)
        new.delay_seconds = number;
    else
        new.code = number < 1 ? NOTHING : (int)number;
    faults->of[faults->count++] = new;
    return NULL;
}

const char *set_fail(const char *value, void *field, size_t size)
{
    (void)size;
    return add_fault(value, field, false);
}

const char *set_delay(const char *value, void *field, size_t size)
{
    (void)size;
    return add_fault(value, field, true);
}

const char *set_missing(const char *value, void *target, size_t size)
{
    struct scenario *scenario = target;
    (void)size;
    if (scenario->missing_count == MISSING_MAX)
        return "at most 16 missing symbols";
    return set_text(value, scenario->missing[scenario->missing_count++], sizeof *scenario->missing);
}

const char *fix_clock(const char *value, void *target, size_t size)
{
    struct scenario *scenario = target;
    const char *wanted = set_number(value, &scenario->clock, size);
    scenario->clock_fixed = true;
    return !wanted && scenario->clock > CLOCK_MOST ? "seconds of the epoch, at most 100000000000" : wanted;
}

const char *use_profile(const char *value, void *target, size_t size)
{
    struct gpu *gpu = target;
    (void)size;
    if (*gpu->uuid || *gpu->model || gpu->memory_bytes || gpu->process_count)
        return "profile as the first key of its section";
    return profile_apply(value, gpu);
}
