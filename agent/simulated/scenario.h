/* What a scenario file says, as plain structs. The format: docs/reference/scenario.md. */
#ifndef NEUROX_SCENARIO_H
#define NEUROX_SCENARIO_H

#include <stdbool.h>

#include "wave.h"

#define GPUS_MAX 64
#define PROCESSES_MAX 256
#define FAULTS_MAX 16
#define MISSING_MAX 16
#define MIGS_MAX 7
#define INSTANCES_MAX 16 /* GPU instance ids are below */
#define XIDS_MAX 64
#define LINKS_MAX 36
#define NO_INSTANCE 0xffffffffu

/* What the driver accumulates over time, and GPM averages between two samples. */
enum rate {
    POWER, UTILIZATION, PCIE_TX, PCIE_RX, NVLINK_TX, NVLINK_RX,
    GRAPHICS_ACTIVE, SM_ACTIVE, SM_OCCUPANCY, TENSOR_ACTIVE, DRAM_ACTIVE,
    FP64_ACTIVE, FP32_ACTIVE, FP16_ACTIVE, INT_ACTIVE,
    DFMA_ACTIVE, HMMA_ACTIVE, DMMA_ACTIVE, IMMA_ACTIVE, RATES
};

/* Why clocks are held back: bits of nvmlDeviceGetCurrentClocksEventReasons, in its order. */
enum reason {
    IDLE, APP_CLOCKS, POWER_CAP, HW_SLOWDOWN, SYNC_BOOST, THERMAL, HW_THERMAL, POWER_BRAKE,
    DISPLAY, REASONS
};

enum severity { CORRECTED, UNCORRECTED, SEVERITIES };
enum lifetime { VOLATILE, AGGREGATE, LIFETIMES };
enum remap { REMAP_CORRECTABLE, REMAP_UNCORRECTABLE, REMAP_PENDING, REMAP_FAILED, REMAPS };
enum retired { SINGLE_BIT, DOUBLE_BIT, RETIRED_PENDING, RETIREDS };
enum limit { SHUTDOWN, SLOWDOWN, MEMORY_MAX, GPU_MAX, LIMITS };
enum clock { SM_CLOCK, MEMORY_CLOCK, VIDEO_CLOCK, CLOCKS };
enum engine { ENCODER, DECODER, JPEG, OFA, ENGINES };
enum link_error {
    FLIT, DATA, REPLAY, RECOVERY, LINK_ECC, /* before Blackwell; its own are the others */
    MALFORMED_PACKET, BUFFER_OVERRUN, RECEIVE, RECEIVE_REMOTE, RECEIVE_GENERAL, LINK_INTEGRITY, TRANSMIT_DISCARD,
    RECOVERY_SUCCESSFUL, RECOVERY_FAILED, RECOVERY_EVENT, EFFECTIVE, SYMBOL, LINK_ERRORS
};
#define PCIE_ERRORS 11 /* fields 173 to 183 */
#define BANKS 5

enum process_kind { COMPUTE, MPS, MPS_SERVER, GRAPHICS };

struct process {
    unsigned pid;
    unsigned long long memory_bytes;
    double sm; /* share of the GPU's multiprocessors and time, 0 to 1 */
    enum process_kind kind;
    unsigned gi, ci; /* NO_INSTANCE outside MIG */
    double since;    /* when it was first seen */
    int line;
};

struct mig {
    unsigned gi, ci;
    int slices, compute_slices; /* of seven: its GPU instance's, its own */
    double gigabytes;           /* by its name */
    int eighths;                /* of the memory */
    char profile[24], uuid[80];
    int line;
};

struct xid { unsigned long long serial, code; unsigned gi; };

/* A call by name that answers an NVML error code, or answers late. */
struct fault {
    char call[64];
    int code;
    double delay_seconds;
};

struct faults {
    int count;
    struct fault of[FAULTS_MAX];
};

