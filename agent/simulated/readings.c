/* What a GPU does. What the scenario does not give, a GPU does not support. */
#include "driver.h"

#include <math.h>

static int put_wave(unsigned *to, const struct wave *wave, double scale)
{
    if (!wave->given)
        return NOT_SUPPORTED;
    *to = (unsigned)lround(wave_at(wave, driver_now()) * scale);
    return SUCCESS;
}

static int put_number(unsigned *to, double value)
{
    *to = (unsigned)lround(value);
    return value > 0 ? SUCCESS : NOT_SUPPORTED;
}

/* Without a memory wave, what the processes hold. */
static unsigned long long used_bytes(const struct gpu *gpu)
{
    unsigned long long used = 0, most = gpu->memory_bytes - gpu->reserved_bytes;
    if (gpu->memory_used_bytes.given)
        used = (unsigned long long)wave_at(&gpu->memory_used_bytes, driver_now());
    else
        for (int i = 0; i < gpu->process_count; i++)
            used += gpu->processes[i].memory_bytes;
    return used < most ? used : most;
}

EXPORT int nvmlDeviceGetUtilizationRates(void *device, struct utilization *rates)
{
    ON_GPU(
        result = put_wave(&rates->gpu, &gpu->utilization, 100);
        if (put_wave(&rates->memory, &gpu->memory_utilization, 100) != SUCCESS)
            rates->memory = 0;
    );
}

EXPORT int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory)
{
    ON_GPU(
        memory->total = gpu->memory_bytes;
        memory->used = used_bytes(gpu) + gpu->reserved_bytes; /* as drivers do since R510 */
        memory->free = memory->total - memory->used;
    );
}

EXPORT int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory_v2 *memory)
{
    ON_GPU(
        if (memory->version != VERSION(struct memory_v2, 2))
            return leave(VERSION_MISMATCH);
        memory->total = gpu->memory_bytes;
        memory->reserved = gpu->reserved_bytes;
        memory->used = used_bytes(gpu);
        memory->free = memory->total - memory->reserved - memory->used;
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

EXPORT int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts)
{
    ON_GPU(result = put_wave(milliwatts, &gpu->power_watts, 1000););
}

EXPORT int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *milliwatts)
{
    ON_GPU(result = put_number(milliwatts, gpu->power_limit_watts * 1000););
}

EXPORT int nvmlDeviceGetPowerManagementLimit(void *device, unsigned *milliwatts)
{
    ON_GPU(result = put_number(milliwatts, gpu->power_limit_watts * 1000););
}

static int put_energy(const void *device, const struct gpu *gpu, unsigned long long *millijoules)
{
    if (!gpu->power_watts.given)
        return NOT_SUPPORTED;
    *millijoules = (unsigned long long)(driver_energy(device) * 1000);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules)
{
    ON_GPU(result = put_energy(device, gpu, millijoules););
}

static int put_clock(unsigned domain, unsigned *mhz, const struct wave *sm, const struct wave *memory)
{
    if (domain > 3)
        return INVALID_ARGUMENT;
    if (domain == 3)
        return NOT_SUPPORTED; /* video */
    return put_wave(mhz, domain == 2 ? memory : sm, 1e-6);
}

EXPORT int nvmlDeviceGetClockInfo(void *device, unsigned domain, unsigned *mhz)
{
    ON_GPU(result = put_clock(domain, mhz, &gpu->sm_clock_hertz, &gpu->memory_clock_hertz););
}

EXPORT int nvmlDeviceGetMaxClockInfo(void *device, unsigned domain, unsigned *mhz)
{
    ON_GPU(
        struct wave sm = {.given = gpu->sm_clock_max_hertz > 0, .middle = gpu->sm_clock_max_hertz};
        struct wave memory = {.given = gpu->memory_clock_max_hertz > 0, .middle = gpu->memory_clock_max_hertz};
        result = put_clock(domain, mhz, &sm, &memory);
    );
}

static int put_field(const void *device, const struct gpu *gpu, struct field_value *field)
{
    field->type = 1; /* unsigned int */
    switch (field->id) {
    case 82: return put_wave(&field->value.ui, &gpu->memory_temperature_celsius, 1);
    case 83:
        field->type = 3; /* unsigned long long */
        return put_energy(device, gpu, &field->value.ull);
    case 185:
    case 186: return put_wave(&field->value.ui, &gpu->power_watts, 1000);
    case 188:
    case 189:
    case 190: return put_number(&field->value.ui, gpu->power_limit_watts * 1000);
    }
    return field->id == 0 || field->id > 300 ? INVALID_ARGUMENT : NOT_SUPPORTED;
}

EXPORT int nvmlDeviceGetFieldValues(void *device, int count, struct field_value *fields)
{
    ON_GPU(
        if (count < 1 || !fields)
            return leave(INVALID_ARGUMENT);
        for (int i = 0; i < count; i++) {
            fields[i].timestamp = (long long)(driver_now() * 1e6);
            fields[i].latency = 0;
            fields[i].result = put_field(device, gpu, &fields[i]);
        }
    );
}
