/*
 * suggest.h: which word a mistyped one was probably meant to be.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

/* Longer words are not compared: nothing is near them. */
enum { SUGGEST_WORD_BYTES_MAX = 48 };

/* How many insertions, deletions, replacements and swaps of neighbours turn one word into the
 * other (Damerau-Levenshtein; no part is edited twice). SUGGEST_WORD_BYTES_MAX for a longer
 * word. */
size_t suggest_distance(const char *word, size_t word_len, const char *other, size_t other_len);

/* The nearest of the words that were compared with `typed`. Start with {.typed = …}. */
struct suggestion {
    const char *typed;
    size_t typed_len;
    const char *nearest; /* borrowed from the caller; NULL: none is near enough */
    size_t nearest_len;
    size_t distance;
};

/* Of equally near words the first one stays. */
void suggest_compare(struct suggestion *suggestion, const char *word, size_t word_len);

#endif
