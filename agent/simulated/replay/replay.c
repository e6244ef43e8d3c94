/* libnvidia-ml.so.1 out of a capture: answers what a driver once answered, in that order. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture.h"
#include "memory.h"

enum { NOT_SUPPORTED = 3, DRIVER_NOT_LOADED = 9, TIMEOUT = 10, FUNCTION_NOT_FOUND = 13 };

static const char WAIT[] = "nvmlEventSetWait";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct capture *capture;

static void start(void)
{
    const char *path = getenv("NEUROX_NVML_CAPTURE");
    if (!path || !*path)
        fprintf(stderr, "replayed NVML: NEUROX_NVML_CAPTURE is not set; give it a capture\n");
    else
        capture = capture_read(path);
}

static void rest(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

/* The question that these arguments ask, or NULL and the code to answer. */
static struct question *asked(const char *function, const long *arguments, int *code)
{
    *code = FUNCTION_NOT_FOUND;
    for (int i = 0; i < capture->count; i++) {
        struct question *question = &capture->questions[i];
        if (strcmp(question->function, function) != 0 || !question->count)
            continue;
        *code = NOT_SUPPORTED;
        if (arguments_match(question->arguments, arguments))
            return question;
    }
    return NULL;
}

/* The last answer stays; but an event that was waited for happens once. */
static int answered(struct question *question, const long *arguments, double *wait)
{
    bool waits = strncmp(question->function, WAIT, sizeof WAIT - 1) == 0;
    if (waits && question->next == question->count) {
        *wait = (double)arguments[2] / 1e3;
        return TIMEOUT;
    }
    const struct answer *answer = &question->answers[question->next];
    question->next += waits || question->next + 1 < question->count;
    *wait = waits ? answer->took_seconds : 0;
    arguments_fill(question->arguments, answer->memory, arguments);
    return answer->code;
}

static int replay(const char *function, const long *arguments)
{
    double wait = 0;
    int code = DRIVER_NOT_LOADED;
    pthread_once(&once, start);
    if (!capture)
        return code;
    pthread_mutex_lock(&lock);
    struct question *question = asked(function, arguments, &code);
    if (question)
        code = answered(question, arguments, &wait);
    pthread_mutex_unlock(&lock);
    if (wait > 0)
        rest(wait);
    return code;
}

#define EXPORT __attribute__((visibility("default")))

/* Every argument of NVML is a number or a pointer, which a caller passes in the same registers. */
#define REPLAYED(function)                                              \
    EXPORT int function(long a, long b, long c, long d, long e, long f) \
    {                                                                   \
        return replay(#function, (long[]){a, b, c, d, e, f});           \
    }

#include "functions.h" /* one REPLAYED(...) for each function that pynvml knows */

EXPORT const char *nvmlErrorString(long code)
{
    static char text[256];
    int unknown;
    pthread_once(&once, start);
    if (!capture)
        return "Driver Not Loaded";
    struct question *question = asked(__func__, (long[ARGUMENTS_MAX]){code}, &unknown);
    if (!question)
        return "Unknown Error";
    memory_text(question->answers[0].memory, text, sizeof text);
    return text;
}
