/* A capture in memory: its questions, and the answers to each in their order. */
#ifndef NEUROX_CAPTURE_H
#define NEUROX_CAPTURE_H

struct answer {
    double took_seconds;
    int code;
    const char *memory; /* what is written into the caller's memory, as text */
};

struct question {
    char *function;
    const char *arguments;
    struct answer *answers;
    int count, room, next; /* `next` is the answer to give */
};

struct capture {
    struct question *questions;
    int count, room;
};

/* NULL, and one message on stderr that names file and line, when it cannot be read. */
struct capture *capture_read(const char *path);

#endif
