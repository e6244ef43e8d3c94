/* Process lists and utilisation, and the calls that exist but answer "not supported". */
#include "driver.h"

#include <math.h>
#include <string.h>

#define NOT_IN_MIG 0xffffffffu

static int put_processes(const struct gpu *gpu, unsigned *count, struct process_info_v2 *to)
{
    unsigned room = *count;
    *count = (unsigned)gpu->process_count;
    if (room < *count || !to)
        return *count ? INSUFFICIENT_SIZE : SUCCESS;
    for (unsigned i = 0; i < *count; i++)
        to[i] = (struct process_info_v2){gpu->processes[i].pid, gpu->processes[i].memory_bytes,
                                         NOT_IN_MIG, NOT_IN_MIG};
    return SUCCESS;
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count,
                                                   struct process_info_v2 *to)
{
    const struct gpu *gpu;
    int result = enter_gpu(device, __func__, &gpu);
    return leave(result ? result : put_processes(gpu, count, to));
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v2(void *device, unsigned *count,
                                                   struct process_info_v2 *to)
{
    const struct gpu *gpu;
    int result = enter_gpu(device, __func__, &gpu);
    return leave(result ? result : put_processes(gpu, count, to));
}

/* Nothing draws and nothing shares by MPS in a simulation. */
static int put_none(void *device, const char *call, unsigned *count)
{
    const struct gpu *gpu;
    int result = enter_gpu(device, call, &gpu);
    if (result == SUCCESS)
        *count = 0;
    return leave(result);
}

EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned *count, void *to)
{
    (void)to;
    return put_none(device, __func__, count);
}

EXPORT int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *device, unsigned *count, void *to)
{
    (void)to;
    return put_none(device, __func__, count);
}

/* One sample a busy process, taken now; none newer than `last_seen` is NOT_FOUND, as in a driver. */
static unsigned put_samples(const struct gpu *gpu, unsigned long long last_seen,
                            struct process_sample_v1 *to)
{
    unsigned long long now = (unsigned long long)(driver_now() * 1e6);
    unsigned count = 0;
    for (int i = 0; i < gpu->process_count && now > last_seen; i++)
        if (gpu->processes[i].sm > 0)
            to[count++] = (struct process_sample_v1){
                .timestamp = now, .pid = gpu->processes[i].pid,
                .sm = (unsigned)lround(gpu->processes[i].sm * 100)};
    return count;
}

EXPORT int nvmlDeviceGetProcessUtilization(void *device, struct process_sample *to, unsigned *count,
                                           unsigned long long last_seen)
{
    const struct gpu *gpu;
    struct process_sample_v1 samples[PROCESSES_MAX];
    int result = enter_gpu(device, __func__, &gpu);
    if (result != SUCCESS)
        return leave(result);
    unsigned room = *count;
    *count = put_samples(gpu, last_seen, samples);
    if (!*count)
        return leave(NOT_FOUND);
    if (room < *count || !to)
        return leave(INSUFFICIENT_SIZE);
    for (unsigned i = 0; i < *count; i++)
        to[i] = (struct process_sample){samples[i].pid, samples[i].timestamp, samples[i].sm, 0, 0, 0};
    return leave(SUCCESS);
}

EXPORT int nvmlDeviceGetProcessesUtilizationInfo(void *device, struct process_samples_v1 *info)
{
    const struct gpu *gpu;
    struct process_sample_v1 samples[PROCESSES_MAX];
    int result = enter_gpu(device, __func__, &gpu);
    if (result != SUCCESS)
        return leave(result);
    if (info->version != VERSION(struct process_samples_v1, 1))
        return leave(VERSION_MISMATCH);
    unsigned room = info->count;
    info->count = put_samples(gpu, info->last_seen, samples);
    if (!info->count)
        return leave(NOT_FOUND);
    if (room < info->count || !info->samples)
        return leave(INSUFFICIENT_SIZE);
    memcpy(info->samples, samples, info->count * sizeof *samples);
    return leave(SUCCESS);
}

EXPORT int nvmlDeviceGetMigMode(void *device, unsigned *mode, unsigned *pending)
{
    int result = put_none(device, __func__, mode);
    *pending = 0;
    return result;
}

/* Known to the driver's interface, not to this one. Extra arguments are the caller's to clean up. */
#define UNSUPPORTED(call)                                \
    EXPORT int call(void *device)                        \
    {                                                    \
        const struct gpu *gpu;                           \
        int result = enter_gpu(device, __func__, &gpu);  \
        return leave(result ? result : NOT_SUPPORTED);   \
    }

UNSUPPORTED(nvmlDeviceGetBAR1MemoryInfo)
UNSUPPORTED(nvmlDeviceGetTemperatureThreshold)
UNSUPPORTED(nvmlDeviceGetMarginTemperature)
UNSUPPORTED(nvmlDeviceGetPerformanceState)
UNSUPPORTED(nvmlDeviceGetFanSpeed)
UNSUPPORTED(nvmlDeviceGetFanSpeed_v2)
UNSUPPORTED(nvmlDeviceGetEncoderUtilization)
UNSUPPORTED(nvmlDeviceGetDecoderUtilization)
UNSUPPORTED(nvmlDeviceGetJpgUtilization)
UNSUPPORTED(nvmlDeviceGetOfaUtilization)
UNSUPPORTED(nvmlDeviceGetEncoderStats)
UNSUPPORTED(nvmlDeviceGetPcieThroughput)
UNSUPPORTED(nvmlDeviceGetPcieReplayCounter)
UNSUPPORTED(nvmlDeviceGetCurrPcieLinkGeneration)
UNSUPPORTED(nvmlDeviceGetCurrPcieLinkWidth)
UNSUPPORTED(nvmlDeviceGetMaxPcieLinkGeneration)
UNSUPPORTED(nvmlDeviceGetMaxPcieLinkWidth)
UNSUPPORTED(nvmlDeviceGetCurrentClocksEventReasons)
UNSUPPORTED(nvmlDeviceGetCurrentClocksThrottleReasons)
UNSUPPORTED(nvmlDeviceGetSamples)
UNSUPPORTED(nvmlDeviceGetEccMode)
UNSUPPORTED(nvmlDeviceGetTotalEccErrors)
UNSUPPORTED(nvmlDeviceGetMemoryErrorCounter)
UNSUPPORTED(nvmlDeviceGetRemappedRows)
UNSUPPORTED(nvmlDeviceGetRowRemapperHistogram)
UNSUPPORTED(nvmlDeviceGetNvLinkState)
UNSUPPORTED(nvmlDeviceGetGpuFabricInfoV)
UNSUPPORTED(nvmlDeviceGetRunningProcessDetailList)
UNSUPPORTED(nvmlDeviceGetMaxMigDeviceCount)
UNSUPPORTED(nvmlDeviceGetMigDeviceHandleByIndex)
UNSUPPORTED(nvmlDeviceGetAttributes_v2)
UNSUPPORTED(nvmlDeviceGetPersistenceMode)
UNSUPPORTED(nvmlDeviceGetSupportedEventTypes)
UNSUPPORTED(nvmlDeviceRegisterEvents)
UNSUPPORTED(nvmlGpmQueryDeviceSupport)
