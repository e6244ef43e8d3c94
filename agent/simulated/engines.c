/* Video engines and fans. */
#include "put.h"

static int put_engine(const struct gpu *gpu, enum engine engine, unsigned *percent, unsigned *period)
{
    *period = 1000000 / SAMPLES_PER_SECOND; /* microseconds */
    return put_wave(percent, &gpu->engines[engine], 100);
}

EXPORT int nvmlDeviceGetEncoderUtilization(void *device, unsigned *percent, unsigned *period)
{
    ON_GPU(result = put_engine(gpu, ENCODER, percent, period););
}

EXPORT int nvmlDeviceGetDecoderUtilization(void *device, unsigned *percent, unsigned *period)
{
    ON_GPU(result = put_engine(gpu, DECODER, percent, period););
}

EXPORT int nvmlDeviceGetJpgUtilization(void *device, unsigned *percent, unsigned *period)
{
    ON_GPU(result = put_engine(gpu, JPEG, percent, period););
}

EXPORT int nvmlDeviceGetOfaUtilization(void *device, unsigned *percent, unsigned *period)
{
    ON_GPU(result = put_engine(gpu, OFA, percent, period););
}

EXPORT int nvmlDeviceGetEncoderStats(void *device, unsigned *sessions, unsigned *fps, unsigned *latency)
{
    ON_GPU(
        *fps = 0;
        *latency = 0;
        result = put_wave(sessions, &gpu->encoder_sessions, 1);
    );
}

EXPORT int nvmlDeviceGetFanSpeed(void *device, unsigned *percent)
{
    ON_GPU(result = put_wave(percent, &gpu->fan_speed, 100););
}

/* A GPU with a fan has one. */
EXPORT int nvmlDeviceGetFanSpeed_v2(void *device, unsigned fan, unsigned *percent)
{
    ON_GPU(
        result = put_wave(percent, &gpu->fan_speed, 100);
        if (result == SUCCESS && fan > 0)
            result = INVALID_ARGUMENT;
    );
}

EXPORT int nvmlDeviceGetNumFans(void *device, unsigned *count)
{
    ON_GPU(*count = gpu->fan_speed.given;);
}
