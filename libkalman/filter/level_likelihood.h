/*
 * The likelihood of a local level as two sums, and their derivatives: the kernel of its fit.
 * Private to libkalman.
 *
 * With H the noise variance, Q the level's: sum of v_t^2/F_t and sum of log F_t over the
 * innovations (DK 2.15, 2.10.1). Only differences of observations enter: the residual e_t = y_t -
 * a_t|t = v_t H/F_t gives v_{t+1} = y_{t+1} - y_t + e_t.
 */
#ifndef KALMAN_LEVEL_LIKELIHOOD_H
#define KALMAN_LEVEL_LIKELIHOOD_H

#include <stddef.h>

/* The data are (values - centre) * scale, worked out as they are needed (NaN = missing), at
 * these times, or NULL: one apart. */
struct level_data {
    const double *values;
    const double *times;
    size_t count;
    double centre, scale;
};

struct level_sums {
    double squares, logs;           /* sum v^2/F, sum log F */
    double squares_by_u, logs_by_u; /* their derivatives in the direction asked for */
    size_t innovations;             /* observed values but the first */
    size_t steady_at;               /* index of the first step with constant gain, or SIZE_MAX */
};

enum { LEVEL_LANES = 8 };

/* The sums at (H, Q). An F of 0 with v = 0 is skipped; with v != 0 squares is +inf. */
void level_likelihood(const struct level_data *data, double H, double Q,
                      struct level_sums *ret_sums);

/* The sums and their derivatives along (dH, dQ): forward differentiation of the recursion, no
 * differences. */
void level_likelihood_score(const struct level_data *data, const double H[2], const double Q[2],
                            struct level_sums *ret_sums);

/* LEVEL_LANES pairs at once, one pass over the data, the lanes side by side in vector registers.
 * The larger of each pair must be 1: then every F is at least 1 and their products stay in
 * range. */
void level_likelihood_lanes(const struct level_data *data, const double H[LEVEL_LANES],
                            const double Q[LEVEL_LANES], double ret_squares[LEVEL_LANES],
                            double ret_logs[LEVEL_LANES]);

#endif
