/* What the products with whole matrices and with lower triangles share. Private to sparse*.c. */
#ifndef KALMAN_SPARSE_PARTS_H
#define KALMAN_SPARSE_PARTS_H

#include "numeric/sparse.h"
#include "numeric/wide.h"

#include <stddef.h>
#include <stdint.h>

/* A row of no more entries changes only so many rows and columns of T'X T. */
enum { SPARSE_LIGHT = 8 };

static inline size_t sparse_entries(const struct sparse *T, size_t row)
{
    return T->start[row + 1] - T->start[row];
}

static inline double sparse_row_dot(const struct sparse *T, size_t row, const double *x)
{
    double sum = 0.0;
    for (uint32_t e = T->start[row]; e < T->start[row + 1]; e++)
        sum += T->value[e] * x[T->column[e]];
    return sum;
}

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

/* The computed row with the most entries, by its number: its pair is added on the way of the
 * others. computed_count: all have few. */
size_t sparse_heaviest(const struct sparse *T);

/* t of row c, and its u, for X whose row c is whole. */
void sparse_make_pair(const struct sparse *T, size_t c, const double *X, double *t, double *u);

#endif
