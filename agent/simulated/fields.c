/* Readings by field id: many in one call, each with a result and a type of its own. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "put.h"

#define LAST_FIELD 307
#define ALL_LINKS 0xffffffffu

/* Of links: all together, of one alone, or of one or all as the scope says. */
enum from { NOW, COUNTED, THROTTLED, LINKS_NOW, LINK_NOW, SCOPED_NOW, LINK_COUNTED, NEVER };

/* A field is a wave now, or a counter; in units of which `scale` make one of the scenario's. */
struct field {
    unsigned id;
    enum from from;
    unsigned type;
    size_t at; /* of the wave in a GPU, or the rate or reason itself */
    double scale;
};

#define WAVE(wave) offsetof(struct gpu, wave)

static const struct field FIELDS[] = {
    {1, NOW, UNSIGNED, WAVE(ecc_enabled), 1},
    {2, NOW, UNSIGNED, WAVE(ecc_enabled), 1},
    {3, NOW, UNSIGNED_LONG_LONG, WAVE(ecc[CORRECTED][VOLATILE]), 1},
    {4, NOW, UNSIGNED_LONG_LONG, WAVE(ecc[UNCORRECTED][VOLATILE]), 1},
    {5, NOW, UNSIGNED_LONG_LONG, WAVE(ecc[CORRECTED][AGGREGATE]), 1},
    {6, NOW, UNSIGNED_LONG_LONG, WAVE(ecc[UNCORRECTED][AGGREGATE]), 1},
    {29, NOW, UNSIGNED_LONG_LONG, WAVE(retired[SINGLE_BIT]), 1},
    {30, NOW, UNSIGNED_LONG_LONG, WAVE(retired[DOUBLE_BIT]), 1},
    {31, NOW, UNSIGNED, WAVE(retired[RETIRED_PENDING]), 1},
    {38, LINKS_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[FLIT]), 1},
    {45, LINKS_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[DATA]), 1},
    {52, LINKS_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[REPLAY]), 1},
    {59, LINKS_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECOVERY]), 1},
    {74, THROTTLED, UNSIGNED_LONG_LONG, POWER_CAP, 1e9},
    {75, THROTTLED, UNSIGNED_LONG_LONG, THERMAL, 1e9},
    {76, THROTTLED, UNSIGNED_LONG_LONG, SYNC_BOOST, 1e9},
    {77, NEVER, UNSIGNED_LONG_LONG, 0, 0},
    {78, NEVER, UNSIGNED_LONG_LONG, 0, 0},
    {79, NEVER, UNSIGNED_LONG_LONG, 0, 0},
    {82, NOW, UNSIGNED, WAVE(memory_temperature_celsius), 1},
    {83, COUNTED, UNSIGNED_LONG_LONG, POWER, 1e3},
    {91, NOW, UNSIGNED, WAVE(nvlinks), 1},
    {94, NOW, UNSIGNED, WAVE(pcie_replays), 1},
    {138, LINK_COUNTED, UNSIGNED_LONG_LONG, NVLINK_TX, 1.0 / 1024},
    {139, LINK_COUNTED, UNSIGNED_LONG_LONG, NVLINK_RX, 1.0 / 1024},
    {142, NOW, UNSIGNED, WAVE(remapped[REMAP_CORRECTABLE]), 1},
    {143, NOW, UNSIGNED, WAVE(remapped[REMAP_UNCORRECTABLE]), 1},
    {144, NOW, UNSIGNED, WAVE(remapped[REMAP_PENDING]), 1},
    {145, NOW, UNSIGNED, WAVE(remapped[REMAP_FAILED]), 1},
    {160, LINKS_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[LINK_ECC]), 1},
    {161, LINK_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[REPLAY]), 1},
    {162, LINK_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECOVERY]), 1},
    {163, LINK_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[DATA]), 1},
    {185, NOW, UNSIGNED, WAVE(rates[POWER]), 1e3},
    {186, NOW, UNSIGNED, WAVE(rates[POWER]), 1e3},
    {187, NOW, UNSIGNED, WAVE(power_limit_min_watts), 1e3},
    {188, NOW, UNSIGNED, WAVE(power_limit_max_watts), 1e3},
    {189, NOW, UNSIGNED, WAVE(power_limit_default_watts), 1e3},
    {190, NOW, UNSIGNED, WAVE(power_limit_watts), 1e3},
    {197, COUNTED, UNSIGNED_LONG_LONG, PCIE_TX, 1},
    {198, COUNTED, UNSIGNED_LONG_LONG, PCIE_RX, 1},
    {202, LINK_COUNTED, UNSIGNED_LONG_LONG, NVLINK_TX, 1},
    {204, LINK_COUNTED, UNSIGNED_LONG_LONG, NVLINK_RX, 1},
    {206, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[MALFORMED_PACKET]), 1},
    {207, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[BUFFER_OVERRUN]), 1},
    {208, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECEIVE]), 1},
    {209, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECEIVE_REMOTE]), 1},
    {210, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECEIVE_GENERAL]), 1},
    {211, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[LINK_INTEGRITY]), 1},
    {212, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[TRANSMIT_DISCARD]), 1},
    {213, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECOVERY_SUCCESSFUL]), 1},
    {214, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECOVERY_FAILED]), 1},
    {215, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[RECOVERY_EVENT]), 1},
    {219, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[EFFECTIVE]), 1},
    {221, SCOPED_NOW, UNSIGNED_LONG_LONG, WAVE(nvlink_errors[SYMBOL]), 1},
    {230, NOW, UNSIGNED, WAVE(recovery_action), 1},
    {269, THROTTLED, UNSIGNED_LONG_LONG, THERMAL, 1e9},
    {270, THROTTLED, UNSIGNED_LONG_LONG, HW_THERMAL, 1e9},
    {271, THROTTLED, UNSIGNED_LONG_LONG, POWER_BRAKE, 1e9},
};

