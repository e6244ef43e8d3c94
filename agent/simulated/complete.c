/* What follows from a scenario's lines: loads, waves that follow them, ids, instances. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"

#define GIB 1073741824.0

bool is_first_of_instance(const struct gpu *gpu, int index)
{
    for (int i = 0; i < index; i++)
        if (gpu->migs[i].gi == gpu->migs[index].gi)
            return false;
    return true;
}

int mig_eighths(const struct gpu *gpu, const struct mig *mig)
{
    double part = mig->gigabytes * GIB / (double)gpu->memory_bytes * 8;
    return (int)fmax(1, fmin(9, round(part)));
}

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
        mig->eighths = mig_eighths(gpu, mig);
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

/* A process of a GPU instance is in its first compute instance, if it does not say in which. */
static void place_processes(struct gpu *gpu)
{
    for (int i = 0; i < gpu->process_count; i++)
        for (int j = 0; j < gpu->mig_count; j++)
            if (gpu->processes[i].ci == NO_INSTANCE && gpu->migs[j].gi == gpu->processes[i].gi)
                gpu->processes[i].ci = gpu->migs[j].ci;
}

/* The _v3 lists had a longer entry from 535.43 to before 535.86. */
static int stride_of(const char *driver)
{
    int major = 0, minor = 0;
    sscanf(driver, "%d.%d", &major, &minor);
    return major == 535 && minor >= 43 && minor < 86 ? 32 : 24;
}

void scenario_complete(struct scenario *scenario)
{
    for (int i = 0; i < scenario->gpu_count; i++) {
        struct gpu *gpu = &scenario->gpus[i];
        fill_load(gpu);
        resolve(gpu);
        name_migs(gpu);
        name_card(gpu, i);
        place_processes(gpu);
    }
    if (!scenario->process_stride)
        scenario->process_stride = stride_of(scenario->driver);
}
