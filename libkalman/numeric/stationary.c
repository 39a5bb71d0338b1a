#include "numeric/stationary.h"

#include "numeric/dense.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* Of a rotation: what is left of a square. Less has lost ten digits of sixteen. */
static const double left_min = 1e-10;

/* The element that comes into reach: zero, or what the AR part makes of those before. */
static void extend(const struct stationary *s, double *next)
{
    double sum = 0;
    for (size_t j = 0; j < s->order; j++)
        sum += s->ar[j] * next[-1 - (ptrdiff_t)j];
    *next = sum;
}

/* Where the expectations that a gap leads to are, and the products of gap k, or of the constant and
 * the values after the last one, with the gaps before. */
static double *gap_expected(const struct stationary *s, size_t k)
{
    return s->gap_workspace + k * (s->count + s->reach + 1);
}

static double *gap_products(const struct stationary *s, size_t row)
{
    return gap_expected(s, s->gaps->count) + row * s->gaps->count;
}

static void start_gaps(const struct stationary *s)
{
    const struct gaps *gaps = s->gaps;
    for (size_t k = 0; k < gaps->count; k++) {
        size_t from = gaps->at[k] > gaps->lags ? gaps->at[k] - gaps->lags : 0;
        memset(gap_expected(s, k) + from, 0, (s->reach + 1) * sizeof(double));
    }
    memset(gap_products(s, 0), 0, (gaps->count + 2) * gaps->count * sizeof(double));
}

static void start(const struct stationary *s)
{
    size_t r = s->reach;
    double root = sqrt(s->covariance[0]);
    memset(s->expected, 0, (r + 1) * sizeof(double));
    if (s->one)
        memset(s->one, 0, (r + 1) * sizeof(double));
    for (size_t i = 0; i <= r; i++)
        s->column[i] = s->rest[i] = s->covariance[i] / root;
    if (s->gaps->count > 0)
        start_gaps(s);
}

/* What an innovation adds to the expectation of the values after it. Inlined, as all that has a
 * `reach`: the loops are written out where that is a small constant. */
static inline __attribute__((always_inline)) void add_column(const double *restrict column,
                                                             size_t reach, double innovation,
                                                             double *restrict expected)
{
    for (size_t i = 1; i <= reach; i++)
        expected[i] += innovation * column[i];
}

/* The next column: a and b turned so that the first element of b vanishes. */
static inline __attribute__((always_inline)) bool rotate(double *restrict a, size_t reach,
                                                         double *restrict b)
{
    double sine = b[0] / a[0], left = 1 - sine * sine;
    if (!(left > left_min))
        return false;
    double cosine = sqrt(left), scale = 1 / cosine;
    for (size_t i = 0; i <= reach; i++) {
        double turned = scale * (a[i] - sine * b[i]);
        b[i] = cosine * b[i] - sine * turned;
        a[i] = turned;
    }
    return true;
}

/* Is all that is left of b rounding, so that the columns no longer change? */
static bool has_settled(const struct stationary *s, const double *rest)
{
    double largest = 0;
    for (size_t i = 0; i <= s->reach; i++)
        largest = fmax(largest, fabs(rest[i]));
    return largest < 1e-17 * s->column[0];
}

/* The innovations of the gaps that have come, and their products with those of the constant and of
 * the value. */
static void take_gaps(const struct stationary *s, size_t come, size_t t, double of_one,
                      double of_value)
{
    double u[GAPS_MAX];
    EXPECT(come <= s->gaps->count);
    for (size_t k = 0; k < come; k++) {
        double *expected = gap_expected(s, k) + t, *products = gap_products(s, k);
        extend(s, expected + s->reach);
        u[k] = (gaps_effect(s->gaps, k, t) - expected[0]) / s->column[0];
        dense_add_scaled(u[k], s->column + 1, s->reach, expected + 1);
        for (size_t j = 0; j <= k; j++)
            products[j] += u[k] * u[j];
    }
    double *one = gap_products(s, s->gaps->count), *value = gap_products(s, s->gaps->count + 1);
    for (size_t j = 0; j < come; j++) {
        one[j] += of_one * u[j];
        value[j] += of_value * u[j];
    }
}

