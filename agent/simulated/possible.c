/* What cannot be: a GPU with more on it than it holds, two of one name, instances that nobody made. */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

#define SLICES 7
#define EIGHTHS 8

enum { VOLTA = 5, TURING = 6, ADA = 8 };

/* Always false. */
static bool at(struct mistake *mistake, int line, const char *key, const char *wanted)
{
    *mistake = (struct mistake){line, key, wanted};
    return false;
}

/* The same with a number in what was expected. */
static bool at_most(struct mistake *mistake, int line, const char *key, unsigned long long most, const char *of)
{
    static char wanted[128]; /* told before the next one is made */
    snprintf(wanted, sizeof wanted, "at most %llu %s", most, of);
    return at(mistake, line, key, wanted);
}

static bool is_whole(const struct gpu *gpu, int index, struct mistake *mistake)
{
    static char section[32];
    const char *wanted = NULL;
    if (!*gpu->uuid || !*gpu->model || !gpu->memory_bytes)
        wanted = "uuid, model and memory_bytes for every GPU (a profile has the last two)";
    else if (gpu->reserved_bytes > gpu->memory_bytes)
        wanted = "reserved_bytes within memory_bytes";
    else if (gpu->nvlinks.middle > LINKS_MAX)
        wanted = "at most 36 NVLinks";
    snprintf(section, sizeof section, "[gpu %d]", index);
    return wanted ? at(mistake, gpu->line, section, wanted) : true;
}

static bool can_be_cut(const struct gpu *gpu)
{
    int architecture = gpu->architecture;
    bool known = architecture == VOLTA || architecture == TURING || architecture == ADA;
    return *gpu->profile ? gpu->profile_mig_mode : !known;
}

static bool has_mig(const struct gpu *gpu, struct mistake *mistake)
{
    static const char *const WANTED = "a GPU model that has MIG, as h100; this one has none";
    if (can_be_cut(gpu))
        return true;
    if (gpu->mig_count)
        return at(mistake, gpu->migs[0].line, "mig", WANTED);
    return gpu->mig_mode_line ? at(mistake, gpu->mig_mode_line, "mig_mode", WANTED) : true;
}

/* A compute instance computes on slices of its GPU instance, which is cut but once. */
static bool fits_instance(const struct gpu *gpu, int index, struct mistake *mistake)
{
    const struct mig *mig = &gpu->migs[index];
    int computing = mig->compute_slices;
    for (int i = 0; i < index; i++) {
        const struct mig *other = &gpu->migs[i];
        if (other->gi != mig->gi)
            continue;
        computing += other->compute_slices;
        if (other->slices != mig->slices || other->gigabytes != mig->gigabytes)
            return at(mistake, mig->line, "mig", "the profile that this GPU instance has in a line before");
        if (computing > mig->slices)
            return at(mistake, mig->line, "mig", "compute instances of no more slices than their GPU instance");
    }
    return true;
}

static bool fits_gpu(const struct gpu *gpu, struct mistake *mistake)
{
    int slices = 0, eighths = 0;
    for (int i = 0; i < gpu->mig_count; i++) {
        const struct mig *mig = &gpu->migs[i];
        if (is_first_of_instance(gpu, i)) {
            slices += mig->slices;
            eighths += mig_eighths(gpu, mig);
        }
        if (slices > SLICES)
            return at(mistake, mig->line, "mig", "MIG devices of at most 7 slices together");
        if (eighths > EIGHTHS)
            return at(mistake, mig->line, "mig", "MIG devices of no more memory together than the GPU has");
        if (!fits_instance(gpu, i, mistake))
            return false;
    }
    return true;
}

static const struct mig *device_of(const struct gpu *gpu, const struct process *process)
{
    for (int i = 0; i < gpu->mig_count; i++)
        if (gpu->migs[i].gi == process->gi && (process->ci == NO_INSTANCE || process->ci == gpu->migs[i].ci))
            return &gpu->migs[i];
    return NULL;
}

/* With all processes before it in the same place: the GPU, or the GPU instance. */
static bool has_room(const struct gpu *gpu, int index, bool instance, struct mistake *mistake)
{
    const struct process *process = &gpu->processes[index];
    unsigned long long left = gpu->memory_bytes - gpu->reserved_bytes, most = left;
    double share = 0, most_share = 1;
    if (instance) {
        const struct mig *mig = device_of(gpu, process);
        left = most = gpu->memory_bytes / EIGHTHS * (unsigned)mig_eighths(gpu, mig);
        most_share = (double)mig->slices / SLICES;
    }
    for (int i = 0; i <= index; i++) {
        const struct process *one = &gpu->processes[i];
        if (instance && one->gi != process->gi)
            continue;
        share += one->sm;
        if (one->memory_bytes > left)
            return at_most(mistake, process->line, "process", most,
                           instance ? "bytes for all processes of the GPU instance together"
                                    : "bytes for all processes of the GPU together");
        left -= one->memory_bytes;
    }
    if (instance && share > most_share + 1e-6)
        return at(mistake, process->line, "process",
                  "processes of a GPU instance that together have at most its slices of the GPU");
    return true;
}

static bool holds_processes(const struct gpu *gpu, struct mistake *mistake)
{
    for (int i = 0; i < gpu->process_count; i++) {
        const struct process *process = &gpu->processes[i];
        bool instance = process->gi != NO_INSTANCE;
        if (instance && !device_of(gpu, process))
            return at(mistake, process->line, "process", "a process in an instance that a 'mig' line names");
        if (instance && !has_room(gpu, i, true, mistake))
            return false;
        if (!has_room(gpu, i, false, mistake))
            return false;
    }
    return true;
}

static bool has_uuid(const struct scenario *scenario, const char *uuid, int gpus, int migs)
{
    for (int i = 0; i <= gpus; i++) {
        const struct gpu *gpu = &scenario->gpus[i];
        if (i < gpus && strcmp(gpu->uuid, uuid) == 0)
            return true;
        for (int j = 0; j < (i < gpus ? gpu->mig_count : migs); j++)
            if (strcmp(gpu->migs[j].uuid, uuid) == 0)
                return true;
    }
    return false;
}

/* One uuid is of one GPU or MIG device of the node. */
static bool is_one(const struct scenario *scenario, int index, struct mistake *mistake)
{
    const struct gpu *gpu = &scenario->gpus[index];
    if (has_uuid(scenario, gpu->uuid, index, 0))
        return at(mistake, gpu->uuid_line, "uuid", "a uuid that no other GPU has");
    for (int i = 0; i < gpu->mig_count; i++)
        if (*gpu->migs[i].uuid && has_uuid(scenario, gpu->migs[i].uuid, index, i))
            return at(mistake, gpu->migs[i].line, "mig", "a uuid that no other MIG device has");
    return true;
}

bool scenario_possible(const struct scenario *scenario, struct mistake *mistake)
{
    for (int i = 0; i < scenario->gpu_count; i++) {
        const struct gpu *gpu = &scenario->gpus[i];
        if (!is_whole(gpu, i, mistake) || !is_one(scenario, i, mistake) || !has_mig(gpu, mistake) ||
            !fits_gpu(gpu, mistake) || !holds_processes(gpu, mistake))
            return false;
    }
    return *scenario->driver ? true : at(mistake, 1, "driver", "a driver version before the first GPU");
}
