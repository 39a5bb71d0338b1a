/* The climb: NLopt's SLSQP (Kraft 1994) on the coordinates that are not held. The only user of
 * nlopt.h. */
#ifndef KALMAN_FIT_NLOPT_H
#define KALMAN_FIT_NLOPT_H

#include "fit/problem.h"

#include <stdbool.h>

/*
 * Moves x uphill inside the box and returns the log-likelihood there; never lower than where it
 * began. Coordinates with held[i], and variances at zero, stay. Stops when a step gains less than
 * gain_min: fit_polish finishes. -INFINITY if x has no likelihood.
 */
double fit_climb(struct fit_problem *problem, const bool *held, double gain_min,
                 size_t evaluations_max, double *x);

#endif
