/*
 * Numbers of twice the precision of a double, as unevaluated sums of two (Dekker 1971): about 106
 * bits, by additions and products of doubles alone, so the bits are the same on every machine. For
 * the few quantities of a start that a double cannot tell apart. Private to libkalman.
 */
#ifndef KALMAN_TWOFOLD_H
#define KALMAN_TWOFOLD_H

#include <math.h>

struct twofold {
    double high, low; /* |low| <= half a unit in the last place of high */
};

static inline struct twofold twofold_of(double x)
{
    return (struct twofold){x, 0.0};
}

static inline double twofold_value(struct twofold x)
{
    return x.high + x.low;
}

/* a + b exactly, where |a| >= |b|. */
static inline struct twofold twofold_join(double a, double b)
{
    double sum = a + b;
    return (struct twofold){sum, b - (sum - a)};
}

/* a + b exactly (Knuth). */
static inline struct twofold twofold_sum(double a, double b)
{
    double sum = a + b, part = sum - a;
    return (struct twofold){sum, (a - (sum - part)) + (b - part)};
}

/* a b exactly (Dekker, Veltkamp's split): magnitudes between 1e-290 and 1e290. */
static inline struct twofold twofold_times(double a, double b)
{
    const double splitter = 134217729.0; /* 2^27 + 1 */
    double product = a * b, spread_a = splitter * a, spread_b = splitter * b;
    double high_a = spread_a - (spread_a - a), high_b = spread_b - (spread_b - b);
    double low_a = a - high_a, low_b = b - high_b;
    return (struct twofold){
        product, ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b};
}

static inline struct twofold twofold_add(struct twofold a, struct twofold b)
{
    struct twofold high = twofold_sum(a.high, b.high), low = twofold_sum(a.low, b.low);
    high = twofold_join(high.high, high.low + low.high);
    return twofold_join(high.high, high.low + low.low);
}

static inline struct twofold twofold_negative(struct twofold a)
{
    return (struct twofold){-a.high, -a.low};
}

static inline struct twofold twofold_multiply(struct twofold a, struct twofold b)
{
    struct twofold product = twofold_times(a.high, b.high);
    return twofold_join(product.high, product.low + (a.high * b.low + a.low * b.high));
}

/* a b for a double b. */
static inline struct twofold twofold_scale(struct twofold a, double b)
{
    struct twofold product = twofold_times(a.high, b);
    return twofold_join(product.high, product.low + a.low * b);
}

/* sum + a b */
static inline struct twofold twofold_fused(struct twofold sum, struct twofold a, struct twofold b)
{
    return twofold_add(sum, twofold_multiply(a, b));
}

static inline struct twofold twofold_divide(struct twofold a, struct twofold b)
{
    double first = a.high / b.high;
    struct twofold rest = twofold_add(a, twofold_negative(twofold_scale(b, first)));
    double second = rest.high / b.high;
    rest = twofold_add(rest, twofold_negative(twofold_scale(b, second)));
    struct twofold quotient = twofold_join(first, second);
    return twofold_add(quotient, twofold_of(rest.high / b.high));
}

/* For a > 0; zero otherwise. */
static inline struct twofold twofold_root(struct twofold a)
{
    if (!(a.high > 0.0))
        return twofold_of(0.0);
    /* One step of Newton's on the root of the high part doubles its digits. */
    double root = sqrt(a.high);
    struct twofold rest = twofold_add(a, twofold_negative(twofold_times(root, root)));
    return twofold_join(root, rest.high / (2.0 * root));
}

#endif
