/*
 * The state's smoother through a start by regression (filter/augmented.h), in covariance form.
 * Private to libkalman.
 *
 * Given delta the smoother's vector is r = r0 - S delta. With C the variance of R delta given all
 * data (`spread`), X = S R^-1 C (`cross`), and r and N those of the marginal distribution, as
 * everywhere else,
 *     alpha^ = a + B delta^ + P r,
 *     V = P - P N P + E C E' - E X'P - P X E',    E = B R^-1.
 * Where the start had settled, X = N E, C = I - E'X, and the mean of R delta moves by E'r
 * (`shift`). Going back over an observation, with c = R'^-1 V',
 *     u = (v - V delta^)/F - K'r,    r <- r + z u,
 *     w = N K + X c/F,    D = 1/F - c'C c/F^2 + K'N K + 2 K'X c/F,
 *     N <- N - z w' - w z' + z z'D,    X <- X + z (C c/F - X'K)',
 * and over a transition X <- T'X. No difference is taken of what R is nearly singular in.
 */
#ifndef KALMAN_SMOOTH_AUGMENTED_H
#define KALMAN_SMOOTH_AUGMENTED_H

#include "smooth/state.h"

#include <stdbool.h>
#include <stddef.h>

size_t smooth_augmented_doubles(const struct kalman_model *model);
void smooth_augmented_init(struct smooth_state *smooth, double *arrays);

/* What the forward pass left of the start: copied. Before the first step back. */
void smooth_augmented_begin(struct smooth_state *smooth, const struct augmented *start);

/* Into the start, at its last point, whose record this is; settled: the filter took more points
 * after it. */
void smooth_augmented_enter(struct smooth_state *smooth, const struct filter_record *record,
                            bool settled);

/* X <- T'X */
void smooth_augmented_transition(struct smooth_state *smooth, const struct sparse *T);

/* mean and, if it is wanted entire, V of the current point. */
void smooth_augmented_moments(struct smooth_state *smooth, const struct filter_record *record);

/* Mean and variance of z alpha; the variance is NaN unless variances are wanted. False where it is
 * not determined. */
bool smooth_augmented_signal(struct smooth_state *smooth, const struct filter_record *record,
                             const double *z, double *ret_mean, double *ret_variance);

void smooth_augmented_observation(struct smooth_state *smooth, const struct filter_record *record);

#endif
