/* Answers out of texts and waves. What the scenario does not give, a GPU does not support. */
#include "put.h"

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

int put_long(unsigned long long *to, const struct wave *wave, double scale)
{
    if (!wave->given)
        return NOT_SUPPORTED;
    *to = (unsigned long long)llround(wave_at(wave, driver_now()) * scale);
    return SUCCESS;
}

int put_wave(unsigned *to, const struct wave *wave, double scale)
{
    unsigned long long value;
    int result = put_long(&value, wave, scale);
    if (result == SUCCESS)
        *to = (unsigned)value;
    return result;
}
