#include "filter/summary.h"

#include "numeric/expect.h"
#include "stats/distribution.h"

#include <math.h>

static const double log_two_pi = 1.837877066409345483560659472811;

void summary_fill(const struct likelihood_sum *sum, int sd_exponent, uint64_t steady_at,
                  struct kalman_summary *ret_summary)
{
    double kernel = likelihood_sum_kernel(sum, sd_exponent);
    uint64_t informative = sum->count + sum->exact;
    /* Whether a diffuse observation bears -log(2 pi)/2 is a convention; both are reported (DK
     * 7.2). */
    ret_summary->loglikelihood = kernel - 0.5 * log_two_pi * (double)(informative + sum->diffuse);
    ret_summary->loglikelihood_marginal = kernel - 0.5 * log_two_pi * (double)informative;
    ret_summary->observation_count = (size_t)(informative + sum->diffuse);
    ret_summary->diffuse_count = (size_t)sum->diffuse;
    ret_summary->steady_at = steady_at == UINT64_MAX ? SIZE_MAX : (size_t)steady_at;
    ret_summary->bad_index = SIZE_MAX;
}

double kalman_normal_coverage(double coverage)
{
    if (!(coverage > 0.0 && coverage < 1.0))
        return NAN;
    /* The lower tail, whose probability is exact where coverage is near 1. */
    return -normal_quantile(0.5 * (1.0 - coverage));
}

static void bounds(double mean, double variance, double z, double *lower, double *upper)
{
    /* An infinite variance: no bound, though the mean is NaN then. */
    double half = z * sqrt(variance);
    *lower = isinf(half) ? -(double)INFINITY : mean - half;
    *upper = isinf(half) ? (double)INFINITY : mean + half;
}

enum kalman_status kalman_interval(const double *mean, const double *variance, size_t count,
                                   double coverage, double *ret_lower, double *ret_upper)
{
    double z = kalman_normal_coverage(coverage);
    if (isnan(z))
        return KALMAN_EINVAL;
    for (size_t i = 0; i < count; i++)
        bounds(mean[i], variance[i], z, &ret_lower[i], &ret_upper[i]);
    return KALMAN_OK;
}

void forecast_bounds(struct kalman_forecast *forecast, size_t columns, size_t element, double mean,
                     double variance)
{
    EXPECT(element < forecast->horizon * columns);
    for (size_t level = 0; level < forecast->level_count; level++) {
        size_t at = level * forecast->horizon * columns + element;
        double lower = NAN, upper = NAN;
        bounds(mean, variance, kalman_normal_coverage(forecast->levels[level]), &lower, &upper);
        if (forecast->lower)
            forecast->lower[at] = lower;
        if (forecast->upper)
            forecast->upper[at] = upper;
    }
}

double anomaly_score(double standardised)
{
    const double log10_e = 0.434294481903251827651128918917;
    double x = fabs(standardised);
    /* erfc(x/sqrt 2) is the two-sided tail; at 30 it is 1e-197, and at 38 it would underflow. */
    if (x < 30.0)
        return -log10(erfc(x * 0.707106781186547524400844362105)) + 0.0;
    /* Mills' ratio to second order; the next term is below 1e-8 of the score here. */
    return x * x / 2.0 * log10_e + log10(x * 1.253314137315500251207882642406) -
           log10(1.0 - 1.0 / (x * x));
}
