/*
 * Tail probabilities and quantiles that intervals and diagnostics need; libm only, no state,
 * thread-safe. Accuracy: about 1e-13 relative, 1e-12 far out in the tails; checked against R in
 * tests/unit/libkalman.
 */
#ifndef KALMAN_DISTRIBUTION_H
#define KALMAN_DISTRIBUTION_H

/* P(X > x), X chi-squared with `degrees` > 0 degrees of freedom. 1 for x <= 0; NaN for NaN. */
double chi_squared_upper(double x, double degrees);

/* P(X > x), X distributed as F(numerator, denominator), both > 0. 1 for x <= 0; NaN for NaN. */
double f_upper(double x, double numerator, double denominator);

/* P(X <= x), X standard normal. */
double normal_lower(double x);

/* The x with P(X <= x) = probability, X standard normal; -inf at 0, +inf at 1, NaN outside [0,
 * 1]. */
double normal_quantile(double probability);

#endif
