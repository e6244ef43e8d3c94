/* Answers out of texts and waves. What the scenario does not give, a GPU does not support. */
#include "put.h"

#include <limits.h>
#include <math.h>
#include <string.h>

int put_text(char *to, unsigned size, const char *from)
{
    if (!*from)
        return NOT_SUPPORTED;
    if (strlen(from) >= size)
        return INSUFFICIENT_SIZE;
    strcpy(to, from);
    return SUCCESS;
}

unsigned long long whole(double number, unsigned long long most)
{
    return number >= (double)most ? most : number > 0 ? (unsigned long long)number : 0;
}

int put_long(unsigned long long *to, const struct wave *wave, double scale)
{
    if (!wave->given)
        return NOT_SUPPORTED;
    *to = whole(round(wave_at(wave, driver_now()) * scale), ULLONG_MAX);
    return SUCCESS;
}

int put_wave(unsigned *to, const struct wave *wave, double scale)
{
    if (!wave->given)
        return NOT_SUPPORTED;
    *to = (unsigned)whole(round(wave_at(wave, driver_now()) * scale), UINT_MAX);
    return SUCCESS;
}
