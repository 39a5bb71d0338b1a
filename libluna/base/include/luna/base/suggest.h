/*
 * suggest.h: which word a mistyped one was probably meant to be.
 */
#ifndef LUNA_BASE_SUGGEST_H
#define LUNA_BASE_SUGGEST_H

#include <stddef.h>

/* Longer words are not compared: nothing is near them. */
enum { LUNA_SUGGEST_WORD_BYTES_MAX = 48 };

/* How many insertions, deletions, replacements and swaps of neighbours turn one word into the
 * other (Damerau-Levenshtein; no part is edited twice). LUNA_SUGGEST_WORD_BYTES_MAX for a longer
 * word. */
size_t luna_suggest_distance(const char *word, size_t word_len, const char *other,
                             size_t other_len);

/* The nearest of the words that were compared with `typed`. Start with {.typed = …}. */
struct luna_suggestion {
    const char *typed;
    size_t typed_len;
    const char *nearest; /* borrowed from the caller; NULL: none is near enough */
    size_t nearest_len;
    size_t distance;
};

/* Of equally near words the first one stays. */
void luna_suggest_compare(struct luna_suggestion *suggestion, const char *word, size_t word_len);

#endif
