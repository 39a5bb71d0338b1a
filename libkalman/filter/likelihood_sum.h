/*
 * The running log-likelihood: sum of squared standardised innovations and the product of their
 * variances.
 *
 * Squares are added plainly within a block of 256 and the blocks with compensation (Neumaier 1974),
 * which keeps the error at a few units in the last place however long the series. The product is
 * renormalised with frexp, one logarithm for the whole series instead of one per step.
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
    double steady_F;    /* steps with the same variance, as in a steady run, are only counted */
    uint64_t steady_count;
    double steady_log; /* of runs with other variances before */
};

enum { LIKELIHOOD_BLOCK = 256 };

static inline struct likelihood_sum likelihood_sum_empty(void)
{
    return (struct likelihood_sum){.mantissa = 1.0};
}

static inline void likelihood_sum_fold(struct likelihood_sum *sum)
{
    double total = sum->squares + sum->block;
    sum->compensation += fabs(sum->squares) >= fabs(sum->block)
                             ? (sum->squares - total) + sum->block
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

/* The variance of the steps that likelihood_sum_add_steady() counts from here on. */
static inline void likelihood_sum_steady(struct likelihood_sum *sum, double variance)
{
    if (sum->steady_F == variance)
        return;
    if (sum->steady_count > 0)
        sum->steady_log += (double)sum->steady_count * log(sum->steady_F);
    sum->steady_F = variance;
    sum->steady_count = 0;
}

/* Steps that may be added before the block is full. */
static inline uint64_t likelihood_sum_room(const struct likelihood_sum *sum)
{
    return LIKELIHOOD_BLOCK - sum->count % LIKELIHOOD_BLOCK;
}

/* steps (at most the room) of the steady variance; block: sum->block with their squares added
 * one by one. */
static inline void likelihood_sum_add_steady(struct likelihood_sum *sum, double block,
                                             uint64_t steps)
{
    sum->block = block;
    sum->steady_count += steps;
    sum->count += steps;
    if (steps > 0 && sum->count % LIKELIHOOD_BLOCK == 0)
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
    double logs = total.steady_log;
    if (total.steady_count > 0)
        logs += (double)total.steady_count * log(total.steady_F);
    logs += log(total.mantissa) + (double)total.exponent * ln2 +
            (double)total.count * 2.0 * sd_exponent * ln2;
    return -0.5 *
           (logs + total.diffuse_log +
            (isnan(total.compensation) ? total.squares : total.squares + total.compensation));
}

#endif
