/* Every key of a scenario: its name, how its value is read, and where it goes. */
#include "keys.h"

#include <string.h>

#include "scenario.h"

#define FIELD(type, name, set, field) \
    {name, set, offsetof(struct type, field), sizeof(((struct type *)0)->field)}
#define TOP(field, set) FIELD(scenario, #field, set, field)
#define GPU(field, set) FIELD(gpu, #field, set, field)
#define RATE(name, rate, set) FIELD(gpu, name, set, rates[rate])
#define WHOLE(name, set) {name, set, 0, 0}

static const struct key TOP_KEYS[] = {
    TOP(driver, set_text), TOP(cuda, set_cuda), WHOLE("clock", fix_clock),
    TOP(hide_processes, set_switch), TOP(latency, set_latency),
    TOP(process_stride, set_stride), TOP(reload, set_count), TOP(overcount, set_count),
    WHOLE("missing", set_missing),
    FIELD(scenario, "fail", set_fail, faults), FIELD(scenario, "delay", set_delay, faults),
    {NULL, NULL, 0, 0},
};

static const struct key GPU_KEYS[] = {
    WHOLE("profile", use_profile),
    WHOLE("uuid", set_uuid), GPU(model, set_text), GPU(serial, set_text), GPU(vbios, set_text),
    GPU(pci_bus_id, set_text), GPU(architecture, set_architecture), GPU(lost, set_lost),
    GPU(multiprocessors, set_count), GPU(energy_joules, set_number),
    GPU(memory_bytes, set_bytes), GPU(reserved_bytes, set_bytes), GPU(memory_used_bytes, set_wave),
    GPU(bar1_bytes, set_bytes), GPU(bar1_used_bytes, set_wave),
    RATE("utilization", UTILIZATION, set_ratio), GPU(memory_utilization, set_ratio),
    RATE("graphics_active", GRAPHICS_ACTIVE, set_ratio), RATE("sm_active", SM_ACTIVE, set_ratio),
    RATE("sm_occupancy", SM_OCCUPANCY, set_ratio), RATE("tensor_active", TENSOR_ACTIVE, set_ratio),
    RATE("dram_active", DRAM_ACTIVE, set_ratio), RATE("fp64_active", FP64_ACTIVE, set_ratio),
    RATE("fp32_active", FP32_ACTIVE, set_ratio), RATE("fp16_active", FP16_ACTIVE, set_ratio),
    RATE("int_active", INT_ACTIVE, set_ratio),
    RATE("dfma_active", DFMA_ACTIVE, set_ratio), RATE("hmma_active", HMMA_ACTIVE, set_ratio),
    RATE("dmma_active", DMMA_ACTIVE, set_ratio), RATE("imma_active", IMMA_ACTIVE, set_ratio),
    FIELD(gpu, "encoder_utilization", set_ratio, engines[ENCODER]),
    FIELD(gpu, "decoder_utilization", set_ratio, engines[DECODER]),
    FIELD(gpu, "jpeg_utilization", set_ratio, engines[JPEG]),
    FIELD(gpu, "ofa_utilization", set_ratio, engines[OFA]),
    GPU(encoder_sessions, set_wave), GPU(fan_speed, set_ratio),
    RATE("power_watts", POWER, set_wave), GPU(power_limit_watts, set_wave),
    GPU(power_limit_default_watts, set_wave), GPU(power_limit_min_watts, set_wave),
    GPU(power_limit_max_watts, set_wave),
    GPU(temperature_celsius, set_wave), GPU(memory_temperature_celsius, set_wave),
    GPU(temperature_margin_celsius, set_wave),
    FIELD(gpu, "temperature_limit", set_limit, limits),
    FIELD(gpu, "sm_clock_hertz", set_wave, clocks[SM_CLOCK]),
    FIELD(gpu, "memory_clock_hertz", set_wave, clocks[MEMORY_CLOCK]),
    FIELD(gpu, "video_clock_hertz", set_wave, clocks[VIDEO_CLOCK]),
    FIELD(gpu, "sm_clock_max_hertz", set_wave, clocks_max[SM_CLOCK]),
    FIELD(gpu, "memory_clock_max_hertz", set_wave, clocks_max[MEMORY_CLOCK]),
    FIELD(gpu, "video_clock_max_hertz", set_wave, clocks_max[VIDEO_CLOCK]),
    WHOLE("clock_event", set_clock_event), GPU(performance_state, set_wave),
    RATE("pcie_tx_bytes_per_second", PCIE_TX, set_wave),
    RATE("pcie_rx_bytes_per_second", PCIE_RX, set_wave),
    GPU(pcie_generation, set_wave), GPU(pcie_generation_max, set_wave),
    GPU(pcie_width, set_wave), GPU(pcie_width_max, set_wave), GPU(pcie_replays, set_wave),
    FIELD(gpu, "pcie_error", set_pcie_error, pcie_errors),
    GPU(nvlinks, set_wave), WHOLE("nvlink_down", add_link_down),
    RATE("nvlink_tx_bytes_per_second", NVLINK_TX, set_wave),
    RATE("nvlink_rx_bytes_per_second", NVLINK_RX, set_wave),
    FIELD(gpu, "nvlink_error", set_nvlink_error, nvlink_errors),
    GPU(fabric_state, set_wave), GPU(fabric_health, set_wave),
    GPU(ecc_enabled, set_yes), GPU(ecc, set_ecc), GPU(ecc_sram, set_ecc), GPU(remapped, set_remapped),
    FIELD(gpu, "row_remap_banks", set_banks, banks), GPU(retired, set_retired),
    GPU(recovery_action, set_wave), GPU(persistence_mode, set_yes),
    WHOLE("mig_mode", set_mig_mode), GPU(mig_mode_pending, set_yes), WHOLE("mig", add_mig),
    WHOLE("process", add_process), WHOLE("xid", add_xid),
    FIELD(gpu, "fail", set_fail, faults), FIELD(gpu, "delay", set_delay, faults),
    {NULL, NULL, 0, 0},
};

static const char *set(const struct key *keys, void *target, const char *name, const char *value,
                       const char *unknown)
{
    for (const struct key *key = keys; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return key->set(value, (char *)target + key->offset, key->size);
    return unknown;
}

const char *key_set_top(struct scenario *scenario, const char *name, const char *value)
{
    return set(TOP_KEYS, scenario, name, value, "a known key before the first [gpu 0]");
}

const char *key_set_gpu(struct gpu *gpu, const char *name, const char *value)
{
    return set(GPU_KEYS, gpu, name, value, "a known key of a GPU");
}
