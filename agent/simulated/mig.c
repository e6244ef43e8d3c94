/* MIG devices: the parts into which a GPU is cut. */
#include "mig.h"

#include <string.h>

#include "put.h"

bool in_mig_mode(const struct gpu *gpu) { return gpu->mig_mode.given && gpu->mig_mode.middle > 0; }

unsigned long long mig_part(const struct device *on, unsigned long long bytes)
{
    return bytes / 8 * (unsigned long long)on->mig->eighths;
}

unsigned long long mig_used(const struct device *on)
{
    unsigned long long used = 0, most = mig_part(on, on->gpu->memory_bytes);
    for (int i = 0; i < on->gpu->process_count; i++)
        if (on->gpu->processes[i].gi == on->mig->gi)
            used += on->gpu->processes[i].memory_bytes;
    return used < most ? used : most;
}

EXPORT int nvmlDeviceGetMigMode(void *device, unsigned *mode, unsigned *pending)
{
    ON_GPU(
        result = put_wave(mode, &gpu->mig_mode, 1);
        if (result == SUCCESS && put_wave(pending, &gpu->mig_mode_pending, 1) != SUCCESS)
            *pending = *mode;
    );
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count)
{
    ON_GPU(*count = gpu->mig_mode.given ? MIGS_MAX + (unsigned)on.scenario->overcount : 0;);
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **mig)
{
    ON_GPU(
        if (!in_mig_mode(gpu))
            return leave(NOT_SUPPORTED);
        if (index >= MIGS_MAX)
            return leave(INVALID_ARGUMENT);
        *mig = handle_of(on.index, (int)index);
        result = index < (unsigned)gpu->mig_count ? SUCCESS : NOT_FOUND;
    );
}

EXPORT int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *device, void **parent)
{
    ON_DEVICE(
        *parent = handle_of(on.index, -1);
        result = on.mig ? SUCCESS : INVALID_ARGUMENT;
    );
}

EXPORT int nvmlDeviceIsMigDeviceHandle(void *device, unsigned *is)
{
    ON_DEVICE(*is = on.mig != NULL;);
}

EXPORT int nvmlDeviceGetGpuInstanceId(void *device, unsigned *id)
{
    ON_DEVICE(
        result = on.mig ? SUCCESS : NOT_SUPPORTED;
        *id = on.mig ? on.mig->gi : NO_INSTANCE;
    );
}

EXPORT int nvmlDeviceGetComputeInstanceId(void *device, unsigned *id)
{
    ON_DEVICE(
        result = on.mig ? SUCCESS : NOT_SUPPORTED;
        *id = on.mig ? on.mig->ci : NO_INSTANCE;
    );
}

/* A slice is an eighth of the multiprocessors, in pairs; all seven together are all of them. */
static unsigned multiprocessors(const struct gpu *gpu, int slices)
{
    unsigned all = (unsigned)gpu->multiprocessors, slice = (all + 8) / 16 * 2;
    return slices == 7 ? all : slice * (unsigned)slices;
}

EXPORT int nvmlDeviceGetAttributes_v2(void *device, struct device_attributes *attributes)
{
    ON_DEVICE(
        memset(attributes, 0, sizeof *attributes);
        if (!on.mig)
            return leave(NOT_SUPPORTED);
        attributes->multiprocessors = multiprocessors(gpu, on.mig->compute_slices);
        attributes->gpu_slices = (unsigned)on.mig->slices;
        attributes->compute_slices = (unsigned)on.mig->compute_slices;
        attributes->memory_mib = mig_part(&on, gpu->memory_bytes) >> 20;
    );
}
