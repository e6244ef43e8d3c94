/* What a GPU has counted so far; it outlives a change of the scenario. */
#ifndef NEUROX_COUNTERS_H
#define NEUROX_COUNTERS_H

#include "scenario.h"

#define SAMPLES_PER_SECOND 6
#define SAMPLES_KEPT 120

struct counters {
    char uuid[80];
    double at; /* up to when everything below is counted */
    double totals[RATES];              /* integrals of the rates, by seconds */
    double throttled[REASONS];         /* seconds */
    double loads[INSTANCES_MAX];       /* integrals of how busy each GPU instance was */
    struct xid delivered[XIDS_MAX];    /* to this process, by whichever set of events */
    double area, carry;                /* of the utilization sample under way; not yet told of the others */
    long long ticks;                   /* the last finished sample, in samples since the epoch */
    unsigned char samples[SAMPLES_KEPT]; /* utilization in percent, by ticks modulo their number */
};

void counters_begin(struct counters *counters, const struct gpu *gpu, double now);

/* Counts up to now what the GPU has done since. */
void counters_settle(struct counters *counters, const struct gpu *gpu, double now);

#endif
