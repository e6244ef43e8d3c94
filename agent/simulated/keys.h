/* How the value of one key is read. */
#ifndef NEUROX_KEYS_H
#define NEUROX_KEYS_H

#include <stddef.h>

/* Reads a value into a field; NULL, or what was expected instead. */
typedef const char *setter(const char *value, void *field, size_t size);

struct key {
    const char *name;
    setter *set;
    size_t offset, size;
};

setter set_text, set_number, set_latency, set_bytes, set_count, set_switch, set_lost, set_wave, set_ratio, set_yes;
setter set_architecture, set_cuda, set_stride, set_missing, set_fail, set_delay;
setter set_clock_event, set_ecc, set_remapped, set_banks, set_retired, set_limit;
setter set_pcie_error, set_nvlink_error;

/* These take the whole GPU or scenario. */
setter add_process, add_mig, add_xid, add_link_down, use_profile, fix_clock, set_uuid, set_mig_mode;

#endif
