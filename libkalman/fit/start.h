/* Where a fit begins: deterministic starting points, the promising ones first. */
#ifndef KALMAN_FIT_START_H
#define KALMAN_FIT_START_H

#include "fit/problem.h"

enum { FIT_STARTS_MAX = 12 };

struct fit_start {
    double value;
    double x[KALMAN_PARAMETERS_MAX];
};

/* Evaluates the candidates of the kind and keeps the best `wanted` (<= FIT_STARTS_MAX) of them,
 * best first; returns how many have a likelihood. */
size_t fit_starts(struct fit_problem *problem, size_t wanted, struct fit_start *ret_starts);

/* A few cheap uphill steps on the variances of models with a closed-form score: V <- V
 * sqrt(quadratic / trace), the minorise-maximise step for variance components (Zhou, Hu, Zhou and
 * Lange 2019), which cannot go down. */
void fit_warm(struct fit_problem *problem, size_t steps, double *x);

/* Is a polynomial of two and more free, or more than one AR and one MA coefficient? */
bool fit_has_polynomial(const struct fit_problem *problem);

/* Has the likelihood several summits of about one height? That of polynomials of two and more has,
 * and that of a damping, on either side of which a trend may lie. */
bool fit_is_rugged(const struct fit_problem *problem);

#endif
