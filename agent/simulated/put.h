/* How an answer is written: a text, or a wave's value now; "not supported" without one. */
#ifndef NEUROX_PUT_H
#define NEUROX_PUT_H

#include "driver.h"

int put_text(char *to, unsigned size, const char *from);
int put_wave(unsigned *to, const struct wave *wave, double scale);
int put_long(unsigned long long *to, const struct wave *wave, double scale);

/* The whole part of a number, from 0 to the most that there is room for. */
unsigned long long whole(double number, unsigned long long most);

#endif
