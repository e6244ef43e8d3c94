/* The driver's state: the scenario in force, the clock, the energy counters; one lock over all. */
#ifndef NEUROX_DRIVER_H
#define NEUROX_DRIVER_H

#include <stddef.h>

#include "nvml.h"
#include "scenario.h"

/* Start and stop; counted, as NVML does. */
int driver_open(void);
int driver_close(void);

/* Takes the lock, follows the file, and sets `scenario`; always pair with leave(). */
int enter(const struct scenario **scenario);

/* The same for a call on one GPU: its faults and loss are answered here. */
int enter_gpu(const void *handle, const char *call, const struct gpu **gpu);
int leave(int result);

/* Epoch seconds, or the scenario's fixed clock. Needs the lock. */
double driver_now(void);

/* Joules since the driver started, for the GPU of this handle. Needs the lock. */
double driver_energy(const void *handle);

/* Where a handle points, and back; -1 is no handle of ours. */
void *handle_of(int index);
int index_of(const void *handle);

#define EXPORT __attribute__((visibility("default")))

/* A call on one GPU: the body runs when the GPU answers, and sets `result` or fills its outputs. */
#define ON_GPU(...)                                         \
    const struct gpu *gpu = NULL;                           \
    int result = enter_gpu(device, __func__, &gpu);         \
    if (result == SUCCESS) {                                \
        __VA_ARGS__                                         \
    }                                                       \
    return leave(result)

#endif
