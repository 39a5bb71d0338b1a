#include "numeric/sparse_pair.h"

#include "numeric/expect.h"

#include <string.h>

void sparse_make_pair(const struct sparse *T, size_t c, const double *X, double *t, double *u)
{
    EXPECT(c < T->size && t != u);
    size_t m = T->size;
    const double *row = X + c * m;
    memset(t, 0, m * sizeof *t);
    memset(u, 0, m * sizeof *u);
    for (uint32_t e = T->start[c]; e < T->start[c + 1]; e++)
        t[T->column[e]] = T->value[e];
    /* C'X e_c: the entries of row c of X go to the states that the moved rows pass along. */
    for (size_t b = 0; b < T->run_count; b++)
        memcpy(u + T->runs[b].state, row + T->runs[b].row, T->runs[b].length * sizeof *u);
    /* 1/2 sum over d of X_cd t_d; d = c included, whose half and half make the whole. */
    for (size_t b = 0; b < T->computed_count; b++) {
        size_t d = T->computed[b];
        for (uint32_t e = T->start[d]; e < T->start[d + 1]; e++)
            u[T->column[e]] += 0.5 * row[d] * T->value[e];
    }
}

size_t sparse_heaviest(const struct sparse *T)
{
    size_t found = T->computed_count;
    for (size_t a = 0; a < T->computed_count; a++)
        if (sparse_entries(T, T->computed[a]) > SPARSE_LIGHT &&
            (found == T->computed_count ||
             sparse_entries(T, T->computed[a]) > sparse_entries(T, T->computed[found])))
            found = a;
    return found;
}
