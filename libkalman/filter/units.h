/*
 * Powers of two between the caller's units and the engine's. Multiplying by one rounds nothing, so
 * the engine's numbers are those of a series of ordinary size whatever the caller's are, and y ->
 * 2^k y is exact.
 *
 * Variances are held in units of 4^sd_exponent (the model's largest variance is then in [1, 4));
 * deviations of means in units of 2^mean_exponent, which depends on the model alone: a stream must
 * not depend on data it has not seen.
 */
#ifndef KALMAN_UNITS_H
#define KALMAN_UNITS_H

#include <math.h>

/* Headroom: the difference of any two doubles, and a forecast well outside them, stays finite. */
enum { UNITS_MEAN_USUAL = 64, UNITS_MEAN_TINY = -200, UNITS_SD_TINY = -800 };

struct units {
    int sd_exponent;
    double mean_in, mean_out; /* caller's -> engine's deviations, and back */
    double mean_to_sd;        /* engine's deviations -> standard deviations of the model's unit */
    double variance_out; /* engine's variances -> caller's; 0 when no double holds the factor */
};

static inline struct units units_of(int sd_exponent)
{
    int mean_exponent = sd_exponent < UNITS_SD_TINY ? UNITS_MEAN_TINY : UNITS_MEAN_USUAL;
    return (struct units){
        .sd_exponent = sd_exponent,
        .mean_in = ldexp(1.0, -mean_exponent),
        .mean_out = ldexp(1.0, mean_exponent),
        .mean_to_sd = ldexp(1.0, mean_exponent - sd_exponent),
        .variance_out = sd_exponent > -500 && sd_exponent < 500 ? ldexp(1.0, 2 * sd_exponent) : 0.0,
    };
}

/* A robust weight never inflates a variance further than this, so that it stays finite; the mean
 * is bounded exactly. */
static const double robust_weight_min = 0x1p-800;

/* An engine variance in the caller's units; overflows to +inf, underflows to 0. */
static inline double units_variance(const struct units *units, double variance)
{
    return units->variance_out != 0.0 ? variance * units->variance_out
                                      : ldexp(variance, 2 * units->sd_exponent);
}

/* y - centre as an engine deviation, whatever the sizes of the two. */
static inline double units_deviation(const struct units *units, double y, double centre)
{
    double difference = y - centre;
    return isinf(difference) ? y * units->mean_in - centre * units->mean_in
                             : difference * units->mean_in;
}

/* centre + an engine deviation, in the caller's units. */
static inline double units_mean(const struct units *units, double centre, double deviation)
{
    double mean = centre + deviation * units->mean_out;
    return isfinite(mean) ? mean : (centre * units->mean_in + deviation) * units->mean_out;
}

#endif
