/* The text of a capture against the memory of a caller. The grammar: docs/reference/capture.md. */
#ifndef NEUROX_MEMORY_H
#define NEUROX_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

enum { ARGUMENTS_MAX = 6 };

/* Whether these are the arguments that were asked with. */
bool arguments_match(const char *text, const long *arguments);

/* Writes an answer to where the arguments of its question point. */
void arguments_fill(const char *question, const char *answer, const long *arguments);

/* The end of one [...] and how many bytes it stands for, or NULL where it is no such text. */
const char *memory_end(const char *text, size_t *length);

/* A text that stands alone, such as that of nvmlErrorString; empty when it is too long. */
void memory_text(const char *text, char *to, size_t size);

#endif
