/* From near the top to the top: Newton's method, the zero variances, and the verdict. */
#ifndef KALMAN_FIT_POLISH_H
#define KALMAN_FIT_POLISH_H

#include "fit/problem.h"

#include <stdbool.h>

/*
 * Moves x to the maximum near it: Newton steps on the coordinates inside their bounds, then every
 * variance is tried at zero (and other coordinates at a bound that is near), and every zero is
 * tried a little above, until nothing improves. `held` names the variance kept fixed while a common
 * scale is concentrated out (SIZE_MAX: none); it is chosen again whenever it vanishes. Returns the
 * log-likelihood; *ret_converged says whether the gradient vanished to working precision on every
 * free coordinate.
 */
double fit_polish(struct fit_problem *problem, double *x, bool *ret_converged);

/* The variance that stays put while the others move: the largest. SIZE_MAX when the scale is not
 * concentrated out. */
size_t fit_reference(const struct fit_problem *problem, const double *x);

/* Is x[i] at the end of its box (never for variances: their end is zero)? */
bool fit_at_bound(const struct fit_problem *problem, const double *x, size_t i);

#endif
