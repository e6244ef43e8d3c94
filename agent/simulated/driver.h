/* The driver's state: the scenario in force, the clock, the counters; one lock over all. */
#ifndef NEUROX_DRIVER_H
#define NEUROX_DRIVER_H

#include <stddef.h>

#include "counters.h"
#include "nvml.h"
#include "scenario.h"

/* What a call is about. `mig` is NULL for a whole GPU; a call on no device has no `gpu`. */
struct device {
    const struct scenario *scenario;
    const struct gpu *gpu;
    const struct mig *mig;
    struct counters *counters;
    int index;
};

/* Start and stop; counted, as NVML does. */
int driver_open(const char *call);
int driver_close(const char *call);

/* Tells of a start or stop, and of what is held then, in the file of NEUROX_NVML_TRACE. */
void trace(const char *call, int users);
int gpm_samples_held(void);
int event_sets_held(void);

/* Takes the lock, follows the file, and answers the faults of a call; always pair with leave(). */
int enter(const char *call, struct device *device);

/* The same for a call on a GPU or a MIG device, which may be lost or have faults of its own. */
int enter_device(const void *handle, const char *call, struct device *device);

/* The same where MIG devices are not supported. */
int enter_gpu(const void *handle, const char *call, struct device *device);
int leave(int result);

/* Epoch seconds, or the scenario's fixed clock. Needs the lock. */
double driver_now(void);

/* The counters of a GPU, up to now; NULL without one. Needs the lock. */
struct counters *driver_counters(int index);

/* A number that is new after every reload: what was made before it is no longer valid. */
unsigned driver_generation(void);

/* Whether the scenario leaves out a function, or a field by its number. */
bool driver_is_missing(const char *name);

/* Gives the lock away until the scenario changes, or for so many seconds. */
void driver_wait(double seconds);
void driver_wake(void);

/* The handle of a GPU, or of its MIG device by index; -1 is the whole GPU. */
void *handle_of(int index, int mig);

#define EXPORT __attribute__((visibility("default")))

/* A call on one GPU: the body runs when the GPU answers, and sets `result` or fills its outputs. */
#define ON(enter_it, ...)                                   \
    struct device on;                                       \
    int result = enter_it(device, __func__, &on);           \
    if (result == SUCCESS) {                                \
        const struct gpu *gpu = on.gpu;                     \
        (void)gpu;                                          \
        __VA_ARGS__                                         \
    }                                                       \
    return leave(result)
#define ON_GPU(...) ON(enter_gpu, __VA_ARGS__)
#define ON_DEVICE(...) ON(enter_device, __VA_ARGS__)

#endif
