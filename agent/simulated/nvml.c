/* libnvidia-ml.so.1 without a GPU: NVML's own function names over a scenario file.
 * Here: the library, the system, and who a GPU is. */
#include "driver.h"

#include <stdio.h>
#include <string.h>

static int put_text(char *to, unsigned size, const char *from)
{
    if (!*from)
        return NOT_SUPPORTED;
    if (strlen(from) >= size)
        return INSUFFICIENT_SIZE;
    strcpy(to, from);
    return SUCCESS;
}

EXPORT int nvmlInitWithFlags(unsigned flags) { (void)flags; return driver_open(); }
EXPORT int nvmlInit_v2(void) { return driver_open(); }
EXPORT int nvmlShutdown(void) { return driver_close(); }

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
    case GPU_IS_LOST: return "GPU is lost";
    case VERSION_MISMATCH: return "Argument Version Mismatch";
    }
    return "Unknown Error";
}

EXPORT int nvmlSystemGetDriverVersion(char *version, unsigned size)
{
    const struct scenario *scenario;
    int result = enter(&scenario);
    return leave(result ? result : put_text(version, size, scenario->driver));
}

EXPORT int nvmlSystemGetNVMLVersion(char *version, unsigned size)
{
    const struct scenario *scenario;
    int result = enter(&scenario);
    return leave(result ? result : put_text(version, size, "simulated"));
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    const struct scenario *scenario;
    int result = enter(&scenario);
    if (result == SUCCESS)
        *version = scenario->cuda;
    return leave(result == SUCCESS && !scenario->cuda ? NOT_SUPPORTED : result);
}

EXPORT int nvmlSystemGetCudaDriverVersion(int *version)
{
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *count)
{
    const struct scenario *scenario;
    int result = enter(&scenario);
    if (result == SUCCESS)
        *count = (unsigned)scenario->gpu_count;
    return leave(result);
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    const struct scenario *scenario;
    int result = enter(&scenario);
    if (result != SUCCESS || index >= (unsigned)scenario->gpu_count)
        return leave(result ? result : INVALID_ARGUMENT);
    *device = handle_of((int)index);
    return leave(scenario->gpus[index].lost ? GPU_IS_LOST : SUCCESS);
}

EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, void **device)
{
    const struct scenario *scenario;
    int result = enter(&scenario);
    for (int i = 0; result == SUCCESS && i < scenario->gpu_count; i++)
        if (strcmp(scenario->gpus[i].uuid, uuid) == 0) {
            *device = handle_of(i);
            return leave(scenario->gpus[i].lost ? GPU_IS_LOST : SUCCESS);
        }
    return leave(result ? result : NOT_FOUND);
}

EXPORT int nvmlDeviceGetName(void *device, char *to, unsigned size)
{
    ON_GPU(result = put_text(to, size, gpu->model););
}

EXPORT int nvmlDeviceGetUUID(void *device, char *to, unsigned size)
{
    ON_GPU(result = put_text(to, size, gpu->uuid););
}

EXPORT int nvmlDeviceGetSerial(void *device, char *to, unsigned size)
{
    ON_GPU(result = put_text(to, size, gpu->serial););
}

EXPORT int nvmlDeviceGetVbiosVersion(void *device, char *to, unsigned size)
{
    ON_GPU(result = put_text(to, size, gpu->vbios););
}

EXPORT int nvmlDeviceGetIndex(void *device, unsigned *index)
{
    ON_GPU(*index = (unsigned)index_of(device););
}

EXPORT int nvmlDeviceGetMinorNumber(void *device, unsigned *minor)
{
    ON_GPU(*minor = (unsigned)index_of(device););
}

static int put_architecture(unsigned *to, const struct gpu *gpu)
{
    *to = (unsigned)gpu->architecture;
    return *to ? SUCCESS : NOT_SUPPORTED;
}

EXPORT int nvmlDeviceGetArchitecture(void *device, unsigned *architecture)
{
    ON_GPU(result = put_architecture(architecture, gpu););
}

EXPORT int nvmlDeviceGetPciInfo_v3(void *device, struct pci *pci)
{
    ON_GPU(
        memset(pci, 0, sizeof *pci);
        result = put_text(pci->bus_id, sizeof pci->bus_id, gpu->pci_bus_id);
        sscanf(gpu->pci_bus_id, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device);
        snprintf(pci->bus_id_legacy, sizeof pci->bus_id_legacy, "%04x:%02x:%02x.0",
                 pci->domain & 0xffff, pci->bus & 0xff, pci->device & 0xff);
    );
}
