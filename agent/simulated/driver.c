/* Follows the scenario file and keeps what must survive its changes: energy and the handles. */
#include "driver.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct stamp { struct timespec changed; ino_t inode; off_t size; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct scenario *current;
static struct stamp seen;
static int users;
static char handles[GPUS_MAX];
static double settled_at[GPUS_MAX]; /* when a GPU's energy_joules was last brought up to date */

void *handle_of(int index) { return &handles[index]; }

int index_of(const void *handle)
{
    const char *slot = handle;
    return slot >= handles && slot < handles + GPUS_MAX ? (int)(slot - handles) : -1;
}

double driver_now(void)
{
    struct timespec now;
    if (current && current->clock_fixed)
        return current->clock;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void settle(int index, double now)
{
    struct gpu *gpu = &current->gpus[index];
    if (gpu->power_watts.given && !gpu->lost && now > settled_at[index])
        gpu->energy_joules += wave_integral(&gpu->power_watts, settled_at[index], now);
    settled_at[index] = now;
}

double driver_energy(const void *handle)
{
    int index = index_of(handle);
    settle(index, driver_now());
    return current->gpus[index].energy_joules;
}

/* A GPU keeps its energy over a new scenario, wherever it now stands. */
static void replace(struct scenario *next)
{
    struct scenario *old = current;
    double now = next->clock_fixed ? next->clock : driver_now();
    for (int i = 0; old && i < old->gpu_count; i++)
        settle(i, now);
    for (int i = 0; i < next->gpu_count; i++) {
        for (int j = 0; old && j < old->gpu_count; j++)
            if (strcmp(next->gpus[i].uuid, old->gpus[j].uuid) == 0)
                next->gpus[i].energy_joules = old->gpus[j].energy_joules;
        settled_at[i] = now;
    }
    current = next;
    free(old);
}

/* A scenario that cannot be read is reported once and the last good one stays in force. */
static void follow(void)
{
    const char *path = getenv("NEUROX_NVML_SCENARIO");
    struct stat file;
    if (!path || !*path || stat(path, &file) != 0)
        return;
    struct stamp now = {file.st_mtim, file.st_ino, file.st_size};
    if (now.changed.tv_sec == seen.changed.tv_sec && now.changed.tv_nsec == seen.changed.tv_nsec &&
        now.inode == seen.inode && now.size == seen.size)
        return;
    seen = now;
    struct scenario *next = scenario_read(path);
    if (next)
        replace(next);
    else if (current)
        fprintf(stderr, "simulated NVML: the last good scenario stays in force\n");
}

int driver_open(void)
{
    const char *path = getenv("NEUROX_NVML_SCENARIO");
    pthread_mutex_lock(&lock);
    if (users == 0 && (!path || !*path))
        fprintf(stderr, "simulated NVML: NEUROX_NVML_SCENARIO is not set; give it a scenario file\n");
    follow();
    users += current != NULL;
    return leave(current ? SUCCESS : DRIVER_NOT_LOADED);
}

int driver_close(void)
{
    pthread_mutex_lock(&lock);
    int result = users ? SUCCESS : UNINITIALIZED;
    users -= users > 0;
    if (!users) { /* the next start reads the file anew */
        free(current);
        current = NULL;
        seen = (struct stamp){0};
    }
    return leave(result);
}

int enter(const struct scenario **scenario)
{
    pthread_mutex_lock(&lock);
    if (!users)
        return UNINITIALIZED;
    follow();
    *scenario = current;
    return SUCCESS;
}

/* Sleeps without the lock, so that a stuck call holds up its caller alone. */
static void be_late(double seconds)
{
    struct timespec rest = {(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)};
    pthread_mutex_unlock(&lock);
    nanosleep(&rest, NULL);
    pthread_mutex_lock(&lock);
}

int enter_gpu(const void *handle, const char *call, const struct gpu **gpu)
{
    const struct scenario *scenario;
    int result = enter(&scenario), index = index_of(handle), code = SUCCESS;
    double delay = 0;
    if (result != SUCCESS)
        return result;
    if (index < 0)
        return INVALID_ARGUMENT;
    if (index >= scenario->gpu_count)
        return GPU_IS_LOST;
    *gpu = &scenario->gpus[index];
    for (int i = 0; i < (*gpu)->fault_count; i++)
        if (strcmp((*gpu)->faults[i].call, call) == 0) {
            code = code ? code : (*gpu)->faults[i].code;
            delay += (*gpu)->faults[i].delay_seconds;
        }
    if (delay > 0) {
        be_late(delay);
        if (!current || index >= current->gpu_count)
            return GPU_IS_LOST;
        *gpu = &current->gpus[index];
    }
    return (*gpu)->lost ? GPU_IS_LOST : code;
}

int leave(int result)
{
    pthread_mutex_unlock(&lock);
    return result;
}
