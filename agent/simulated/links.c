/* PCIe, NVLink and the fabric behind it. */
#include <string.h>
#include <time.h>

#include "put.h"

EXPORT int nvmlDeviceGetCurrPcieLinkGeneration(void *device, unsigned *generation)
{
    ON_GPU(result = put_wave(generation, &gpu->pcie_generation, 1););
}

EXPORT int nvmlDeviceGetMaxPcieLinkGeneration(void *device, unsigned *generation)
{
    ON_GPU(result = put_wave(generation, &gpu->pcie_generation_max, 1););
}

EXPORT int nvmlDeviceGetCurrPcieLinkWidth(void *device, unsigned *width)
{
    ON_GPU(result = put_wave(width, &gpu->pcie_width, 1););
}

EXPORT int nvmlDeviceGetMaxPcieLinkWidth(void *device, unsigned *width)
{
    ON_GPU(result = put_wave(width, &gpu->pcie_width_max, 1););
}

EXPORT int nvmlDeviceGetPcieReplayCounter(void *device, unsigned *count)
{
    ON_GPU(result = put_wave(count, &gpu->pcie_replays, 1););
}

static int put_throughput(void *device, const char *call, unsigned direction, unsigned *kilobytes)
{
    struct device on;
    int result = enter_gpu(device, call, &on);
    if (result == SUCCESS && direction > 1)
        result = INVALID_ARGUMENT;
    if (result == SUCCESS)
        result = put_wave(kilobytes, &on.gpu->rates[direction ? PCIE_RX : PCIE_TX], 1e-3);
    return leave(result);
}

/* It measures for 20 ms, as the real one does. */
EXPORT int nvmlDeviceGetPcieThroughput(void *device, unsigned direction, unsigned *kilobytes)
{
    int result = put_throughput(device, __func__, direction, kilobytes);
    struct timespec rest = {0, 20000000};
    if (result == SUCCESS)
        nanosleep(&rest, NULL);
    return result;
}

EXPORT int nvmlDeviceGetNvLinkState(void *device, unsigned link, unsigned *up)
{
    ON_GPU(
        if (!gpu->nvlinks.given)
            return leave(NOT_SUPPORTED);
        if (link >= (unsigned)gpu->nvlinks.middle)
            return leave(INVALID_ARGUMENT);
        *up = !gpu->link_down[link];
    );
}

/* Health in a mask: one bit pair says that the bandwidth is not degraded. */
static int put_fabric(const struct gpu *gpu, struct fabric_info_v3 *to)
{
    unsigned health = 0;
    memset(to->cluster, 0, sizeof to->cluster);
    to->status = SUCCESS;
    to->clique = 0;
    put_wave(&health, &gpu->fabric_health, 1);
    to->health_summary = (unsigned char)health;
    to->health_mask = health == 1 ? 2 : 1;
    return put_wave(&to->state, &gpu->fabric_state, 1);
}

EXPORT int nvmlDeviceGetGpuFabricInfoV(void *device, struct fabric_info_v3 *info)
{
    ON_GPU(
        struct fabric_info_v3 filled = {.version = info->version};
        result = put_fabric(gpu, &filled);
        if (info->version == VERSION(struct fabric_info_v3, 3))
            *info = filled;
        else if (info->version == VERSION(struct fabric_info_v2, 2))
            memcpy(info, &filled, sizeof(struct fabric_info_v2));
        else
            result = VERSION_MISMATCH;
    );
}
