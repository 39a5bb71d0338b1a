/* What one row of Z meets in the state's distribution. Private to libkalman. */
#ifndef KALMAN_FILTER_ROW_H
#define KALMAN_FILTER_ROW_H

#include "filter/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The current element: its row of Z by non-zeros, its noise variance. */
struct filter_row {
    const double *z;
    const uint32_t *column;
    size_t count;
    double h;
};

/* z x */
double filter_row_dot(const struct filter_row *row, const double *x);

/* f->w = A'z, its square; returns whether it is more than rounding. */
bool filter_row_diffuse(const struct filter_state *f, const struct filter_row *row,
                        double *ret_square);

/* f->M = P z; returns the variance of z a. In the square-root form also w = S'z, at w_root (m). */
double filter_row_variance(struct filter_state *f, const struct filter_row *row, double *w_root);

/* P <- P - M M'/F, in the covariance form; h: the part of F that is noise. Overwrites K0. */
void filter_row_update(struct filter_state *f, const struct filter_row *row, double F, double h);

/* Is F no more than what rounding makes of zero? */
bool filter_row_vanishes(const struct filter_state *f, const struct filter_row *row, double F);

#endif