/* Cholesky's factor of the gaps' products, by columns; what it leaves of the sums. False where the
 * values do not determine a gap. */
static bool eliminate_gaps(const struct stationary *s, struct stationary_sums *sums)
{
    static const double pivot_min = 1e-11;
    size_t count = s->gaps->count;
    double diagonal[GAPS_MAX];
    for (size_t k = 0; k < count; k++)
        diagonal[k] = gap_products(s, k)[k];
    double *one = gap_products(s, count), *value = gap_products(s, count + 1);
    for (size_t k = 0; k < count; k++) {
        double pivot = gap_products(s, k)[k];
        if (!(pivot > pivot_min * diagonal[k]))
            return false;
        sums->log_determinant += log(pivot);
        sums->square -= value[k] * value[k] / pivot;
        sums->cross -= value[k] * one[k] / pivot;
        sums->one -= one[k] * one[k] / pivot;
        for (size_t i = k + 1; i < count + 2; i++) {
            double *row = gap_products(s, i), factor = row[k] / pivot;
            for (size_t j = k + 1; j < count && j <= i; j++)
                row[j] -= factor * gap_products(s, j)[k];
        }
    }
    return true;
}

/* One value: its innovation, and what that tells of those after it. */
static inline __attribute__((always_inline)) void take(const struct stationary *s, size_t reach,
                                                       size_t t, size_t gaps, double value,
                                                       struct stationary_sums *sums)
{
    extend(s, s->expected + t + reach);
    double e = (value - s->expected[t]) / s->column[0];
    add_column(s->column, reach, e, s->expected + t);
    sums->square += e * e;
    double c = 0;
    if (s->one) {
        extend(s, s->one + t + reach);
        c = (1 - s->one[t]) / s->column[0];
        add_column(s->column, reach, c, s->one + t);
        sums->cross += c * e;
        sums->one += c * c;
    }
    if (gaps > 0)
        take_gaps(s, gaps, t, c, e);
}

static inline __attribute__((always_inline)) bool sum(const struct stationary *s, size_t reach,
                                                      const double *values,
                                                      struct cancel_check *cancel,
                                                      struct stationary_sums *ret_sums)
{
    struct stationary_sums sums = {0, 0, 0, 0};
    double product = 1;
    bool settled = false;
    size_t gaps = 0;
    for (size_t t = 0; t < s->count; t++) {
        gaps = gaps_before(s->gaps, gaps, t);
        if (cancel_poll(cancel, (4 + 2 * gaps) * reach + 8))
            return false;
        take(s, reach, t, gaps, values[t], &sums);
        product *= s->column[0];
        if (!(product > 1e-100 && product < 1e100)) {
            sums.log_determinant += 2 * log(product);
            product = 1;
        }
        if (settled || t + 1 == s->count)
            continue;
        extend(s, s->rest + t + 1 + reach);
        if (!rotate(s->column, reach, s->rest + t + 1))
            return false;
        settled = t % (reach + 8) == 0 && has_settled(s, s->rest + t + 1);
    }
    sums.log_determinant += 2 * log(product);
    if (s->gaps->count > 0 && !eliminate_gaps(s, &sums))
        return false;
    *ret_sums = sums;
    return isfinite(sums.square);
}

bool stationary_sum(const struct stationary *s, const double *values, struct cancel_check *cancel,
                    struct stationary_sums *ret_sums)
{
    EXPECT(s->reach > 0 && s->order <= s->reach);
    if (!(s->covariance[0] > 0))
        return false;
    start(s);
    switch (s->reach) {
    case 1:
        return sum(s, 1, values, cancel, ret_sums);
    case 2:
        return sum(s, 2, values, cancel, ret_sums);
    default:
        return sum(s, s->reach, values, cancel, ret_sums);
    }
}
