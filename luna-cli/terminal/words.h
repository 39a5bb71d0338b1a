/*
 * words.h: periods, scopes, durations and times as text on the command line and in output.
 *
 * A reader that returns false has printed a usage error.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "luna/store/admission.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The place of `word` among `words`; the error says `what` it is, and what was `expected`. */
bool word_read(const char *what, const char *word, const char *const *words, size_t count,
               const char *expected, size_t *ret_place);
/* "none", "day" or "month". */
bool period_read(const char *word, enum luna_period *ret_period);

enum { SCOPES_TEXT_BYTES = 32 };
/* "model,read,keys" */
void scopes_text(unsigned scopes, char *out, size_t out_size);
bool scopes_read(const char *text, unsigned *ret_scopes);

/* "90", "90s", "15m", "12h", "7d" in seconds, at most `max_s`; `what` names it in the error. */
bool duration_read(const char *what, const char *text, int64_t max_s, int64_t *ret_seconds);
/* "2026-11-24" or "2026-11-24T06:00:00Z" in milliseconds since 1970 UTC; `what` names it in the
 * error. */
bool time_read(const char *what, const char *text, int64_t *ret_ms);

#endif
