#include "capture.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static const char FORMAT[] = "neurox-nvml-capture 1";

static void *grown(void *list, int *room, int count, size_t size)
{
    if (count < *room)
        return list;
    *room = *room ? *room * 2 : 8;
    list = realloc(list, (size_t)*room * size);
    if (!list)
        abort();
    return list;
}

/* Steps over one word; `memory` is the length of one that the driver writes, or 0. */
static const char *step(const char *text, size_t *memory)
{
    *memory = 0;
    if (!strchr("-=?@$[", *text))
        return NULL;
    const char *end = text + strcspn(text, " ");
    if (*text == '[')
        end = memory_end(text, memory);
    else if (*text == '$')
        end = memory_end(text + 1, &(size_t){0});
    return !end || (*end && *end != ' ') ? NULL : end + (*end == ' ');
}

/* Words, as many as a call can have. */
static bool question_valid(const char *text)
{
    size_t memory;
    int count = 0;
    while (text && *text && count++ < ARGUMENTS_MAX)
        text = step(text, &memory);
    return text && !*text;
}

/* Memory for memory, of the same lengths: a caller's is never written over its end. */
static bool answer_valid(const char *question, const char *answer)
{
    size_t room, length;
    while (*question) {
        question = step(question, &room);
        if (room && !(answer = step(answer, &length)))
            return false;
        if (room && length != room)
            return false;
    }
    return !*answer;
}

/* call 3 nvmlDeviceGetName @device1 [?96.] =96 */
static const char *take_question(struct capture *capture, const char *text)
{
    int length = 0, number = 0;
    sscanf(text, "%d %n", &number, &length);
    if (!length || number != capture->count + 1)
        return "the next number";
    char *function = strdup(text + length);
    if (!function)
        abort();
    char *space = strchr(function, ' ');
    if (space)
        *space = '\0';
    const char *arguments = space ? space + 1 : "";
    if (!question_valid(arguments))
        return "up to six arguments such as @device1 =7 [?8.]";
    capture->questions = grown(capture->questions, &capture->room, capture->count,
                               sizeof *capture->questions);
    capture->questions[capture->count++] = (struct question){.function = function, .arguments = arguments};
    return NULL;
}

/* got 3 0.017 12 0 [4e56..z84.], or: got 3 1.017 12 same */
static const char *take_answer(struct capture *capture, const char *text)
{
    struct answer answer = {0};
    int number = 0, length = 0;
    double at, took;
    if (sscanf(text, "%d %lf %lf %n", &number, &at, &took, &length) < 3 || number < 1 ||
        number > capture->count)
        return "the number of a call, and two times";
    struct question *question = &capture->questions[number - 1];
    bool text_answer = strcmp(question->function, "nvmlErrorString") == 0;
    const char *rest = text + length;
    if (strcmp(rest, "same") == 0) {
        if (!question->count)
            return "an answer before `same`";
        answer = question->answers[question->count - 1];
    } else {
        int used = 0;
        if (sscanf(rest, "%d%n", &answer.code, &used) != 1)
            return "a return code";
        answer.memory = strdup(rest + used + (rest[used] == ' '));
        if (!answer.memory)
            abort();
        if (!text_answer && !answer_valid(question->arguments, answer.memory))
            return "memory of the lengths that the call gave, such as [28000002z36.]";
    }
    answer.took_seconds = took / 1e6;
    question->answers = grown(question->answers, &question->room, question->count,
                              sizeof *question->answers);
    question->answers[question->count++] = answer;
    return NULL;
}

static const char *take(struct capture *capture, const char *line, int number)
{
    if (number == 1)
        return strcmp(line, FORMAT) == 0 ? NULL : FORMAT;
    if (strncmp(line, "call ", 5) == 0)
        return take_question(capture, line + 5);
    if (strncmp(line, "got ", 4) == 0)
        return take_answer(capture, line + 4);
    return !*line || strncmp(line, "about ", 6) == 0 ? NULL : "about, call or got";
}

struct capture *capture_read(const char *path)
{
    struct capture *capture = calloc(1, sizeof *capture);
    FILE *file = fopen(path, "re");
    const char *wanted = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int number = 0;
    if (!file || !capture) {
        fprintf(stderr, "replayed NVML: cannot read the capture %s\n", path);
        return NULL;
    }
    while (!wanted && (length = getline(&line, &room, file)) > 0 && line[length - 1] == '\n') {
        line[length - 1] = '\0'; /* a line without its end was cut off: it is left out */
        wanted = take(capture, line, ++number);
    }
    fclose(file);
    free(line);
    if (!wanted && !number)
        wanted = FORMAT;
    if (!wanted)
        return capture;
    fprintf(stderr, "replayed NVML: %s line %d: expected %s\n", path, number ? number : 1, wanted);
    return NULL; /* once a process, so nothing is given back */
}
