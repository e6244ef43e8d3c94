/* Memory errors and what was done about them. */
#include <stddef.h>
#include <string.h>

#include "put.h"

enum { DRAM = 2, SRAM = 7 };

EXPORT int nvmlDeviceGetEccMode(void *device, unsigned *mode, unsigned *pending)
{
    ON_GPU(
        result = put_wave(mode, &gpu->ecc_enabled, 1);
        if (result == SUCCESS)
            *pending = *mode;
    );
}

static int put_ecc(const struct gpu *gpu, unsigned severity, unsigned lifetime, unsigned long long *count)
{
    if (severity >= SEVERITIES || lifetime >= LIFETIMES)
        return INVALID_ARGUMENT;
    return put_long(count, &gpu->ecc[severity][lifetime], 1);
}

EXPORT int nvmlDeviceGetTotalEccErrors(void *device, unsigned severity, unsigned lifetime,
                                       unsigned long long *count)
{
    ON_GPU(result = put_ecc(gpu, severity, lifetime, count););
}

/* Of what there is in all, what is in the SRAM is not in the device memory. */
static int put_ecc_at(const struct gpu *gpu, unsigned severity, unsigned lifetime, unsigned location,
                      unsigned long long *count)
{
    unsigned long long sram = 0;
    int result = put_ecc(gpu, severity, lifetime, count);
    if (result == SUCCESS)
        put_long(&sram, &gpu->ecc_sram[severity][lifetime], 1);
    *count -= sram < *count ? sram : *count;
    if (result == SUCCESS && location == SRAM)
        result = put_long(count, &gpu->ecc_sram[severity][lifetime], 1);
    return result;
}

EXPORT int nvmlDeviceGetMemoryErrorCounter(void *device, unsigned severity, unsigned lifetime,
                                           unsigned location, unsigned long long *count)
{
    ON_GPU(
        if (location > 7)
            return leave(INVALID_ARGUMENT);
        result = location == DRAM || location == SRAM ? put_ecc_at(gpu, severity, lifetime, location, count)
                                                      : NOT_SUPPORTED;
    );
}

EXPORT int nvmlDeviceGetSramEccErrorStatus(void *device, struct sram_errors *errors)
{
    ON_GPU(
        const struct wave(*counts)[LIFETIMES] = gpu->ecc_sram;
        if (!errors)
            return leave(INVALID_ARGUMENT);
        if (errors->version != VERSION(struct sram_errors, 1))
            return leave(VERSION_MISMATCH);
        memset(&errors->aggregate_parity, 0, sizeof *errors - offsetof(struct sram_errors, aggregate_parity));
        result = put_long(&errors->volatile_corrected, &counts[CORRECTED][VOLATILE], 1);
        put_long(&errors->aggregate_corrected, &counts[CORRECTED][AGGREGATE], 1);
        put_long(&errors->volatile_secded, &counts[UNCORRECTED][VOLATILE], 1);
        put_long(&errors->aggregate_secded, &counts[UNCORRECTED][AGGREGATE], 1);
        errors->sm = errors->aggregate_secded;
    );
}

EXPORT int nvmlDeviceGetRemappedRows(void *device, unsigned *correctable, unsigned *uncorrectable,
                                     unsigned *pending, unsigned *failed)
{
    ON_GPU(
        unsigned *to[REMAPS] = {correctable, uncorrectable, pending, failed};
        for (int i = 0; i < REMAPS && result == SUCCESS; i++)
            result = put_wave(to[i], &gpu->remapped[i], 1);
    );
}

EXPORT int nvmlDeviceGetRowRemapperHistogram(void *device, struct row_remapper_histogram *banks)
{
    ON_GPU(
        unsigned *to[BANKS] = {&banks->max, &banks->high, &banks->partial, &banks->low, &banks->none};
        for (int i = 0; i < BANKS && result == SUCCESS; i++)
            result = put_wave(to[i], &gpu->banks[i], 1);
    );
}

EXPORT int nvmlDeviceGetRetiredPages(void *device, unsigned cause, unsigned *count,
                                     unsigned long long *addresses)
{
    ON_GPU(
        unsigned pages = 0, room = *count;
        result = cause > DOUBLE_BIT ? INVALID_ARGUMENT : put_wave(&pages, &gpu->retired[cause], 1);
        if (result == SUCCESS && (room < pages || (pages && !addresses)))
            result = INSUFFICIENT_SIZE;
        for (unsigned i = 0; i < pages && result == SUCCESS; i++)
            addresses[i] = 0x10000ull * (i + 1);
        *count = pages;
    );
}

EXPORT int nvmlDeviceGetRetiredPagesPendingStatus(void *device, unsigned *pending)
{
    ON_GPU(result = put_wave(pending, &gpu->retired[RETIRED_PENDING], 1););
}
