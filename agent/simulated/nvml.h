/* The part of NVIDIA's NVML interface that is simulated: codes and layouts as the driver has them. */
#ifndef NEUROX_NVML_H
#define NEUROX_NVML_H

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    GPU_IS_LOST = 15,
    VERSION_MISMATCH = 25,
};

/* A versioned struct carries its size and its version in the first word. */
#define VERSION(type, number) ((unsigned)(sizeof(type) | ((unsigned)(number) << 24)))

struct utilization { unsigned gpu, memory; };
struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };
struct temperature_v1 { unsigned version, sensor; int temperature; };

struct pci {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

struct field_value {
    unsigned id, scope;
    long long timestamp, latency;
    unsigned type;
    int result;
    union { double d; unsigned ui; unsigned long long ull; } value;
};

struct process_info_v2 {
    unsigned pid;
    unsigned long long used_memory;
    unsigned gpu_instance, compute_instance;
};

struct process_sample {
    unsigned pid;
    unsigned long long timestamp;
    unsigned sm, memory, encoder, decoder;
};

struct process_sample_v1 {
    unsigned long long timestamp;
    unsigned pid, sm, memory, encoder, decoder, jpeg, ofa;
};

struct process_samples_v1 {
    unsigned version, count;
    unsigned long long last_seen;
    struct process_sample_v1 *samples;
};

#endif
