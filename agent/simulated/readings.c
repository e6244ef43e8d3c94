/* What a GPU does: use, memory, temperatures, power, clocks. */
#include <limits.h>
#include <string.h>

#include "mig.h"
#include "put.h"

EXPORT int nvmlDeviceGetUtilizationRates(void *device, struct utilization *rates)
{
    ON_GPU(
        result = in_mig_mode(gpu) ? NOT_SUPPORTED : put_wave(&rates->gpu, &gpu->rates[UTILIZATION], 100);
        if (put_wave(&rates->memory, &gpu->memory_utilization, 100) != SUCCESS)
            rates->memory = 0;
    );
}

/* Without a memory wave, what the processes hold. */
static unsigned long long used_bytes(const struct gpu *gpu)
{
    unsigned long long used = 0, most = gpu->memory_bytes - gpu->reserved_bytes;
    if (gpu->memory_used_bytes.given)
        used = whole(wave_at(&gpu->memory_used_bytes, driver_now()), most);
    else
        for (int i = 0; i < gpu->process_count; i++)
            used += gpu->processes[i].memory_bytes;
    return used < most ? used : most;
}

static void put_memory(struct memory_v2 *memory, const struct device *on)
{
    memory->total = on->mig ? mig_part(on, on->gpu->memory_bytes) : on->gpu->memory_bytes;
    memory->used = on->mig ? mig_used(on) : used_bytes(on->gpu);
    memory->reserved = on->mig ? 0 : on->gpu->reserved_bytes;
    memory->free = memory->total - memory->used - memory->reserved;
}

EXPORT int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory)
{
    ON_DEVICE(
        struct memory_v2 v2;
        put_memory(&v2, &on);
        memory->total = v2.total;
        memory->free = v2.free;
        memory->used = v2.used + v2.reserved; /* as drivers do since R510 */
    );
}

EXPORT int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory_v2 *memory)
{
    ON_DEVICE(
        if (memory->version != VERSION(struct memory_v2, 2))
            return leave(VERSION_MISMATCH);
        put_memory(memory, &on);
    );
}

EXPORT int nvmlDeviceGetBAR1MemoryInfo(void *device, struct bar1_memory *memory)
{
    ON_DEVICE(
        unsigned long long used = 0;
        put_long(&used, &gpu->bar1_used_bytes, 1);
        memory->total = on.mig ? mig_part(&on, gpu->bar1_bytes) : gpu->bar1_bytes;
        memory->used = used < memory->total ? used : memory->total;
        memory->free = memory->total - memory->used;
        result = memory->total ? SUCCESS : NOT_SUPPORTED;
    );
}

EXPORT int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *celsius)
{
    ON_GPU(result = sensor ? INVALID_ARGUMENT : put_wave(celsius, &gpu->temperature_celsius, 1););
}

EXPORT int nvmlDeviceGetTemperatureV(void *device, struct temperature_v1 *reading)
{
    ON_GPU(
        unsigned celsius = 0;
        if (reading->version != VERSION(struct temperature_v1, 1))
            return leave(VERSION_MISMATCH);
        result = reading->sensor ? INVALID_ARGUMENT : put_wave(&celsius, &gpu->temperature_celsius, 1);
        reading->temperature = (int)celsius;
    );
}

EXPORT int nvmlDeviceGetTemperatureThreshold(void *device, unsigned threshold, unsigned *celsius)
{
    ON_GPU(
        if (threshold > 7)
            return leave(INVALID_ARGUMENT);
        result = threshold < LIMITS ? put_wave(celsius, &gpu->limits[threshold], 1) : NOT_SUPPORTED;
    );
}

EXPORT int nvmlDeviceGetMarginTemperature(void *device, struct margin_temperature_v1 *reading)
{
    ON_GPU(
        unsigned celsius = 0;
        if (reading->version != VERSION(struct margin_temperature_v1, 1))
            return leave(VERSION_MISMATCH);
        result = put_wave(&celsius, &gpu->temperature_margin_celsius, 1);
        reading->margin = (int)celsius;
    );
}

EXPORT int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts)
{
    ON_GPU(result = put_wave(milliwatts, &gpu->rates[POWER], 1000););
}

EXPORT int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *milliwatts)
{
    ON_GPU(result = put_wave(milliwatts, &gpu->power_limit_watts, 1000););
}

EXPORT int nvmlDeviceGetPowerManagementLimit(void *device, unsigned *milliwatts)
{
    ON_GPU(result = put_wave(milliwatts, &gpu->power_limit_watts, 1000););
}

EXPORT int nvmlDeviceGetPowerManagementDefaultLimit(void *device, unsigned *milliwatts)
{
    ON_GPU(result = put_wave(milliwatts, &gpu->power_limit_default_watts, 1000););
}

EXPORT int nvmlDeviceGetPowerManagementLimitConstraints(void *device, unsigned *least, unsigned *most)
{
    ON_GPU(
        result = put_wave(least, &gpu->power_limit_min_watts, 1000);
        if (result == SUCCESS)
            result = put_wave(most, &gpu->power_limit_max_watts, 1000);
    );
}

EXPORT int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules)
{
    ON_GPU(
        *millijoules = whole(on.counters->totals[POWER] * 1000, ULLONG_MAX);
        result = gpu->rates[POWER].given ? SUCCESS : NOT_SUPPORTED;
    );
}

EXPORT int nvmlDeviceGetPerformanceState(void *device, unsigned *state)
{
    ON_GPU(result = put_wave(state, &gpu->performance_state, 1););
}

/* The multiprocessors' clock is the graphics clock too. */
static int put_clock(unsigned domain, unsigned *mhz, const struct wave *clocks)
{
    static const enum clock CLOCK[] = {SM_CLOCK, SM_CLOCK, MEMORY_CLOCK, VIDEO_CLOCK};
    return domain > 3 ? INVALID_ARGUMENT : put_wave(mhz, &clocks[CLOCK[domain]], 1e-6);
}

EXPORT int nvmlDeviceGetClockInfo(void *device, unsigned domain, unsigned *mhz)
{
    ON_GPU(result = put_clock(domain, mhz, gpu->clocks););
}

EXPORT int nvmlDeviceGetMaxClockInfo(void *device, unsigned domain, unsigned *mhz)
{
    ON_GPU(result = put_clock(domain, mhz, gpu->clocks_max););
}

/* A GPU at rest says so; the other reasons stand in the scenario. */
static int put_reasons(const struct gpu *gpu, unsigned long long *reasons)
{
    const struct wave *utilization = &gpu->rates[UTILIZATION];
    *reasons = 0;
    for (int i = 0; i < REASONS; i++)
        *reasons |= (unsigned long long)gpu->reasons[i] << i;
    if (utilization->given && wave_at(utilization, driver_now()) <= 0)
        *reasons |= 1u << IDLE;
    return gpu->clock_events ? SUCCESS : NOT_SUPPORTED;
}

EXPORT int nvmlDeviceGetCurrentClocksEventReasons(void *device, unsigned long long *reasons)
{
    ON_GPU(result = put_reasons(gpu, reasons););
}

EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons)
{
    ON_GPU(result = put_reasons(gpu, reasons););
}
