/* Follows the scenario file, finds who a call is about, and keeps what outlives a change. */
#include "driver.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Handles are no addresses: they say which generation, GPU and MIG device they are of. */
#define HANDLES 0x4e5800000000ull

struct stamp { struct timespec changed; ino_t inode; off_t size; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct scenario *current;
static struct counters counters[GPUS_MAX];
static struct stamp seen;
static char followed[4096]; /* the path of `current` */
static int users;
static unsigned generation = 1;

void *handle_of(int index, int mig)
{
    uint64_t number = HANDLES | (uint64_t)(generation & 0xffff) << 16 | (unsigned)index << 8 | (unsigned)(mig + 1);
    return (void *)(uintptr_t)number;
}

unsigned driver_generation(void) { return generation; }

static double clock_seconds(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double driver_now(void)
{
    return current && current->clock_fixed ? current->clock : clock_seconds(CLOCK_REALTIME);
}

struct counters *driver_counters(int index)
{
    if (!current || index < 0 || index >= current->gpu_count)
        return NULL;
    counters_settle(&counters[index], &current->gpus[index], driver_now());
    return &counters[index];
}

/* A process keeps the time at which it was first seen. */
static void keep_since(struct gpu *gpu, const struct gpu *old, double now)
{
    for (int i = 0; i < gpu->process_count; i++) {
        gpu->processes[i].since = now;
        for (int j = 0; j < old->process_count; j++)
            if (old->processes[j].pid == gpu->processes[i].pid)
                gpu->processes[i].since = old->processes[j].since;
    }
}

/* A GPU keeps its counters over a new scenario, wherever it now stands; not over a reload, and
 * another file is another driver. */
static void replace(struct scenario *next, const char *path)
{
    static struct counters kept[GPUS_MAX];
    struct scenario *old = strcmp(path, followed) == 0 ? current : NULL;
    double now = next->clock_fixed ? next->clock : driver_now();
    bool reloaded = old && old->reload != next->reload;
    for (int i = 0; old && i < old->gpu_count; i++)
        counters_settle(&counters[i], &old->gpus[i], now);
    for (int i = 0; i < next->gpu_count; i++) {
        counters_begin(&kept[i], &next->gpus[i], now);
        for (int j = 0; old && j < old->gpu_count; j++) {
            if (strcmp(next->gpus[i].uuid, old->gpus[j].uuid) != 0)
                continue;
            keep_since(&next->gpus[i], &old->gpus[j], now);
            if (!reloaded)
                kept[i] = counters[j];
            memcpy(kept[i].delivered, counters[j].delivered, sizeof kept[i].delivered);
        }
    }
    memcpy(counters, kept, sizeof counters);
    snprintf(followed, sizeof followed, "%s", path);
    free(current);
    current = next;
    if (reloaded) {
        generation++;
        users = 0;
    }
    pthread_cond_broadcast(&changed);
}

/* A scenario that cannot be read is reported once and the last good one stays in force. */
static bool follow(void)
{
    const char *path = getenv("NEUROX_NVML_SCENARIO");
    struct stamp now = {{0}, 0, -1}; /* of no file */
    struct stat file;
    if (!path || !*path)
        return false;
    if (stat(path, &file) == 0)
        now = (struct stamp){file.st_mtim, file.st_ino, file.st_size};
    if (now.changed.tv_sec == seen.changed.tv_sec && now.changed.tv_nsec == seen.changed.tv_nsec &&
        now.inode == seen.inode && now.size == seen.size)
        return true;
    seen = now;
    struct scenario *next = scenario_read(path);
    if (next)
        replace(next, path);
    else if (users)
        fprintf(stderr, "simulated NVML: the last good scenario stays in force\n");
    return next != NULL;
}

bool driver_is_missing(const char *call)
{
    for (int i = 0; i < current->missing_count; i++)
        if (strcmp(current->missing[i], call) == 0)
            return true;
    return false;
}

int driver_open(const char *call)
{
    const char *path = getenv("NEUROX_NVML_SCENARIO");
    pthread_mutex_lock(&lock);
    if (users == 0) { /* each start reads the file anew */
        if (!path || !*path)
            fprintf(stderr, "simulated NVML: NEUROX_NVML_SCENARIO is not set; give it a scenario file\n");
        seen = (struct stamp){0};
    }
    bool good = follow();
    if (!current || (users == 0 && !good))
        return leave(DRIVER_NOT_LOADED);
    users++; /* for enter() to look for faults */
    pthread_mutex_unlock(&lock);
    struct device none;
    int result = enter(call, &none);
    users -= result != SUCCESS && users > 0;
    if (result == SUCCESS)
        trace(call, users);
    return leave(result);
}

int driver_close(const char *call)
{
    struct device none;
    int result = enter(call, &none);
    users -= result == SUCCESS && users > 0;
    if (result == SUCCESS)
        trace(call, users);
    return leave(result);
}

void driver_wait(double seconds)
{
    double end = clock_seconds(CLOCK_REALTIME) + seconds;
    struct timespec until = {(time_t)end, (long)(fmod(end, 1) * 1e9)};
    pthread_cond_timedwait(&changed, &lock, &until);
}

void driver_wake(void) { pthread_cond_broadcast(&changed); }

/* Sleeps without the lock, so that a stuck call holds up its caller alone. */
static void be_late(double seconds)
{
    struct timespec rest = {(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)};
    pthread_mutex_unlock(&lock);
    nanosleep(&rest, NULL);
    pthread_mutex_lock(&lock);
}

static int faulty(const struct faults *faults, const char *call, double *delay)
{
    int code = SUCCESS;
    for (int i = 0; i < faults->count; i++)
        if (strcmp(faults->of[i].call, call) == 0) {
            code = code ? code : faults->of[i].code;
            *delay += faults->of[i].delay_seconds;
        }
    return code;
}

static int find(const void *handle, struct device *device)
{
    uint64_t number = (uintptr_t)handle;
    int index = (int)(number >> 8 & 0xff), mig = (int)(number & 0xff) - 1;
    if (number != (uintptr_t)handle_of(index, mig) || index >= GPUS_MAX || mig >= MIGS_MAX)
        return INVALID_ARGUMENT;
    if (index >= current->gpu_count)
        return GPU_IS_LOST;
    device->index = index;
    device->gpu = &current->gpus[index];
    device->mig = mig >= 0 ? &device->gpu->migs[mig] : NULL;
    return mig >= device->gpu->mig_count ? INVALID_ARGUMENT : SUCCESS;
}

/* Who a call is about and what it answers, as things stand. */
static int look(const void *const *handle, const char *call, struct device *device, double *delay)
{
    memset(device, 0, sizeof *device);
    if (users)
        follow();
    if (!users)
        return UNINITIALIZED;
    device->scenario = current;
    if (driver_is_missing(call))
        return FUNCTION_NOT_FOUND;
    int code = faulty(&current->faults, call, delay);
    if (!handle)
        return code;
    int found = find(*handle, device);
    if (found != SUCCESS)
        return found;
    device->counters = driver_counters(device->index);
    int own = faulty(&device->gpu->faults, call, delay);
    return device->gpu->lost ? device->gpu->lost : code ? code : own;
}

static int arrive(const void *const *handle, const char *call, struct device *device)
{
    double delay = 0, again = 0;
    pthread_mutex_lock(&lock);
    int result = look(handle, call, device, &delay);
    if (delay <= 0)
        return result;
    be_late(delay);
    return look(handle, call, device, &again);
}

int enter(const char *call, struct device *device) { return arrive(NULL, call, device); }

int enter_device(const void *handle, const char *call, struct device *device)
{
    return arrive(&handle, call, device);
}

int enter_gpu(const void *handle, const char *call, struct device *device)
{
    int result = enter_device(handle, call, device);
    return result == SUCCESS && device->mig ? NOT_SUPPORTED : result;
}

/* The time that a real driver takes, spent outside the lock and awake. */
int leave(int result)
{
    double end = current && current->latency > 0 ? clock_seconds(CLOCK_MONOTONIC) + current->latency : 0;
    pthread_mutex_unlock(&lock);
    while (end > 0 && clock_seconds(CLOCK_MONOTONIC) < end)
        ;
    return result == NOTHING ? SUCCESS : result;
}
