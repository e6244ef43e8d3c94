/* A value over time: constant, swinging around its middle, or following how busy the GPU is. */
#ifndef NEUROX_WAVE_H
#define NEUROX_WAVE_H

#include <stdbool.h>

enum follow { ALONE, LOAD, BUSY };

/* Times in seconds. A wave that follows the load is resolved once the whole section is read. */
struct wave {
    bool given, square;
    enum follow follow;
    double middle, swing, period, phase;
    double idle, full, delay; /* the value at utilization 0 and at 1; how much later it comes */
};

/* Reads a wave; NULL, or what was expected instead. A ratio stays within 0 and 1. */
const char *wave_read(const char *text, struct wave *wave, bool ratio);

struct wave wave_constant(double value);
void wave_resolve(struct wave *wave, const struct wave *load);

/* The value at a time, and its integral between two times. */
double wave_at(const struct wave *wave, double time);
double wave_integral(const struct wave *wave, double from, double to);

#endif
