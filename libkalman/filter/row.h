/* What one row of Z meets in the state's distribution. Private to libkalman. */
#ifndef KALMAN_FILTER_ROW_H
#define KALMAN_FILTER_ROW_H

#include "filter/state.h"
#include "model/system.h"

#include <assert.h>
#include <math.h>
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

/* Is F no more than what rounding makes of zero? */
bool filter_row_vanishes(const struct filter_state *f, const struct filter_row *row, double F);

/*
 * P <- P - M M'/F, in the covariance form; h: the part of F that is noise. Overwrites K0. In the
 * header because it is the filter's inner loop, which has to be inlined. Where z has one non-zero
 * the row of that state is M h/(F z), a product that cannot cancel; elsewhere the difference is
 * taken once, symmetrically.
 */
static inline void filter_row_update(struct filter_state *f, const struct filter_row *e, double F,
                                     double h)
{
    assert(F > 0.0 && !f->root);
    size_t m = f->model->states;
    double root = 1.0 / sqrt(F);
    double *g = f->K0;
    for (size_t i = 0; i < m; i++)
        g[i] = f->M[i] * root;
    for (size_t i = 0; i < m; i++) {
        const double gi = g[i];
        double *row = f->P + i * m;
        for (size_t j = 0; j < m; j++)
            row[j] -= gi * g[j];
    }
    /* M = P z is column k of P times z_k, so the row is M/z_k - M_k M/F = M/z_k (1 - z_k M_k/F)
     * = M h/(F z_k), as F = z_k M_k + h. Where H is small beside P the difference would lose
     * every digit. */
    if (e->count == 1) {
        size_t k = e->column[0];
        double factor = h / F / e->z[k]; /* F z may underflow */
        for (size_t j = 0; j < m; j++) {
            f->P[k * m + j] = f->M[j] * factor;
            f->P[j * m + k] = f->P[k * m + j];
        }
    }
}

#endif
