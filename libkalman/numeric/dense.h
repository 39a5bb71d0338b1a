/* Products with dense symmetric matrices, and of vectors, in the order that vectorises: by rows, no
 * sum across lanes. Private to libkalman. */
#ifndef KALMAN_DENSE_H
#define KALMAN_DENSE_H

#include <stddef.h>

/* out = X x for a symmetric X of m x m. */
void dense_apply(const double *X, const double *x, size_t m, double *out);

/* X += c (z x' + x z'), where z is mostly zeros: only its rows and columns change, and X stays
 * exactly symmetric. */
void dense_add_pair(double *X, double c, const double *z, const double *x, size_t m);

/* The same for an X of which only the lower triangle is there. */
void dense_lower_apply(const double *X, const double *x, size_t m, double *out);

/* out += c times row i of such an X. */
void dense_lower_add_row(const double *X, size_t i, double c, size_t m, double *out);

/* X += z x' + x z' for a z of zeros but for element i, of such an X. */
void dense_lower_add_pair(double *X, size_t i, double z, const double *x, size_t m);

double dense_dot(const double *x, const double *y, size_t m);

/* sum += c x */
void dense_add_scaled(double c, const double *x, size_t m, double *sum);

#endif
