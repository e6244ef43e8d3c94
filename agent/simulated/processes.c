/* Who holds a GPU: the process lists, in all layouts that drivers have used for their entries. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "processes.h"

static bool is_visible(const struct scenario *scenario, unsigned pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%u", pid);
    return !scenario->hide_processes || access(path, F_OK) == 0;
}

/* A client of MPS is on the list of MPS and, as any that computes, on that of computing. */
static bool is_of(const struct process *process, enum process_kind kind)
{
    return process->kind == kind || (process->kind != GRAPHICS && kind == COMPUTE);
}

bool process_listed(const struct device *on, const struct process *process, enum process_kind kind)
{
    if (on->mig && (process->gi != on->mig->gi || process->ci != on->mig->ci))
        return false;
    return is_of(process, kind) && is_visible(on->scenario, process->pid);
}

/* Entries of 16 and 24 bytes begin as those of 32 do; a reader with another stride gets nonsense. */
static void put_entry(unsigned char *to, size_t stride, const struct process *process)
{
    struct process_detail_v1 entry = {process->pid, process->memory_bytes, process->gi, process->ci, 0};
    memcpy(to, &entry, stride);
}

static int put_list(const struct device *on, enum process_kind kind, size_t stride, unsigned *count, void *to)
{
    size_t room = to ? *count * sizeof(struct process_info_v2) : 0; /* what callers allocate */
    *count = 0;
    for (int i = 0; i < on->gpu->process_count; i++)
        *count += process_listed(on, &on->gpu->processes[i], kind);
    if (*count * stride > room)
        return INSUFFICIENT_SIZE;
    unsigned char *next = to;
    for (int i = 0; i < on->gpu->process_count && *count; i++)
        if (process_listed(on, &on->gpu->processes[i], kind)) {
            put_entry(next, stride, &on->gpu->processes[i]);
            next += stride;
        }
    *count += (unsigned)on->scenario->overcount;
    return SUCCESS;
}

#define LIST(function, kind, stride)                                               \
    EXPORT int function(void *device, unsigned *count, void *to)                   \
    {                                                                              \
        ON_DEVICE(result = put_list(&on, kind, (size_t)(stride), count, to););     \
    }

LIST(nvmlDeviceGetComputeRunningProcesses_v2, COMPUTE, sizeof(struct process_info_v2))
LIST(nvmlDeviceGetComputeRunningProcesses_v3, COMPUTE, on.scenario->process_stride)
LIST(nvmlDeviceGetMPSComputeRunningProcesses_v3, MPS, on.scenario->process_stride)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, GRAPHICS, on.scenario->process_stride)

static int put_details(const struct device *on, struct process_detail_list_v1 *list)
{
    static const enum process_kind KINDS[] = {COMPUTE, GRAPHICS, MPS};
    unsigned room = list->processes ? list->count : 0;
    if (list->version != VERSION(struct process_detail_list_v1, 1))
        return VERSION_MISMATCH;
    if (list->mode > 2)
        return INVALID_ARGUMENT;
    list->count = 0;
    for (int i = 0; i < on->gpu->process_count; i++) {
        const struct process *process = &on->gpu->processes[i];
        if (!process_listed(on, process, KINDS[list->mode]))
            continue;
        if (list->count < room)
            put_entry((unsigned char *)&list->processes[list->count], sizeof *list->processes, process);
        list->count++;
    }
    return list->count > room ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlDeviceGetRunningProcessDetailList(void *device, struct process_detail_list_v1 *list)
{
    ON_DEVICE(result = put_details(&on, list););
}
