#include "memory.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK, COMPARE, WRITE };

/* Goes through one [...] and the memory at `at`; `same` turns false at the first difference. */
static const char *walk(const char *text, unsigned char **at, int mode, bool *same);

static int digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A handle is an opaque pointer: its number, made to look like an aligned address. */
static uintptr_t handle(const char *name)
{
    while (*name && !isdigit((unsigned char)*name))
        name++;
    return (uintptr_t)strtoul(name, NULL, 10) << 4;
}

static void bytes(unsigned char *at, const void *data, size_t length, int mode, bool *same)
{
    if (mode == WRITE)
        memcpy(at, data, length);
    else if (mode == COMPARE && memcmp(at, data, length) != 0)
        *same = false;
}

static void zeros(unsigned char *at, size_t length, int mode, bool *same)
{
    const unsigned char none[64] = {0};
    for (size_t done = 0; done < length && mode != CHECK; done += sizeof none)
        bytes(at + done, none, length - done < sizeof none ? length - done : sizeof none, mode, same);
}

/* What follows a pointer: another piece of memory, which the caller must have given. */
static const char *pointed(const char *text, unsigned char *at, int mode, bool *same)
{
    unsigned char *to = NULL;
    if (mode != CHECK)
        memcpy(&to, at, sizeof to);
    if (mode == COMPARE && !to)
        *same = false;
    return walk(text, &to, to ? mode : CHECK, same);
}

/* z12. ?12. @name7. : `text` stands behind the sign; returns behind the point. */
static const char *marked(const char *text, unsigned char **at, int mode, bool *same)
{
    char sign = text[-1], *end;
    if (sign == '@') {
        uintptr_t value = handle(text);
        bytes(*at, &value, sizeof value, mode, same);
        *at += sizeof value;
        text = strchr(text, '.');
        return value && text ? text + 1 : NULL;
    }
    size_t length = strtoul(text, &end, 10);
    if (sign == 'z')
        zeros(*at, length, mode, same);
    *at += length;
    return end > text && *end == '.' ? end + 1 : NULL;
}

static const char *walk(const char *text, unsigned char **at, int mode, bool *same)
{
    if (*text++ != '[')
        return NULL;
    while (text && *text && *text != ']') {
        if (*text == '&') {
            text = pointed(text + 1, *at, mode, same);
            *at += sizeof(void *);
        } else if (*text == 'z' || *text == '?' || *text == '@') {
            text = marked(text + 1, at, mode, same);
        } else {
            int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
            unsigned char value = (unsigned char)(high << 4 | low);
            if (low < 0)
                return NULL;
            bytes((*at)++, &value, 1, mode, same);
            text += 2;
        }
    }
    return text && *text == ']' ? text + 1 : NULL;
}

const char *memory_end(const char *text, size_t *length)
{
    unsigned char *at = NULL;
    bool same = true;
    text = walk(text, &at, CHECK, &same);
    *length = (size_t)at;
    return text;
}

/* The end of a word, and whether it stands for the argument. */
static const char *word(const char *text, long argument, bool *same)
{
    unsigned char *at = (unsigned char *)argument;
    size_t length;
    if (*text == '[' || *text == '$') {
        text += *text == '$';
        *same = argument != 0;
        return argument ? walk(text, &at, COMPARE, same) : memory_end(text, &length);
    }
    if (*text == '-')
        *same = !argument;
    else if (*text == '@')
        *same = (uintptr_t)argument == handle(text);
    else if (*text == '=')
        *same = (int)strtol(text + 1, NULL, 10) == (int)argument;
    return text + strcspn(text, " ");
}

bool arguments_match(const char *text, const long *arguments)
{
    bool same = true;
    for (int i = 0; *text && same && i < ARGUMENTS_MAX; i++) {
        text = word(text, arguments[i], &same);
        text += *text == ' ';
    }
    return same && !*text;
}

void arguments_fill(const char *question, const char *answer, const long *arguments)
{
    bool same = true;
    for (int i = 0; *question && *answer && i < ARGUMENTS_MAX; i++) {
        unsigned char *at = (unsigned char *)arguments[i];
        if (*question == '[') {
            answer = walk(answer, &at, WRITE, &same);
            answer += *answer == ' ';
        }
        question = word(question, arguments[i], &same);
        question += *question == ' ';
    }
}

void memory_text(const char *text, char *to, size_t size)
{
    size_t length;
    unsigned char *at = (unsigned char *)to;
    bool same = true;
    *to = '\0';
    if (memory_end(text, &length) && length <= size)
        walk(text, &at, WRITE, &same);
}
