/* Who holds a GPU. */
#ifndef NEUROX_PROCESSES_H
#define NEUROX_PROCESSES_H

#include "driver.h"

/* Whether the driver lists the process for this device, among those of a kind, to this caller. */
bool process_listed(const struct device *on, const struct process *process, enum process_kind kind);

#endif
