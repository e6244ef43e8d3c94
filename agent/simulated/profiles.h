/* The GPU models that a scenario can name; their texts are profiles/, put in by build.py. */
#ifndef NEUROX_PROFILES_H
#define NEUROX_PROFILES_H

struct profile { const char *name, *text; };

/* Ends with a NULL name. PROFILE_NAMES comes as a definition on the compiler's command line. */
extern const struct profile PROFILES[];

#endif
