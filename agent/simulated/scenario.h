/* What a scenario file says, as plain structs. The format: docs/reference/scenario.md. */
#ifndef NEUROX_SCENARIO_H
#define NEUROX_SCENARIO_H

#include <stdbool.h>

#define GPUS_MAX 64
#define PROCESSES_MAX 128
#define FAULTS_MAX 16

/* A value over time: constant, or swinging around its middle. Times in seconds. */
struct wave {
    bool given;
    bool square;
    double middle, swing, period, phase;
};

struct process {
    unsigned pid;
    unsigned long long memory_bytes;
    double sm; /* share of the multiprocessors, 0 to 1 */
};

/* A call by name that answers an NVML error code, or answers late. */
struct fault {
    char call[64];
    int code;
    double delay_seconds;
};

struct gpu {
    char uuid[80], model[96], serial[30], vbios[32], pci_bus_id[32];
    int architecture;
    bool lost;
    unsigned long long memory_bytes, reserved_bytes;
    double power_limit_watts;
    double energy_joules; /* so far; grows with power_watts */
    double sm_clock_max_hertz, memory_clock_max_hertz;
    struct wave utilization, memory_utilization, memory_used_bytes, power_watts;
    struct wave temperature_celsius, memory_temperature_celsius;
    struct wave sm_clock_hertz, memory_clock_hertz;
    int process_count, fault_count;
    struct process processes[PROCESSES_MAX];
    struct fault faults[FAULTS_MAX];
};

struct scenario {
    char driver[80];
    int cuda; /* 13000 is 13.0 */
    bool clock_fixed;
    double clock; /* epoch seconds, when fixed */
    int gpu_count;
    struct gpu gpus[GPUS_MAX];
};

/* Reads a file into fresh memory; NULL after one line on stderr that names line and key. */
struct scenario *scenario_read(const char *path);

/* The wave's value at a time, and its integral between two times. */
double wave_at(const struct wave *wave, double time);
double wave_integral(const struct wave *wave, double from, double to);

#endif
