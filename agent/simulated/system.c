/* libnvidia-ml.so.1 without a GPU: NVML's own function names over a scenario file.
 * Here: the library, the system, and the GPUs by index and id. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "put.h"

EXPORT int nvmlInitWithFlags(unsigned flags) { (void)flags; return driver_open(__func__); }
EXPORT int nvmlInit_v2(void) { return driver_open(__func__); }
EXPORT int nvmlShutdown(void) { return driver_close(__func__); }

EXPORT const char *nvmlErrorString(int code)
{
    switch (code) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case TIMEOUT: return "Timeout";
    case FUNCTION_NOT_FOUND: return "Function Not Found";
    case GPU_IS_LOST: return "GPU is lost";
    case RESET_REQUIRED: return "GPU requires reset";
    case OUT_OF_MEMORY: return "Insufficient Memory";
    case NO_DATA: return "No data";
    case INSUFFICIENT_RESOURCES: return "Insufficient Resources";
    case VERSION_MISMATCH: return "Argument Version Mismatch";
    }
    return "Unknown Error";
}

static int put_system(const char *call, char *to, unsigned size, bool driver)
{
    struct device on;
    int result = enter(call, &on);
    return leave(result ? result : put_text(to, size, driver ? on.scenario->driver : "simulated"));
}

EXPORT int nvmlSystemGetDriverVersion(char *version, unsigned size)
{
    return put_system(__func__, version, size, true);
}

EXPORT int nvmlSystemGetNVMLVersion(char *version, unsigned size)
{
    return put_system(__func__, version, size, false);
}

static int put_cuda(const char *call, int *version)
{
    struct device on;
    int result = enter(call, &on);
    if (result == SUCCESS)
        *version = on.scenario->cuda;
    return leave(result == SUCCESS && !on.scenario->cuda ? NOT_SUPPORTED : result);
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version) { return put_cuda(__func__, version); }
EXPORT int nvmlSystemGetCudaDriverVersion(int *version) { return put_cuda(__func__, version); }

EXPORT int nvmlDeviceGetCount_v2(unsigned *count)
{
    struct device on;
    int result = enter(__func__, &on);
    if (result == SUCCESS)
        *count = (unsigned)(on.scenario->gpu_count + on.scenario->overcount);
    return leave(result);
}

static int put_handle(void **device, const struct scenario *scenario, int index, int mig)
{
    *device = handle_of(index, mig);
    return scenario->gpus[index].lost;
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    struct device on;
    int result = enter(__func__, &on);
    if (result != SUCCESS || index >= (unsigned)on.scenario->gpu_count)
        return leave(result ? result : INVALID_ARGUMENT);
    return leave(put_handle(device, on.scenario, (int)index, -1));
}

EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, void **device)
{
    struct device on;
    int result = enter(__func__, &on);
    for (int i = 0; result == SUCCESS && i < on.scenario->gpu_count; i++) {
        const struct gpu *gpu = &on.scenario->gpus[i];
        if (strcmp(gpu->uuid, uuid) == 0)
            return leave(put_handle(device, on.scenario, i, -1));
        for (int j = 0; j < gpu->mig_count; j++)
            if (strcmp(gpu->migs[j].uuid, uuid) == 0)
                return leave(put_handle(device, on.scenario, i, j));
    }
    return leave(result ? result : NOT_FOUND);
}

/* Domains are written with four or with eight digits. */
static unsigned read_bus_id(const char *text, unsigned *bus, unsigned *device)
{
    unsigned domain = ~0u;
    return sscanf(text, "%x:%x:%x", &domain, bus, device) == 3 ? domain : ~0u;
}

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **device)
{
    struct device on;
    unsigned wanted[3], own[3];
    int result = enter(__func__, &on);
    wanted[0] = read_bus_id(id, &wanted[1], &wanted[2]);
    for (int i = 0; result == SUCCESS && i < on.scenario->gpu_count; i++) {
        own[0] = read_bus_id(on.scenario->gpus[i].pci_bus_id, &own[1], &own[2]);
        if (own[0] != ~0u && memcmp(own, wanted, sizeof own) == 0)
            return leave(put_handle(device, on.scenario, i, -1));
    }
    return leave(result ? result : NOT_FOUND);
}
