/*
 * scrub.h: removes secrets from text that is given to others.
 *
 * Two nets, each of which is enough for a secret of Luna's: the values that the settings hold,
 * wherever they stand; and what has the form of a secret (API keys, tokens, the user part of a URL,
 * long hexadecimal numbers, and what follows a name such as "password").
 */
#ifndef CLI_SCRUB_H
#define CLI_SCRUB_H

#include "luna/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCRUB_VALUES_MAX = 64, SCRUB_VALUE_BYTES_MIN = 6 };

struct scrub {
    char *values[SCRUB_VALUES_MAX];
    size_t count;
};

/* Is this the name of a setting whose value is a secret? */
bool scrub_name_is_secret(const char *name, size_t len);
/* Copies the value; of a URL also its password. A value that is too short to be one is ignored. */
void scrub_know(struct scrub *scrub, const char *value, size_t len);
void scrub_done(struct scrub *scrub);
/* Appends the text to `out`, each secret replaced by "[removed]". */
void scrub_text(const struct scrub *scrub, const char *text, size_t len, struct luna_buf *out);

#endif
