/* How an answer is written: a text, or a wave's value now; "not supported" without one. */
#ifndef NEUROX_PUT_H
#define NEUROX_PUT_H

#include "driver.h"

int put_text(char *to, unsigned size, const char *from);
int put_wave(unsigned *to, const struct wave *wave, double scale);
int put_long(unsigned long long *to, const struct wave *wave, double scale);

#endif
