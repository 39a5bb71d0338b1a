/* Lag polynomials: what ARIMA models are written in. Coefficients are stored without the leading
 * 1. */
#ifndef KALMAN_LAG_POLYNOMIAL_H
#define KALMAN_LAG_POLYNOMIAL_H

#include <stddef.h>

/*
 * Partial autocorrelations in [-1, 1]^order to the phi of 1 - phi_1 L - ... (Durbin-Levinson;
 * Barndorff-Nielsen and Schou 1973, Monahan 1984). The open cube maps one-to-one onto the
 * stationary region, its faces onto the boundary, so a fit over the closed cube is a fit over the
 * closed region.
 */
void lag_from_partial(const double *partial, size_t order, double *ret_coefficients);

/* The inverse. Outside the stationary region the result has an element of magnitude >= 1, or is not
 * finite.
 */
void lag_to_partial(const double *coefficients, size_t order, double *ret_partial);

/*
 * (1 + sign * sum a_i L^i)(1 + sign * sum b_j L^(j * period)): writes the order_a + order_b *
 * period coefficients of the product, in the same sign convention (sign -1 for AR: 1 - phi L ..; +1
 * for MA: 1 + theta L ..).
 */
void lag_multiply(double sign, const double *a, size_t order_a, const double *b, size_t order_b,
                  size_t period, double *ret_product);

/* (1 - L)^differences (1 - L^period)^seasonal: writes differences + seasonal * period coefficients,
 * AR convention. */
void lag_differences(size_t differences, size_t seasonal, size_t period, double *ret_coefficients);

/* The same of a series, in place; returns how many values are left. */
size_t lag_differences_of(double *values, size_t count, size_t differences, size_t seasonal,
                          size_t period);

#endif
