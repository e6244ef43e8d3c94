/* Waves: read from text, resolved against the load, evaluated and integrated. */
#include "wave.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWO_PI 6.283185307179586

double wave_at(const struct wave *wave, double time)
{
    if (wave->swing == 0)
        return wave->middle;
    double turn = (time + wave->phase) / wave->period;
    if (wave->square)
        return wave->middle + (turn - floor(turn) < 0.5 ? wave->swing : -wave->swing);
    return wave->middle + wave->swing * sin(TWO_PI * turn);
}

/* The swing's part of the integral from the start of a turn up to `turn`, in periods. */
static double swung(const struct wave *wave, double turn)
{
    double part = turn - floor(turn);
    if (wave->square)
        return part < 0.5 ? part : 1 - part;
    return (1 - cos(TWO_PI * part)) / TWO_PI;
}

double wave_integral(const struct wave *wave, double from, double to)
{
    double sum = wave->middle * (to - from);
    if (wave->swing == 0)
        return sum;
    double before = swung(wave, (from + wave->phase) / wave->period);
    double after = swung(wave, (to + wave->phase) / wave->period);
    return sum + wave->swing * wave->period * (after - before);
}

struct wave wave_constant(double value)
{
    return (struct wave){.given = true, .middle = value, .period = 1};
}

void wave_resolve(struct wave *wave, const struct wave *load)
{
    double span = wave->full - wave->idle;
    if (wave->follow == BUSY)
        wave->middle = load->middle > 0 ? wave->full : wave->idle;
    if (wave->follow != LOAD)
        return;
    wave->middle = wave->idle + span * load->middle;
    wave->swing = span * load->swing;
    wave->square = load->square;
    wave->period = load->period;
    wave->phase = load->phase - wave->delay;
}

static const char *read_follower(enum follow follow, const char *rest, struct wave *wave)
{
    char more[2];
    struct wave new = {.given = true, .follow = follow, .period = 1};
    int got = sscanf(rest, "%lf %lf %lf %1s", &new.idle, &new.full, &new.delay, more);
    if (got < 2 || got > (follow == LOAD ? 3 : 2))
        return follow == LOAD ? "'load IDLE FULL [DELAY]'" : "'busy IDLE BUSY'";
    if (!(new.idle >= 0 && new.full >= 0 && isfinite(new.idle + new.full + new.delay)))
        return "finite numbers of at least 0";
    *wave = new;
    return NULL;
}

static const char *read_swinging(const char *text, struct wave *wave)
{
    char shape[8] = "", rest[2] = "";
    struct wave new = {.given = true};
    int got = sscanf(text, "%7s %lf %lf %lf %lf %1s", shape, &new.middle, &new.swing, &new.period,
                     &new.phase, rest);
    new.square = strcmp(shape, "square") == 0;
    if (got < 4 || got > 5 || (!new.square && strcmp(shape, "wave") != 0))
        return "a number, 'wave MIDDLE SWING PERIOD [PHASE]', 'square MIDDLE SWING PERIOD [PHASE]', "
               "'load IDLE FULL [DELAY]' or 'busy IDLE BUSY'";
    if (!isfinite(new.middle) || !isfinite(new.phase) || !(new.period > 0 && new.period < 1e9))
        return "finite numbers, and a period above 0 seconds";
    if (!(new.swing >= 0 && new.swing <= new.middle))
        return "a swing between 0 and the middle";
    *wave = new;
    return NULL;
}

static const char *read_any(const char *text, struct wave *wave)
{
    char *end;
    if (strncmp(text, "load ", 5) == 0)
        return read_follower(LOAD, text + 5, wave);
    if (strncmp(text, "busy ", 5) == 0)
        return read_follower(BUSY, text + 5, wave);
    if (!isdigit((unsigned char)*text) && *text != '.')
        return read_swinging(text, wave);
    double value = strtod(text, &end);
    if (*end != '\0' || !isfinite(value))
        return "a finite number of at least 0";
    *wave = wave_constant(value);
    return NULL;
}

const char *wave_read(const char *text, struct wave *wave, bool ratio)
{
    const char *wanted = read_any(text, wave);
    double most = wave->follow == ALONE ? wave->middle + wave->swing : fmax(wave->idle, wave->full);
    return wanted ? wanted : ratio && most > 1 + 1e-9 ? "values from 0 to 1" : NULL;
}
