/*
 * The running log-likelihood: sum of squared standardised innovations and the product of their variances.
 *
 * Squares are added plainly within a block of 256 and the blocks with compensation (Neumaier 1974), which keeps the
 * error at a few units in the last place however long the series. The product is renormalised with frexp, one logarithm
 * for the whole series instead of one per step.
 */
#ifndef KALMAN_LIKELIHOOD_SUM_H
#define KALMAN_LIKELIHOOD_SUM_H

#include <math.h>
#include <stdint.h>

struct likelihood_sum {
    double block, squares, compensation;
    double mantissa; /* product of variances = mantissa * 2^exponent */
    int64_t exponent;
    uint64_t count;     /* innovations outside the diffuse phase */
    uint64_t diffuse;   /* observations that the diffuse start consumed */
    uint64_t exact;     /* observations with F = 0 and v = 0: their density is infinite */
    double diffuse_log; /* sum of log F_inf */
};

enum { LIKELIHOOD_BLOCK = 256 };

static inline struct likelihood_sum likelihood_sum_empty(void)
{
    return (struct likelihood_sum){.mantissa = 1.0};
}

static inline void likelihood_sum_fold(struct likelihood_sum *sum)
{
    double total = sum->squares + sum->block;
    sum->compensation += fabs(sum->squares) >= fabs(sum->block) ? (sum->squares - total) + sum->block
                                                                : (sum->block - total) + sum->squares;
    sum->squares = total;
    sum->block = 0.0;
}

static inline void likelihood_sum_renormalise(struct likelihood_sum *sum)
{
    int exponent = 0;
    sum->mantissa = frexp(sum->mantissa, &exponent);
    sum->exponent += exponent;
}

/* One innovation: its squared standardised value and its variance (> 0) in engine units. */
static inline void likelihood_sum_add(struct likelihood_sum *sum, double square, double variance)
{
    sum->block += square;
    if (variance > 0x1p400) { /* after an enormous gap in time, or a robust bound */
        int exponent = 0;
        variance = frexp(variance, &exponent);
        sum->exponent += exponent;
    }
    sum->mantissa *= variance;
    if (!(sum->mantissa < 0x1p400 && sum->mantissa > 0x1p-400))
        likelihood_sum_renormalise(sum);
    if (++sum->count % LIKELIHOOD_BLOCK == 0)
        likelihood_sum_fold(sum);
}

/* Diffuse log-likelihood without the constant of log(2 pi). */
static inline double likelihood_sum_kernel(const struct likelihood_sum *sum, int sd_exponent)
{
    const double ln2 = 0.693147180559945309417232121458;
    struct likelihood_sum total = *sum;
    likelihood_sum_fold(&total);
    if (total.exact > 0)
        return INFINITY;
    double logs =
        log(total.mantissa) + (double)total.exponent * ln2 + (double)total.count * 2.0 * sd_exponent * ln2;
    return -0.5 * (logs + total.diffuse_log +
                   (isnan(total.compensation) ? total.squares : total.squares + total.compensation));
}

#endif
