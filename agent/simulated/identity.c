/* Who a GPU is. */
#include <stdio.h>
#include <string.h>

#include "put.h"

/* A MIG device is named after its GPU and its profile. */
static int put_name(char *to, unsigned size, const struct device *on)
{
    char name[128];
    if (!on->mig)
        return put_text(to, size, on->gpu->model);
    snprintf(name, sizeof name, "%s MIG %s", on->gpu->model, on->mig->profile);
    return put_text(to, size, name);
}

EXPORT int nvmlDeviceGetName(void *device, char *to, unsigned size)
{
    ON_DEVICE(result = put_name(to, size, &on););
}

EXPORT int nvmlDeviceGetUUID(void *device, char *to, unsigned size)
{
    ON_DEVICE(result = put_text(to, size, on.mig ? on.mig->uuid : gpu->uuid););
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
    ON_DEVICE(*index = (unsigned)(on.mig ? on.mig - gpu->migs : on.index););
}

EXPORT int nvmlDeviceGetMinorNumber(void *device, unsigned *minor)
{
    ON_GPU(*minor = (unsigned)on.index;);
}

EXPORT int nvmlDeviceGetArchitecture(void *device, unsigned *architecture)
{
    ON_DEVICE(
        *architecture = (unsigned)gpu->architecture;
        result = gpu->architecture ? SUCCESS : NOT_SUPPORTED;
    );
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

EXPORT int nvmlDeviceGetPersistenceMode(void *device, unsigned *mode)
{
    ON_GPU(result = put_wave(mode, &gpu->persistence_mode, 1););
}

/* A GPU that draws has a display. */
EXPORT int nvmlDeviceGetDisplayActive(void *device, unsigned *active)
{
    ON_GPU(
        *active = 0;
        for (int i = 0; i < gpu->process_count; i++)
            *active |= gpu->processes[i].kind == GRAPHICS;
    );
}

/* No compute mode but the default: other tools ask for it at once. */
EXPORT int nvmlDeviceGetComputeMode(void *device, unsigned *mode)
{
    ON_GPU(*mode = 0;);
}

/* Of Windows alone. */
EXPORT int nvmlDeviceGetDriverModel(void *device)
{
    ON_GPU(result = NOT_SUPPORTED;);
}
