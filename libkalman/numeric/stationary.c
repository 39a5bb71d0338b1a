#include "numeric/stationary.h"

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

static void start(const struct stationary *s)
{
    size_t r = s->reach;
    double root = sqrt(s->covariance[0]);
    memset(s->expected, 0, (r + 1) * sizeof(double));
    if (s->one)
        memset(s->one, 0, (r + 1) * sizeof(double));
    for (size_t i = 0; i <= r; i++)
        s->column[i] = s->rest[i] = s->covariance[i] / root;
}

/* What an innovation adds to the expectation of the values after it. */
static void add_column(const struct stationary *s, double innovation, double *expected)
{
    const double *restrict column = s->column;
    double *restrict x = expected;
    for (size_t i = 1; i <= s->reach; i++)
        x[i] += innovation * column[i];
}

/* The next column: a and b turned so that the first element of b vanishes. */
static bool rotate(const struct stationary *s, double *rest)
{
    double *restrict a = s->column, *restrict b = rest;
    double sine = b[0] / a[0], left = 1 - sine * sine;
    if (!(left > left_min))
        return false;
    double cosine = sqrt(left), scale = 1 / cosine;
    for (size_t i = 0; i <= s->reach; i++) {
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

bool stationary_sum(const struct stationary *s, const double *values, struct cancel_check *cancel,
                    struct stationary_sums *ret_sums)
{
    EXPECT(s->reach > 0 && s->order <= s->reach);
    struct stationary_sums sums = {0, 0, 0, 0};
    double product = 1;
    bool settled = false;
    if (!(s->covariance[0] > 0))
        return false;
    start(s);
    for (size_t t = 0; t < s->count; t++) {
        if (cancel_poll(cancel, 4 * s->reach + 8))
            return false;
        extend(s, s->expected + t + s->reach);
        double e = (values[t] - s->expected[t]) / s->column[0];
        add_column(s, e, s->expected + t);
        sums.square += e * e;
        if (s->one) {
            extend(s, s->one + t + s->reach);
            double c = (1 - s->one[t]) / s->column[0];
            add_column(s, c, s->one + t);
            sums.cross += c * e;
            sums.one += c * c;
        }
        product *= s->column[0];
        if (!(product > 1e-100 && product < 1e100)) {
            sums.log_determinant += 2 * log(product);
            product = 1;
        }
        if (settled || t + 1 == s->count)
            continue;
        extend(s, s->rest + t + 1 + s->reach);
        if (!rotate(s, s->rest + t + 1))
            return false;
        settled = t % (s->reach + 1) == 0 && has_settled(s, s->rest + t + 1);
    }
    sums.log_determinant += 2 * log(product);
    *ret_sums = sums;
    return isfinite(sums.square);
}
