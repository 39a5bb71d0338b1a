/*
 * The term of rank two, t u' + u t', that a computed row c adds to T'X T (numeric/sparse.h), and
 * what the products with whole matrices and with lower triangles share. Private to numeric/.
 */
#ifndef KALMAN_SPARSE_PAIR_H
#define KALMAN_SPARSE_PAIR_H

#include "numeric/sparse.h"
#include "numeric/wide.h"

#include <stddef.h>

/* A row of no more entries changes only so many rows and columns of T'X T. */
enum { SPARSE_LIGHT = 8 };

/* The lower triangle copied over the upper. */
static inline void sparse_mirror(double *X, size_t m)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < i; j++)
            X[j * m + i] = X[i * m + j];
}

/* Row j of t u' + u t' added to a row, from and to for so many columns. */
WIDE_BODY void sparse_add_pair(const double *from, const double *restrict t,
                               const double *restrict u, double tj, double uj, size_t count,
                               double *to)
{
    for (size_t k = 0; k < count; k++)
        to[k] = from[k] + (tj * u[k] + uj * t[k]);
}

/* The index into computed[] of the row with the most entries, whose pair is added while the others
 * are moved; computed_count when all have few. */
size_t sparse_heaviest(const struct sparse *T);

/* t of row c, and its u, for an X whose row c is complete. */
void sparse_make_pair(const struct sparse *T, size_t c, const double *X, double *t, double *u);

#endif
