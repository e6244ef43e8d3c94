/* MIG devices: the parts into which a GPU is cut. */
#ifndef NEUROX_MIG_H
#define NEUROX_MIG_H

#include "driver.h"

bool in_mig_mode(const struct gpu *gpu);

/* The part of a GPU's memory that a device's GPU instance has, and what its processes hold of it. */
unsigned long long mig_part(const struct device *on, unsigned long long bytes);
unsigned long long mig_used(const struct device *on);

#endif
