/* The stationary variance of a linear recursion: where the stationary part of an ARMA model
 * starts. */
#ifndef KALMAN_LYAPUNOV_H
#define KALMAN_LYAPUNOV_H

#include "numeric/cancel.h"

#include <stdbool.h>
#include <stddef.h>

/* Doubles lyapunov_solve() needs as work space for `size` states. */
size_t lyapunov_work_size(size_t size);

/*
 * Solves P = T P T' + V by doubling: P <- P + A P A', A <- A A (Smith 1968; Anderson and Moore
 * 1979, section 6.7). Only sums of positive semidefinite terms, so a tiny variance keeps its
 * digits. T, V and P are size x size, row-major; `ret_variance` may not overlap the others. Returns
 * false, and leaves P unspecified, when T has an eigenvalue on or outside the unit circle (to
 * working precision), for then no stationary variance exists; or when the check (NULL: none)
 * stopped it.
 */
bool lyapunov_solve(size_t size, const double *transition, const double *noise,
                    struct cancel_check *cancel, double *work, double *ret_variance);

#endif
