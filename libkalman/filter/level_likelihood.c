#include "filter/level_likelihood.h"

#include "numeric/expect.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

static const double ln2 = 0.693147180559945309417232121458;

/* A product of variances kept in range: one logarithm at the end instead of one per step. */
struct log_product {
    double mantissa;
    int64_t exponent;
};

static inline void log_product_multiply(struct log_product *product, double factor)
{
    int exponent = 0;
    if (factor > 0x1p300) { /* after an enormous gap in time */
        factor = frexp(factor, &exponent);
        product->exponent += exponent;
    }
    product->mantissa *= factor;
    if (product->mantissa > 0x1p300 || product->mantissa < 0x1p-300) {
        product->mantissa = frexp(product->mantissa, &exponent);
        product->exponent += exponent;
    }
}

static inline double log_product_value(const struct log_product *product)
{
    return log(product->mantissa) + (double)product->exponent * ln2;
}

/* Index of the first observed value at or after from. */
static size_t next_observed(const struct level_data *data, size_t from)
{
    while (from < data->count && isnan(data->values[from]))
        from++;
    return from;
}

/* y_to - y_from, in the units of the problem. */
static inline double step_between(const struct level_data *data, size_t from, size_t to)
{
    return ((data->values[to] - data->centre) - (data->values[from] - data->centre)) * data->scale;
}

static inline double gap_between(const struct level_data *data, size_t from, size_t to)
{
    if (!data->times)
        return (double)(to - from);
    double gap = 0.0;
    for (size_t i = from + 1; i <= to; i++)
        gap += data->times[i] - data->times[i - 1];
    return gap;
}

/*
 * Constant gain: v_{t+1} = b v_t + (y_{t+1} - y_t), b = H/F. Four steps at a time, v_{t+4} = b^4
 * v_t + terms that do not wait for v_t, so the chain is one multiply-add per four values. Stops
 * before a missing value; returns the last index done and the v there.
 */
static inline size_t steady_squares(const struct level_data *data, double centre, size_t t,
                                    double b, double *v, double *squares)
{
    EXPECT(t < data->count);
    assert(b >= 0.0 && b <= 1.0);
    const double b2 = b * b, b3 = b2 * b, b4 = b2 * b2;
    const double *y = data->values, scale = data->scale;
    double s1 = 0.0, s2 = 0.0, s3 = 0.0, s4 = 0.0, last = *v, y0 = y[t] - centre;
    for (; t + 4 < data->count; t += 4) {
        double y1 = y[t + 1] - centre, y2 = y[t + 2] - centre, y3 = y[t + 3] - centre,
               y4 = y[t + 4] - centre;
        double d1 = (y1 - y0) * scale, d2 = (y2 - y1) * scale, d3 = (y3 - y2) * scale,
               d4 = (y4 - y3) * scale;
        double w2 = b * d1 + d2, w3 = b * w2 + d3, w4 = b * w3 + d4;
        double v1 = b * last + d1, v2 = b2 * last + w2, v3 = b3 * last + w3, v4 = b4 * last + w4;
        if (isnan(v4))
            break;
        s1 += v1 * v1;
        s2 += v2 * v2;
        s3 += v3 * v3;
        s4 += v4 * v4;
        last = v4;
        y0 = y4;
    }
    for (; t + 1 < data->count && !isnan(data->values[t + 1]); t++) {
        last = b * last + ((y[t + 1] - centre) - (y[t] - centre)) * scale;
        s1 += last * last;
    }
    *v = last;
    *squares += (s1 + s2) + (s3 + s4);
    return t;
}

