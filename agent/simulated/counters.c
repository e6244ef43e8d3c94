/* Counters grow by the integrals of the waves, so that they are right whenever they are read. */
#include "counters.h"

#include <math.h>
#include <string.h>

/* Rounding is carried over, so that samples have the wave's mean. */
static void finish_sample(struct counters *counters)
{
    double percent = counters->area * SAMPLES_PER_SECOND * 100 + counters->carry;
    double whole = fmin(100, fmax(0, round(percent)));
    counters->carry = percent - whole;
    counters->area = 0;
    counters->samples[++counters->ticks % SAMPLES_KEPT] = (unsigned char)whole;
}

static void sample(struct counters *counters, const struct wave *utilization, double from, double to)
{
    long long last = (long long)floor(to * SAMPLES_PER_SECOND);
    if (last - counters->ticks > SAMPLES_KEPT) { /* older ones are forgotten anyway */
        counters->ticks = last - SAMPLES_KEPT;
        counters->area = 0;
        from = (double)counters->ticks / SAMPLES_PER_SECOND;
    }
    while (counters->ticks < last) {
        double end = (double)(counters->ticks + 1) / SAMPLES_PER_SECOND;
        counters->area += wave_integral(utilization, from, end);
        finish_sample(counters);
        from = end;
    }
    counters->area += wave_integral(utilization, from, to);
}

/* The samples of the time before, as they are kept, at the times that the clock tells. */
static void sample_anew(struct counters *counters, const struct gpu *gpu, double now)
{
    double from = fmax(0, now - (double)SAMPLES_KEPT / SAMPLES_PER_SECOND);
    counters->at = now;
    counters->area = 0;
    counters->ticks = (long long)floor(from * SAMPLES_PER_SECOND);
    sample(counters, &gpu->rates[UTILIZATION], from, now);
}

void counters_begin(struct counters *counters, const struct gpu *gpu, double now)
{
    memset(counters, 0, sizeof *counters);
    strcpy(counters->uuid, gpu->uuid);
    counters->totals[POWER] = gpu->energy_joules;
    sample_anew(counters, gpu, now);
}

void counters_settle(struct counters *counters, const struct gpu *gpu, double now)
{
    double from = counters->at, passed = now - from;
    if (passed < 0)
        sample_anew(counters, gpu, now); /* the clock was set back */
    if (passed <= 0)
        return;
    counters->at = now;
    if (gpu->lost)
        return;
    for (int i = 0; i < RATES; i++)
        if (gpu->rates[i].given)
            counters->totals[i] += wave_integral(&gpu->rates[i], from, now);
    for (int i = 0; i < REASONS; i++)
        if (gpu->reasons[i])
            counters->throttled[i] += passed;
    for (int i = 0; i < gpu->mig_count; i++) {
        unsigned gi = gpu->migs[i].gi;
        if (is_first_of_instance(gpu, i))
            counters->loads[gi] += passed * instance_load(gpu, gi);
    }
    sample(counters, &gpu->rates[UTILIZATION], from, now);
}
