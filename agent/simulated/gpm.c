/* GPM: activity of a GPU or a GPU instance, averaged between two samples of its counters. */
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define HOPPER 9
#define METRICS_MAX 1024
#define MIB 1048576.0

struct gpm_sample {
    unsigned generation; /* 0 before it is taken */
    char uuid[80];
    unsigned gi;
    double at, totals[RATES], load;
};

/* Percent of an activity, or MiB/s of all links or of one. */
static const struct metric { unsigned id; enum rate rate; const char *name; } METRICS[] = {
    {1, GRAPHICS_ACTIVE, "GRAPHICS_UTIL"}, {2, SM_ACTIVE, "SM_UTIL"}, {3, SM_OCCUPANCY, "SM_OCCUPANCY"},
    {4, INT_ACTIVE, "INTEGER_UTIL"}, {5, TENSOR_ACTIVE, "ANY_TENSOR_UTIL"},
    {6, DFMA_ACTIVE, "DFMA_TENSOR_UTIL"}, {7, HMMA_ACTIVE, "HMMA_TENSOR_UTIL"},
    {8, DMMA_ACTIVE, "DMMA_TENSOR_UTIL"}, {9, IMMA_ACTIVE, "IMMA_TENSOR_UTIL"}, {10, DRAM_ACTIVE, "DRAM_BW_UTIL"},
    {11, FP64_ACTIVE, "FP64_UTIL"}, {12, FP32_ACTIVE, "FP32_UTIL"}, {13, FP16_ACTIVE, "FP16_UTIL"},
    {20, PCIE_TX, "PCIE_TX_PER_SEC"}, {21, PCIE_RX, "PCIE_RX_PER_SEC"},
    {60, NVLINK_RX, "NVLINK_TOTAL_RX_PER_SEC"}, {61, NVLINK_TX, "NVLINK_TOTAL_TX_PER_SEC"},
};

static int held;

int gpm_samples_held(void) { return __atomic_load_n(&held, __ATOMIC_RELAXED); }

static bool is_supported(const struct gpu *gpu)
{
    return gpu->architecture >= HOPPER && gpu->rates[SM_ACTIVE].given;
}

EXPORT int nvmlGpmQueryDeviceSupport(void *device, struct gpm_support *support)
{
    ON_GPU(
        if (support->version != 1)
            return leave(VERSION_MISMATCH);
        support->supported = is_supported(gpu);
    );
}

EXPORT int nvmlGpmSampleAlloc(void **sample)
{
    struct device on;
    int result = enter(__func__, &on);
    if (result == SUCCESS && !(*sample = calloc(1, sizeof(struct gpm_sample))))
        result = OUT_OF_MEMORY;
    __atomic_add_fetch(&held, result == SUCCESS, __ATOMIC_RELAXED);
    return leave(result);
}

/* Also after a shutdown: the memory is the caller's. */
EXPORT int nvmlGpmSampleFree(struct gpm_sample *sample)
{
    __atomic_sub_fetch(&held, sample != NULL, __ATOMIC_RELAXED);
    free(sample);
    return SUCCESS;
}

static int take(const struct device *on, unsigned gi, struct gpm_sample *sample)
{
    if (!sample)
        return INVALID_ARGUMENT;
    if (!is_supported(on->gpu))
        return NOT_SUPPORTED;
    if (gi != NO_INSTANCE && !instance_slices(on->gpu, gi))
        return INVALID_ARGUMENT;
    memset(sample, 0, sizeof *sample);
    strcpy(sample->uuid, on->gpu->uuid);
    sample->generation = driver_generation();
    sample->gi = gi;
    sample->at = on->counters->at;
    sample->load = gi == NO_INSTANCE ? 0 : on->counters->loads[gi];
    memcpy(sample->totals, on->counters->totals, sizeof sample->totals);
    return SUCCESS;
}

EXPORT int nvmlGpmSampleGet(void *device, struct gpm_sample *sample)
{
    ON_GPU(result = take(&on, NO_INSTANCE, sample););
}

EXPORT int nvmlGpmMigSampleGet(void *device, unsigned gi, struct gpm_sample *sample)
{
    ON_GPU(result = gi >= INSTANCES_MAX ? INVALID_ARGUMENT : take(&on, gi, sample););
}

/* What an instance does follows its own load; a wave that follows none is the whole GPU's. */
static double mean(const struct gpu *gpu, enum rate rate, const struct gpm_sample *from,
                   const struct gpm_sample *to)
{
    const struct wave *wave = &gpu->rates[rate];
    double passed = to->at - from->at;
    if (to->gi != NO_INSTANCE && wave->follow == LOAD)
        return wave->idle + (wave->full - wave->idle) * (to->load - from->load) / passed;
    return (to->totals[rate] - from->totals[rate]) / passed;
}

static int put_rate(const struct gpu *gpu, enum rate rate, double part, struct gpm_metric *metric,
                    const struct gpm_sample *from, const struct gpm_sample *to)
{
    bool bytes = rate < GRAPHICS_ACTIVE, links = rate == NVLINK_TX || rate == NVLINK_RX;
    if (!gpu->rates[rate].given || (links && !(gpu->nvlinks.middle >= 1)) || (bytes && to->gi != NO_INSTANCE))
        return NOT_SUPPORTED;
    if (to->at <= from->at)
        return NO_DATA;
    metric->value = mean(gpu, rate, from, to) * (bytes ? part / MIB : 100);
    metric->unit = bytes ? "MiB/s" : "%";
    return SUCCESS;
}

static int put_metric(const struct gpu *gpu, struct gpm_metric *metric, const struct gpm_sample *from,
                      const struct gpm_sample *to)
{
    unsigned links = (unsigned)gpu->nvlinks.middle, link = (metric->id - 62) / 2;
    metric->value = 0;
    for (size_t i = 0; i < sizeof METRICS / sizeof *METRICS; i++)
        if (METRICS[i].id == metric->id) {
            metric->short_name = metric->long_name = METRICS[i].name;
            return put_rate(gpu, METRICS[i].rate, 1, metric, from, to);
        }
    if (metric->id >= 62 && metric->id < 98 && link < links) /* receive and transmit, link by link */
        return put_rate(gpu, metric->id % 2 ? NVLINK_TX : NVLINK_RX, 1.0 / links, metric, from, to);
    return NOT_SUPPORTED;
}

static int put_metrics(const struct scenario *scenario, struct gpm_metrics_get *get)
{
    const struct gpm_sample *from = get->sample1, *to = get->sample2;
    if (get->version != 1)
        return VERSION_MISMATCH;
    if (!from || !to || get->count > METRICS_MAX || from->generation != driver_generation() ||
        to->generation != from->generation || strcmp(from->uuid, to->uuid) || from->gi != to->gi)
        return INVALID_ARGUMENT;
    for (int i = 0; i < scenario->gpu_count; i++)
        if (strcmp(scenario->gpus[i].uuid, to->uuid) == 0) {
            for (unsigned j = 0; j < get->count; j++)
                get->metrics[j].result = put_metric(&scenario->gpus[i], &get->metrics[j], from, to);
            return SUCCESS;
        }
    return GPU_IS_LOST;
}

EXPORT int nvmlGpmMetricsGet(struct gpm_metrics_get *get)
{
    struct device on;
    int result = enter(__func__, &on);
    return leave(result ? result : put_metrics(on.scenario, get));
}