void level_likelihood(const struct level_data *data, double H, double Q,
                      struct level_sums *ret_sums)
{
    assert(data->count == 0 || data->values);
    assert(H >= 0.0 && Q >= 0.0);
    struct log_product logs = {1.0, 0};
    double squares = 0.0, steady_log = 0.0, P = H, e = 0.0, before = NAN;
    size_t t = next_observed(data, 0), innovations = 0, steady_at = SIZE_MAX;
    while (t < data->count) {
        size_t next = next_observed(data, t + 1);
        if (next == data->count)
            break;
        /* e_t = y_t - a_t|t is what the filter left of the last observation, so that
         * v_{t+1} = (y_{t+1} - y_t) + e_t: differences only, and no level to lose digits in. */
        double v = step_between(data, t, next) + e;
        double gap = next == t + 1 && !data->times ? 1.0 : gap_between(data, t, next);
        P += Q * gap;
        double F = P + H;
        t = next;
        if (F > 0.0) {
            double b = H / F, change = fabs(P - before);
            squares += v / F * v;
            log_product_multiply(&logs, F);
            innovations++;
            /* P_{t+1} - Pbar shrinks by b^2 a step, b = 1 - K, so what is left after a change is
             * about change b^2/(1 - b^2): bounded relative to P (see filter/level.c). */
            if (!data->times && change <= 1e-15 * (1.0 - b * b) * P) {
                double steady_squares_sum = 0.0;
                /* With no centre the compiler leaves its subtractions out. */
                size_t done =
                    data->centre == 0.0
                        ? steady_squares(data, 0.0, t, b, &v, &steady_squares_sum)
                        : steady_squares(data, data->centre, t, b, &v, &steady_squares_sum);
                steady_at = steady_at == SIZE_MAX ? t : steady_at;
                squares += steady_squares_sum / F;
                steady_log += (double)(done - t) * log(F);
                innovations += done - t;
                t = done;
            }
            before = gap == 1.0 ? P : (double)NAN;
            /* e = v H/F and P_t|t = P H/F: products, which cannot cancel (DK 2.15). */
            e = v * b;
            P = P * b;
        } else if (v != 0.0) {
            squares = INFINITY;
        }
    }
    *ret_sums = (struct level_sums){.squares = squares,
                                    .logs = log_product_value(&logs) + steady_log,
                                    .innovations = innovations,
                                    .steady_at = steady_at};
}

/* The recursion with its derivative; [0] value, [1] derivative. */
struct score_state {
    double P[2], e[2], v[2], before[2]; /* before: P of the last step */
    double squares, squares_by_u, logs_by_u;
    struct log_product logs;
};

/* One step with innovation v and predicted P; returns b = H/F and its derivative. */
static void score_step(struct score_state *s, const double H[2], double b[2])
{
    assert(s->P[0] + H[0] > 0.0);
    /* The recursion differentiated along (dH, dQ), side by side with itself: F = P + H, b = H/F, so
     * db = dH/F - b dF/F, d(v^2/F) = 2 v dv/F - (v/F)^2 dF and d log F = dF/F. */
    double F = s->P[0] + H[0], dF = s->P[1] + H[1], inverse = 1.0 / F;
    double u = s->v[0] * inverse, growth = dF * inverse;
    b[0] = H[0] * inverse;
    b[1] = H[1] * inverse - b[0] * growth;
    s->squares += u * s->v[0];
    s->squares_by_u += 2.0 * u * s->v[1] - u * u * dF;
    s->logs_by_u += growth;
    log_product_multiply(&s->logs, F);
}

/* Constant gain, as steady_squares(): v_{t+1} = b v_t + dy and dv_{t+1} = b dv_t + db v_t.
 * Returns the last index done. */
static size_t score_steady(const struct level_data *data, size_t t, const double H[2],
                           const double b[2], struct score_state *s)
{
    EXPECT(t < data->count);
    const double *y = data->values, F = s->P[0] + H[0], dF = s->P[1] + H[1];
    double v = s->v[0], dv = s->v[1], squares = 0.0, cross = 0.0;
    size_t first = t;
    for (; t + 1 < data->count && !isnan(y[t + 1]); t++) {
        dv = b[0] * dv + b[1] * v;
        v = b[0] * v + step_between(data, t, t + 1);
        squares += v * v;
        cross += v * dv;
    }
    /* F is constant, so log F counts `steps` times; it is added as a power of two, in which the
     * product of the F is kept. */
    double steps = (double)(t - first), exponent = steps * log(F) / ln2;
    s->v[0] = v;
    s->v[1] = dv;
    s->squares += squares / F;
    s->squares_by_u += 2.0 * cross / F - squares / F * (dF / F);
    s->logs_by_u += steps * (dF / F);
    s->logs.exponent += (int64_t)exponent;
    s->logs.mantissa *= exp2(exponent - (double)(int64_t)exponent);
    return t;
}