struct gpu {
    char uuid[80], model[96], serial[30], vbios[32], pci_bus_id[32], profile[24];
    int line, reading; /* where its section begins, and which line of it is being read */
    int uuid_line, mig_mode_line; /* where they were given */
    int architecture, multiprocessors;
    int lost; /* 0, or what every call answers */
    bool clock_events;
    unsigned long long memory_bytes, reserved_bytes, bar1_bytes;
    double energy_joules; /* where the counter begins */
    struct wave rates[RATES];
    struct wave memory_utilization, memory_used_bytes, bar1_used_bytes;
    struct wave temperature_celsius, memory_temperature_celsius, temperature_margin_celsius;
    struct wave limits[LIMITS], clocks[CLOCKS], clocks_max[CLOCKS], engines[ENGINES];
    struct wave encoder_sessions, fan_speed, performance_state, persistence_mode;
    struct wave power_limit_watts, power_limit_default_watts, power_limit_min_watts, power_limit_max_watts;
    struct wave pcie_generation, pcie_generation_max, pcie_width, pcie_width_max, pcie_replays;
    struct wave pcie_errors[PCIE_ERRORS], nvlinks, nvlink_errors[LINK_ERRORS];
    struct wave fabric_state, fabric_health, recovery_action;
    struct wave ecc_enabled, ecc[SEVERITIES][LIFETIMES], ecc_sram[SEVERITIES][LIFETIMES], remapped[REMAPS], banks[BANKS], retired[RETIREDS];
    struct wave mig_mode, mig_mode_pending;
    bool reasons[REASONS], link_down[LINKS_MAX];
    int process_count, mig_count, xid_count;
    bool profile_migs; /* the MIG layout is the profile's: the section's own replaces it */
    bool profile_mig_mode; /* the profile's model can be cut into MIG devices */
    struct faults faults;
    struct mig migs[MIGS_MAX];
    struct xid xids[XIDS_MAX];
    struct process processes[PROCESSES_MAX];
};

struct scenario {
    char driver[80];
    int cuda; /* 13000 is 13.0 */
    bool clock_fixed, hide_processes;
    double clock; /* epoch seconds, when fixed */
    double latency;
    int process_stride; /* bytes of an entry of the _v3 process lists */
    int reload;
    int overcount; /* by so much a count of GPUs, processes or MIG devices is too high */
    int missing_count;
    char missing[MISSING_MAX][64];
    struct faults faults;
    int gpu_count;
    struct gpu gpus[GPUS_MAX];
};

/* Reads a file into fresh memory; NULL after one line on stderr that names line and key. */
struct scenario *scenario_read(const char *path);

/* Applies a profile's text to a GPU; NULL, or what was expected instead. */
const char *profile_apply(const char *name, struct gpu *gpu);

/* Sets one key of the scenario's head or of a GPU; NULL, or what was expected instead. */
const char *key_set_top(struct scenario *scenario, const char *name, const char *value);
const char *key_set_gpu(struct gpu *gpu, const char *name, const char *value);

/* What a scenario says that cannot be: in which line, of which key, and what was expected instead. */
struct mistake {
    int line;
    const char *key, *wanted; /* not NULL */
};

/* Whether all that stands in a scenario can be together; fills in `mistake` where not. */
bool scenario_possible(const struct scenario *scenario, struct mistake *mistake);

/* Fills in what follows from the rest. */
void scenario_complete(struct scenario *scenario);

/* Whether no MIG device before this one is of its GPU instance, whose slices all of them share. */
bool is_first_of_instance(const struct gpu *gpu, int index);

/* How many eighths of the GPU's memory the device's GPU instance has; 9 is more than all. */
int mig_eighths(const struct gpu *gpu, const struct mig *mig);

/* How many of seven slices a GPU instance has, by its id; 0 is none. */
int instance_slices(const struct gpu *gpu, unsigned gi);

/* How busy a GPU instance is, 0 to 1, so that its SM activity is its processes' share of the GPU. */
double instance_load(const struct gpu *gpu, unsigned gi);

#endif
