/*
 * The density of a stationary series by its autocovariances. Private to libkalman.
 *
 * The covariance of a stationary series is a Toeplitz matrix, so that C - Z C Z', Z the shift down,
 * has rank two: a a' - b b'. Each column of its Cholesky factor follows from the one before by one
 * rotation of a and b (Schur's algorithm; Kailath & Sayed 1995). Beyond a few lags the
 * autocovariances are zero, or follow from those before by an AR part: then a step takes as many
 * operations as there are such lags, where a filter takes their square. The rotations are in mixed
 * form, which keeps the digits (Bojanczyk, Brent, Van Dooren & de Hoog 1987).
 *
 * Gaps are regressors: they go through the factor as the values do, and are integrated out.
 */
#ifndef KALMAN_STATIONARY_H
#define KALMAN_STATIONARY_H

#include "numeric/cancel.h"
#include "numeric/gaps.h"

#include <stdbool.h>
#include <stddef.h>

struct stationary {
    size_t count, reach;      /* n, r >= 1 */
    const double *covariance; /* r + 1: at lags 0 to r */
    const double *ar;         /* at lag k > r: sum ar_j times that at lag k - j */
    size_t order;             /* of ar, <= r */
    double *column;           /* workspace, r + 1 */
    double *rest, *expected;  /* workspace, n + r + 1 each */
    double *one;              /* workspace, n + r + 1; or NULL: no mean */
    const struct gaps *gaps;  /* of the values */
    double *gap_workspace;    /* stationary_gap_doubles() of them */
};

/* Workspace of so many gaps. */
static inline size_t stationary_gap_doubles(size_t gaps, size_t count, size_t reach)
{
    return gaps * (count + reach + 1) + (gaps + 2) * gaps;
}

/* log|C|, and sums of products of the standardised innovations of the values, y, and of a constant
 * one: y'y, y'1, 1'1, weighted by C^-1; what is left of them beside the gaps, and log|X'C^-1 X| of
 * these added. */
struct stationary_sums {
    double log_determinant, square, cross, one;
};

/* False where no series has these covariances, where digits would be lost, or the caller cancelled.
 */
bool stationary_sum(const struct stationary *s, const double *values, struct cancel_check *cancel,
                    struct stationary_sums *ret_sums);

#endif
