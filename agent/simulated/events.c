/* Events: XIDs of the scenario, each delivered once to whoever waits. */
#include <string.h>
#include <time.h>

#include "driver.h"

#define SETS_MAX 16
#define XID 8ull /* the bit of nvmlEventTypeXidCriticalError */
#define KNOWN_TYPES 0xffffull
#define LOOK_SECONDS 0.1

static struct event_set {
    unsigned generation; /* 0 is free */
    unsigned long long types[GPUS_MAX];
} sets[SETS_MAX];

int event_sets_held(void)
{
    int held = 0;
    for (int i = 0; i < SETS_MAX; i++)
        held += sets[i].generation == driver_generation();
    return held;
}

static struct event_set *valid(void *handle)
{
    for (int i = 0; i < SETS_MAX; i++)
        if (handle == &sets[i] && sets[i].generation == driver_generation())
            return &sets[i];
    return NULL;
}

EXPORT int nvmlEventSetCreate(void **set)
{
    struct device on;
    int result = enter(__func__, &on);
    for (int i = 0; i < SETS_MAX && result == SUCCESS; i++)
        if (sets[i].generation != driver_generation()) {
            sets[i] = (struct event_set){.generation = driver_generation()};
            *set = &sets[i];
            return leave(SUCCESS);
        }
    return leave(result ? result : INSUFFICIENT_RESOURCES);
}

EXPORT int nvmlEventSetFree(void *handle)
{
    struct device on;
    int result = enter(__func__, &on);
    struct event_set *set = valid(handle);
    if (result == SUCCESS && !set)
        result = INVALID_ARGUMENT;
    if (result == SUCCESS)
        set->generation = 0;
    driver_wake();
    return leave(result);
}

EXPORT int nvmlDeviceGetSupportedEventTypes(void *device, unsigned long long *types)
{
    ON_GPU(*types = XID;);
}

EXPORT int nvmlDeviceRegisterEvents(void *device, unsigned long long types, void *handle)
{
    ON_GPU(
        struct event_set *set = valid(handle);
        if (!set || (types & ~KNOWN_TYPES))
            return leave(INVALID_ARGUMENT);
        if (types & ~XID)
            return leave(NOT_SUPPORTED);
        set->types[on.index] |= types;
    );
}

static bool is_among(const struct xid *xids, int count, const struct xid *one)
{
    for (int i = 0; i < count; i++)
        if (xids[i].serial == one->serial && xids[i].code == one->code)
            return true;
    return false;
}

/* Room for it is that of one which the scenario no longer has: it holds no more than fit here. */
static void remember(struct counters *counters, const struct gpu *gpu, const struct xid *one)
{
    for (int i = 0; i < XIDS_MAX; i++)
        if (!is_among(gpu->xids, gpu->xid_count, &counters->delivered[i])) {
            counters->delivered[i] = *one;
            return;
        }
}

static bool take_xid(const struct event_set *set, const struct scenario *scenario, struct event_data *to)
{
    for (int i = 0; i < scenario->gpu_count; i++) {
        const struct gpu *gpu = &scenario->gpus[i];
        struct counters *counters = driver_counters(i);
        for (int j = 0; j < gpu->xid_count && (set->types[i] & XID); j++) {
            const struct xid *xid = &gpu->xids[j];
            if (is_among(counters->delivered, XIDS_MAX, xid))
                continue;
            remember(counters, gpu, xid);
            *to = (struct event_data){handle_of(i, -1), XID, xid->code, xid->gi, NO_INSTANCE};
            return true;
        }
    }
    return false;
}

static double monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Looks again on every change of the scenario, whoever notices it, and often by itself. */
EXPORT int nvmlEventSetWait_v2(void *handle, struct event_data *data, unsigned milliseconds)
{
    double end = monotonic() + milliseconds / 1e3;
    struct device on;
    for (;;) {
        int result = enter(__func__, &on);
        struct event_set *set = valid(handle);
        if (result != SUCCESS || !set)
            return leave(result ? result : INVALID_ARGUMENT);
        if (take_xid(set, on.scenario, data))
            return leave(SUCCESS);
        double left = end - monotonic();
        if (left <= 0)
            return leave(TIMEOUT);
        driver_wait(left < LOOK_SECONDS ? left : LOOK_SECONDS);
        leave(SUCCESS);
    }
}
