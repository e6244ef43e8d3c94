/* Samples that the driver takes by itself, six a second: utilization, and who made it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mig.h"
#include "processes.h"

#define GPU_UTILIZATION_SAMPLES 1
#define SAMPLING_TYPES 10

static unsigned long long time_of(long long tick)
{
    return (unsigned long long)((double)tick / SAMPLES_PER_SECOND * 1e6);
}

/* The first sample kept that is newer. */
static long long first_after(const struct counters *counters, unsigned long long last_seen)
{
    long long tick = counters->ticks < SAMPLES_KEPT ? 1 : counters->ticks - SAMPLES_KEPT + 1;
    while (tick <= counters->ticks && time_of(tick) <= last_seen)
        tick++;
    return tick;
}

static int put_samples(const struct counters *counters, unsigned long long last_seen, unsigned *count,
                       struct sample *to)
{
    unsigned room = *count, made = 0;
    long long tick = first_after(counters, last_seen);
    if (!to) { /* asks how large a buffer it takes */
        *count = SAMPLES_KEPT;
        return SUCCESS;
    }
    for (; tick <= counters->ticks && made < room; tick++)
        to[made++] = (struct sample){time_of(tick), {.ui = counters->samples[tick % SAMPLES_KEPT]}};
    *count = made;
    return made ? SUCCESS : NOT_FOUND;
}

EXPORT int nvmlDeviceGetSamples(void *device, unsigned type, unsigned long long last_seen,
                                unsigned *value_type, unsigned *count, struct sample *to)
{
    ON_GPU(
        if (type >= SAMPLING_TYPES)
            return leave(INVALID_ARGUMENT);
        if (type != GPU_UTILIZATION_SAMPLES || !gpu->rates[UTILIZATION].given || in_mig_mode(gpu))
            return leave(NOT_SUPPORTED);
        *value_type = UNSIGNED;
        result = put_samples(on.counters, last_seen, count, to);
    );
}

/* A process's sample: its share in percent, rounded so that the mean over samples is the share. */
static unsigned percent_at(double share, long long tick)
{
    double percent = share * 100;
    return (unsigned)(floor(percent * (double)(tick % 3600 + 1)) - floor(percent * (double)(tick % 3600)));
}

/* What the samples say of a process: all that its clients do, where an MPS server works for them. */
static double sampled_share(const struct gpu *gpu, const struct process *process)
{
    bool served = false;
    double clients = 0;
    for (int i = 0; i < gpu->process_count; i++) {
        served = served || gpu->processes[i].kind == MPS_SERVER;
        clients += gpu->processes[i].kind == MPS ? gpu->processes[i].sm : 0;
    }
    if (process->kind == MPS && served)
        return 0;
    return process->sm + (process->kind == MPS_SERVER ? clients : 0);
}

/* Samples of busy processes, one process after the other, as many as there is room for; how many
 * there are. */
static unsigned process_samples(const struct device *on, unsigned long long last_seen, unsigned room,
                                struct process_sample_v1 *to)
{
    unsigned made = 0;
    long long first = first_after(on->counters, last_seen);
    for (int i = 0; i < on->gpu->process_count; i++) {
        const struct process *process = &on->gpu->processes[i];
        double since = process->since <= on->counters->at ? process->since : 0; /* the clock was set back */
        long long began = (long long)floor(since * SAMPLES_PER_SECOND) + 1;
        double share = sampled_share(on->gpu, process);
        if (share <= 0 || !process_listed(on, process, process->kind))
            continue;
        for (long long tick = first > began ? first : began; tick <= on->counters->ticks; tick++, made++)
            if (made < room)
                to[made] = (struct process_sample_v1){.timestamp = time_of(tick), .pid = process->pid,
                                                      .sm = percent_at(share, tick)};
    }
    return made;
}

/* The two calls agree: the count asked for, or the samples; none is NOT_FOUND, as in a driver. */
static int put_process_samples(const struct device *on, unsigned long long last_seen, unsigned *count,
                               struct process_sample_v1 *to)
{
    unsigned room = to ? *count : 0;
    if (in_mig_mode(on->gpu))
        return NOT_SUPPORTED;
    *count = process_samples(on, last_seen, room, to);
    return !*count ? NOT_FOUND : *count > room ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlDeviceGetProcessesUtilizationInfo(void *device, struct process_samples_v1 *info)
{
    ON_GPU(
        if (info->version != VERSION(struct process_samples_v1, 1))
            return leave(VERSION_MISMATCH);
        result = put_process_samples(&on, info->last_seen, &info->count, info->samples);
    );
}

EXPORT int nvmlDeviceGetProcessUtilization(void *device, struct process_sample *to, unsigned *count,
                                           unsigned long long last_seen)
{
    ON_GPU(
        unsigned most = PROCESSES_MAX * SAMPLES_KEPT;
        *count = *count < most ? *count : most;
        struct process_sample_v1 *samples = to ? calloc(*count + 1, sizeof *samples) : NULL;
        result = put_process_samples(&on, last_seen, count, samples);
        for (unsigned i = 0; samples && i < *count && result == SUCCESS; i++)
            to[i] = (struct process_sample){samples[i].pid, samples[i].timestamp, samples[i].sm, 0, 0, 0};
        free(samples);
    );
}
