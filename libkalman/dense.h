/* Products with dense symmetric matrices, in the order that vectorises: by rows, no sum across lanes. Private to libkalman. */
#ifndef KALMAN_DENSE_H
#define KALMAN_DENSE_H

#include <stddef.h>

/* out = X x for a symmetric X of m x m. */
void dense_apply(const double *X, const double *x, size_t m, double *out);

/* X += c (z x' + x z'), where z is mostly zeros: only its rows and columns change, and X stays exactly symmetric. */
void dense_add_pair(double *X, double c, const double *z, const double *x, size_t m);

double dense_dot(const double *x, const double *y, size_t m);

#endif