static int put_value(const struct field *field, double number, struct field_value *to)
{
    if (field->type == UNSIGNED)
        to->value.ui = (unsigned)whole(number + 0.5, UINT_MAX);
    else
        to->value.ull = whole(number, ULLONG_MAX);
    return SUCCESS;
}

static int put_counter(const struct field *field, bool given, double counted, struct field_value *to)
{
    return given ? put_value(field, counted * field->scale, to) : NOT_SUPPORTED;
}

/* A link that the GPU lacks is refused, never made up. */
static int has_link(const struct gpu *gpu, unsigned link)
{
    if (!gpu->nvlinks.given || gpu->nvlinks.middle < 1)
        return NOT_SUPPORTED;
    return link == ALL_LINKS || link < (unsigned)gpu->nvlinks.middle ? SUCCESS : INVALID_ARGUMENT;
}

/* One link's part, or all of them. */
static int put_link(const struct device *on, const struct field *field, struct field_value *to)
{
    int result = has_link(on->gpu, to->scope);
    double parts = to->scope == ALL_LINKS ? 1 : on->gpu->nvlinks.middle;
    if (result != SUCCESS)
        return result;
    return put_counter(field, on->gpu->rates[field->at].given, on->counters->totals[field->at] / parts, to);
}

static int put_now(const struct gpu *gpu, const struct field *field, struct field_value *to)
{
    const struct wave *wave = (const void *)((const char *)gpu + field->at);
    if (!wave->given)
        return NOT_SUPPORTED;
    return put_value(field, wave_at(wave, driver_now()) * field->scale, to);
}

/* All links together have the whole count, and the first ones what is left over of equal parts. */
static int put_of_link(const struct gpu *gpu, const struct field *field, struct field_value *to)
{
    unsigned links = (unsigned)gpu->nvlinks.middle;
    int result = has_link(gpu, field->from == LINKS_NOW ? ALL_LINKS : to->scope);
    if (result == SUCCESS && field->from == LINK_NOW && to->scope == ALL_LINKS)
        result = INVALID_ARGUMENT;
    if (result == SUCCESS)
        result = put_now(gpu, field, to);
    if (result == SUCCESS && field->from != LINKS_NOW && to->scope != ALL_LINKS)
        to->value.ull = to->value.ull / links + (to->scope < to->value.ull % links);
    return result;
}

static int put(const struct device *on, const struct field *field, struct field_value *to)
{
    const struct gpu *gpu = on->gpu;
    to->type = field->type;
    to->value.ull = 0;
    switch (field->from) {
    case NOW: return put_now(gpu, field, to);
    case LINKS_NOW:
    case LINK_NOW:
    case SCOPED_NOW: return put_of_link(gpu, field, to);
    case COUNTED: return put_counter(field, gpu->rates[field->at].given, on->counters->totals[field->at], to);
    case THROTTLED: return put_counter(field, gpu->clock_events, on->counters->throttled[field->at], to);
    case LINK_COUNTED: return put_link(on, field, to);
    case NEVER: return put_counter(field, gpu->clock_events, 0, to);
    }
    return NOT_SUPPORTED;
}

/* Power has a scope: the GPU's own (0), or the module's that only superchips tell (1). */
static int put_field(const struct device *on, struct field_value *to)
{
    char number[16];
    snprintf(number, sizeof number, "%u", to->id);
    if (driver_is_missing(number))
        return NOT_SUPPORTED;
    if (to->id >= 185 && to->id <= 190 && to->scope > 1)
        return INVALID_ARGUMENT;
    if (to->id >= 185 && to->id <= 190 && to->scope == 1)
        return NOT_SUPPORTED;
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        if (FIELDS[i].id == to->id)
            return put(on, &FIELDS[i], to);
    if (to->id >= 173 && to->id < 173 + PCIE_ERRORS) {
        struct field error = {to->id, NOW, UNSIGNED, WAVE(pcie_errors) + (to->id - 173) * sizeof(struct wave), 1};
        return put(on, &error, to);
    }
    return to->id == 0 || to->id > LAST_FIELD ? INVALID_ARGUMENT : NOT_SUPPORTED;
}

EXPORT int nvmlDeviceGetFieldValues(void *device, int count, struct field_value *fields)
{
    ON_GPU(
        if (count < 1 || !fields)
            return leave(INVALID_ARGUMENT);
        for (int i = 0; i < count; i++) {
            fields[i].timestamp = (long long)(driver_now() * 1e6);
            fields[i].latency = 0;
            fields[i].type = UNSIGNED;
            fields[i].result = put_field(&on, &fields[i]);
        }
    );
}
