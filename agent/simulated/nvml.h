/* The part of NVIDIA's NVML interface that is simulated: codes and layouts as the driver has them. */
#ifndef NEUROX_NVML_H
#define NEUROX_NVML_H

enum {
    NOTHING = -1, /* of ours: success, but the call fills in nothing */
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    TIMEOUT = 10,
    FUNCTION_NOT_FOUND = 13,
    GPU_IS_LOST = 15,
    RESET_REQUIRED = 16,
    OUT_OF_MEMORY = 20,
    NO_DATA = 21,
    INSUFFICIENT_RESOURCES = 23,
    VERSION_MISMATCH = 25,
};

/* The types of a value in a union. */
enum { DOUBLE = 0, UNSIGNED = 1, UNSIGNED_LONG_LONG = 3 };

/* A versioned struct carries its size and its version in the first word. */
#define VERSION(type, number) ((unsigned)(sizeof(type) | ((unsigned)(number) << 24)))

union value { double d; unsigned ui; unsigned long ul; unsigned long long ull; long long sll; int si; unsigned short us; };

struct utilization { unsigned gpu, memory; };
struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };
struct bar1_memory { unsigned long long total, free, used; };
struct temperature_v1 { unsigned version, sensor; int temperature; };
struct margin_temperature_v1 { unsigned version; int margin; };
struct row_remapper_histogram { unsigned max, high, partial, low, none; };
struct sram_errors {
    unsigned version;
    unsigned long long aggregate_parity, aggregate_secded, aggregate_corrected;
    unsigned long long volatile_parity, volatile_secded, volatile_corrected;
    unsigned long long l2, sm, pcie, mcu, other; /* where the aggregate uncorrected ones were */
    unsigned exceeded;
};
struct sample { unsigned long long timestamp; union value value; };

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
    union value value;
};

/* The three layouts that an entry of a process list has had. */
struct process_info_v1 {
    unsigned pid;
    unsigned long long used_memory;
};
struct process_info_v2 {
    unsigned pid;
    unsigned long long used_memory;
    unsigned gpu_instance, compute_instance;
};
struct process_detail_v1 {
    unsigned pid;
    unsigned long long used_memory;
    unsigned gpu_instance, compute_instance;
    unsigned long long protected_memory;
};

struct process_detail_list_v1 {
    unsigned version, mode, count;
    struct process_detail_v1 *processes;
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

struct device_attributes {
    unsigned multiprocessors, copy_engines, decoders, encoders, jpegs, ofas;
    unsigned gpu_slices, compute_slices;
    unsigned long long memory_mib;
};

struct fabric_info_v2 {
    unsigned version;
    unsigned char cluster[16];
    unsigned status, clique, state, health_mask;
};
struct fabric_info_v3 {
    unsigned version;
    unsigned char cluster[16];
    unsigned status, clique, state, health_mask;
    unsigned char health_summary;
};

struct event_data {
    void *device;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
};

struct gpm_metric {
    unsigned id;
    int result;
    double value;
    const char *short_name, *long_name, *unit;
};
struct gpm_metrics_get {
    unsigned version, count;
    void *sample1, *sample2;
    struct gpm_metric metrics[];
};
struct gpm_support { unsigned version, supported; };

#endif
