/* What follows from a scenario's lines: loads, waves that follow them, ids, instances. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"

int instance_slices(const struct gpu *gpu, unsigned gi)
{
    for (int i = 0; i < gpu->mig_count; i++)
        if (gpu->migs[i].gi == gi)
            return gpu->migs[i].slices;
    return 0;
}

/* The SM activity of a GPU that is all busy. */
static double full_sm(const struct gpu *gpu)
{
    const struct wave *sm = &gpu->rates[SM_ACTIVE];
    return sm->given && sm->follow == LOAD && sm->full > 0 ? sm->full : 1;
}

double instance_load(const struct gpu *gpu, unsigned gi)
{
    double share = 0;
    for (int i = 0; i < gpu->process_count; i++)
        if (gpu->processes[i].gi == gi)
            share += gpu->processes[i].sm;
    return fmin(1, share * 7 / instance_slices(gpu, gi) / full_sm(gpu));
}

/* With a profile and no utilization, the processes' shares are it. */
static void fill_load(struct gpu *gpu)
{
    double share = 0;
    for (int i = 0; i < gpu->process_count; i++)
        share += gpu->processes[i].sm;
    if (!gpu->rates[UTILIZATION].given && *gpu->profile)
        gpu->rates[UTILIZATION] = wave_constant(fmin(1, gpu->mig_count ? share / full_sm(gpu) : share));
}

static void resolve_all(struct wave *waves, size_t bytes, const struct wave *load)
{
    for (size_t i = 0; i < bytes / sizeof *waves; i++)
        wave_resolve(&waves[i], load);
}

/* All waves of a GPU stand in one row, from the rates to the MIG mode. */
static void resolve(struct gpu *gpu)
{
    struct wave load = gpu->rates[UTILIZATION];
    enum { BYTES = offsetof(struct gpu, reasons) - offsetof(struct gpu, rates) };
    _Static_assert(BYTES % sizeof load == 0, "nothing else stands among the waves");
    resolve_all(gpu->rates, BYTES, &load);
}

/* 64 bits out of texts and numbers, the same for the same ones. */
static unsigned long long digest(const char *text, unsigned salt)
{
    unsigned long long hash = 1469598103934665603ull ^ salt;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211ull;
    hash ^= hash >> 31;
    return hash * 0x9e3779b97f4a7c15ull;
}

static void name_migs(struct gpu *gpu)
{
    for (int i = 0; i < gpu->mig_count; i++) {
        struct mig *mig = &gpu->migs[i];
        unsigned long long a = digest(gpu->uuid, mig->gi * 16 + mig->ci + 1), b = digest(gpu->uuid, (unsigned)a);
        double eighths = mig->eighths * 8.0 * 1073741824.0 / (double)gpu->memory_bytes;
        mig->eighths = (int)fmax(1, fmin(8, lround(eighths)));
        if (!*mig->uuid)
            snprintf(mig->uuid, sizeof mig->uuid, "MIG-%08llx-%04llx-5%03llx-8%03llx-%012llx", a >> 32,
                     a >> 16 & 0xffff, a & 0xfff, b >> 48 & 0xfff, b & 0xffffffffffffull);
    }
}

/* What each card of a model has for itself. */
static void name_card(struct gpu *gpu, int index)
{
    if (!*gpu->profile)
        return;
    if (!*gpu->serial)
        snprintf(gpu->serial, sizeof gpu->serial, "1%012llu", digest(gpu->uuid, 0) % 1000000000000ull);
    if (!*gpu->pci_bus_id)
        snprintf(gpu->pci_bus_id, sizeof gpu->pci_bus_id, "%08X:%02X:00.0", index / 28, 0x18 + 8 * (index % 28));
}

static const char *place_processes(struct gpu *gpu)
{
    double shares[INSTANCES_MAX] = {0};
    for (int i = 0; i < gpu->process_count; i++) {
        struct process *process = &gpu->processes[i];
        if (process->gi == NO_INSTANCE)
            continue;
        int slices = instance_slices(gpu, process->gi);
        for (int j = 0; j < gpu->mig_count && process->ci == NO_INSTANCE; j++)
            if (gpu->migs[j].gi == process->gi)
                process->ci = gpu->migs[j].ci;
        shares[process->gi] += process->sm;
        if (!slices)
            return "a process in a GPU instance that a 'mig' line names";
        if (shares[process->gi] > slices / 7.0 + 1e-6)
            return "processes of a GPU instance that together have at most its slices of the GPU";
    }
    return NULL;
}

static int cut_slices(const struct gpu *gpu)
{
    int slices = 0;
    for (int i = 0; i < gpu->mig_count; i++) {
        bool first = true; /* of its GPU instance: the others compute on the same slices */
        for (int j = 0; j < i; j++)
            first = first && gpu->migs[j].gi != gpu->migs[i].gi;
        slices += first ? gpu->migs[i].slices : 0;
    }
    return slices;
}

static const char *twice(const struct scenario *scenario, int index)
{
    for (int i = 0; i < index; i++)
        if (strcmp(scenario->gpus[i].uuid, scenario->gpus[index].uuid) == 0)
            return "a uuid that no other GPU has";
    return NULL;
}

static const char *lacking(const struct gpu *gpu)
{
    if (!*gpu->uuid || !*gpu->model || !gpu->memory_bytes)
        return "uuid, model and memory_bytes for every GPU (a profile has the last two)";
    if (gpu->reserved_bytes > gpu->memory_bytes)
        return "reserved_bytes within memory_bytes";
    if (cut_slices(gpu) > 7)
        return "MIG devices of at most 7 slices together";
    return gpu->nvlinks.middle > LINKS_MAX ? "at most 36 NVLinks" : NULL;
}

/* The _v3 lists had a longer entry from 535.43 to before 535.86. */
static int stride_of(const char *driver)
{
    int major = 0, minor = 0;
    sscanf(driver, "%d.%d", &major, &minor);
    return major == 535 && minor >= 43 && minor < 86 ? 32 : 24;
}

const char *scenario_complete(struct scenario *scenario, int *incomplete)
{
    for (int i = 0; i < scenario->gpu_count; i++) {
        struct gpu *gpu = &scenario->gpus[i];
        const char *wanted = lacking(gpu);
        if (!wanted)
            wanted = twice(scenario, i);
        if (!wanted)
            wanted = place_processes(gpu);
        if (wanted) {
            *incomplete = i;
            return wanted;
        }
        fill_load(gpu);
        resolve(gpu);
        name_migs(gpu);
        name_card(gpu, i);
    }
    if (!scenario->process_stride)
        scenario->process_stride = stride_of(scenario->driver);
    return *scenario->driver ? NULL : "a driver version";
}