/* Both P and its derivative have stopped moving. */
static bool score_settled(const struct score_state *s, double b)
{
    double room = 1.0 - b * b;
    return fabs(s->P[0] - s->before[0]) <= 1e-15 * room * s->P[0] &&
           fabs(s->P[1] - s->before[1]) <= 1e-14 * room * fabs(s->P[1]);
}

void level_likelihood_score(const struct level_data *data, const double H[2], const double Q[2],
                            struct level_sums *ret_sums)
{
    assert(H[0] >= 0.0 && Q[0] >= 0.0);
    struct score_state s = {
        .P = {H[0], H[1]}, .before = {(double)NAN, (double)NAN}, .logs = {1.0, 0}};
    size_t t = next_observed(data, 0), innovations = 0;
    while (t < data->count) {
        size_t next = next_observed(data, t + 1);
        if (next == data->count)
            break;
        double gap = next == t + 1 && !data->times ? 1.0 : gap_between(data, t, next), b[2];
        s.v[0] = step_between(data, t, next) + s.e[0];
        s.v[1] = s.e[1];
        t = next;
        s.P[0] += Q[0] * gap;
        s.P[1] += Q[1] * gap;
        if (!(s.P[0] + H[0] > 0.0))
            continue;
        score_step(&s, H, b);
        innovations++;
        if (!data->times && gap == 1.0 && score_settled(&s, b[0])) {
            size_t done = score_steady(data, t, H, b, &s);
            innovations += done - t;
            t = done;
        }
        s.before[0] = gap == 1.0 ? s.P[0] : (double)NAN;
        s.before[1] = s.P[1];
        s.e[0] = s.v[0] * b[0];
        /* e = v b and P <- P b, and their derivatives by the product rule. */
        s.e[1] = s.v[1] * b[0] + s.v[0] * b[1];
        s.P[1] = s.P[1] * b[0] + s.P[0] * b[1];
        s.P[0] = s.P[0] * b[0];
    }
    *ret_sums = (struct level_sums){.squares = s.squares,
                                    .logs = log_product_value(&s.logs),
                                    .squares_by_u = s.squares_by_u,
                                    .logs_by_u = s.logs_by_u,
                                    .innovations = innovations,
                                    .steady_at = SIZE_MAX};
}

void level_likelihood_lanes(const struct level_data *data, const double H[LEVEL_LANES],
                            const double Q[LEVEL_LANES], double ret_squares[LEVEL_LANES],
                            double ret_logs[LEVEL_LANES])
{
    double P[LEVEL_LANES], e[LEVEL_LANES], h[LEVEL_LANES], q[LEVEL_LANES], squares[LEVEL_LANES],
        product[LEVEL_LANES];
    double logs[LEVEL_LANES];
    for (size_t k = 0; k < LEVEL_LANES; k++) {
        h[k] = P[k] = H[k];
        q[k] = Q[k];
        e[k] = squares[k] = logs[k] = 0.0;
        product[k] = 1.0;
    }
    size_t t = next_observed(data, 0), steps = 0;
    while (t < data->count) {
        size_t next = next_observed(data, t + 1);
        if (next == data->count)
            break;
        double d = step_between(data, t, next);
        double gap = next == t + 1 && !data->times ? 1.0 : gap_between(data, t, next);
        t = next;
        /* 3^64 is 2^101, so that a product of 64 is far from overflow; a long gap makes one
         * large F. */
        if (++steps % 64 == 0 || gap != 1.0) /* with gaps of one every F is between 1 and 3 */
            for (size_t k = 0; k < LEVEL_LANES; k++) {
                logs[k] += log(product[k]);
                product[k] = 1.0;
            }
        for (size_t k = 0; k < LEVEL_LANES; k++) {
            double v = d + e[k], predicted = P[k] + q[k] * gap, F = predicted + h[k];
            double inverse = 1.0 / F, b = h[k] * inverse;
            squares[k] += v * v * inverse;
            product[k] *= F;
            e[k] = v * b;
            P[k] = predicted * b;
        }
    }
    for (size_t k = 0; k < LEVEL_LANES; k++) {
        ret_squares[k] = squares[k];
        ret_logs[k] = logs[k] + log(product[k]);
    }
}
