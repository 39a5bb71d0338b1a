#include "luna/base/suggest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t luna_suggest_distance(const char *word, size_t word_len, const char *other, size_t other_len)
{
    /* Row i holds the distances of word[0…i) to every beginning of `other`. */
    size_t rows[3][LUNA_SUGGEST_WORD_BYTES_MAX];
    if (word_len >= LUNA_SUGGEST_WORD_BYTES_MAX || other_len >= LUNA_SUGGEST_WORD_BYTES_MAX)
        return LUNA_SUGGEST_WORD_BYTES_MAX;
    for (size_t j = 0; j <= other_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= word_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= other_len; j++) {
            size_t replaced = above[j - 1] + (word[i - 1] != other[j - 1]);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && word[i - 1] == other[j - 2] && word[i - 2] == other[j - 1])
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[word_len % 3][other_len];
}

void luna_suggest_compare(struct luna_suggestion *suggestion, const char *word, size_t word_len)
{
    /* One fault in three letters: with more, the words only happen to be short. */
    size_t distance_max = (suggestion->typed_len + 2) / 3;
    size_t distance =
        luna_suggest_distance(suggestion->typed, suggestion->typed_len, word, word_len);
    if (distance > distance_max || distance >= word_len ||
        (suggestion->nearest && distance >= suggestion->distance))
        return;
    suggestion->nearest = word;
    suggestion->nearest_len = word_len;
    suggestion->distance = distance;
}
