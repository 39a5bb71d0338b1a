#include <kalman/diagnostics.h>

#include "numeric/expect.h"
#include "stats/distribution.h"

#include <math.h>

static enum kalman_status count_finite(const double *residuals, size_t count, size_t *ret_used)
{
    size_t used = 0;
    for (size_t t = 0; t < count; t++) {
        if (isinf(residuals[t]))
            return KALMAN_EDOMAIN;
        used += isnan(residuals[t]) ? 0u : 1u;
    }
    *ret_used = used;
    return KALMAN_OK;
}

static double mean_of(const double *residuals, size_t count, size_t used)
{
    assert(used > 0);
    double sum = 0;
    for (size_t t = 0; t < count; t++)
        sum += isnan(residuals[t]) ? 0 : residuals[t];
    return sum / (double)used;
}

/* Moments about the mean, divided by n (DK 2.12.1). */
static void moments(const double *residuals, size_t count, struct kalman_diagnostics *d)
{
    assert(d->count > 0);
    double second = 0, third = 0, fourth = 0, n = (double)d->count;
    /* Two passes: sums of powers about zero would cancel where the mean is far from it. */
    d->mean = mean_of(residuals, count, d->count);
    for (size_t t = 0; t < count; t++) {
        if (isnan(residuals[t]))
            continue;
        double e = residuals[t] - d->mean, square = e * e;
        second += square;
        third += square * e;
        fourth += square * square;
    }
    d->variance = second / n;
    if (d->count < 3 || !(d->variance > 0)) /* shape needs three values that differ */
        return;
    d->skewness = third / n / (d->variance * sqrt(d->variance));
    d->kurtosis = fourth / n / (d->variance * d->variance);
    double excess = d->kurtosis - 3;
    /* Under normality S ~ N(0, 6/n) and K - 3 ~ N(0, 24/n), independent in large samples: the
     * sum of their squares over their variances is chi-squared with 2 df (DK 2.12.1), whose tail
     * probability is exp(-x/2). */
    d->jarque_bera = n * (d->skewness * d->skewness / 6 + excess * excess / 24);
    d->jarque_bera_p = exp(-d->jarque_bera / 2);
}

/* The last h squares over the first h, h residuals that are present each (DK 2.12.2). */
static void heteroscedasticity(const double *residuals, size_t count, size_t lag,
                               struct kalman_diagnostics *d)
{
    d->heteroscedasticity_lag = lag ? lag : d->count / 3;
    size_t h = d->heteroscedasticity_lag; /* a third each, the middle unused (DK 2.12.2) */
    if (h == 0 || 2 * h > d->count)
        return;
    double first = 0, last = 0;
    size_t seen = 0;
    for (size_t t = 0; t < count; t++) {
        if (isnan(residuals[t]))
            continue;
        double square = residuals[t] * residuals[t];
        first += seen < h ? square : 0;
        last += seen >= d->count - h ? square : 0;
        seen++;
    }
    if (!(first > 0))
        return;
    d->heteroscedasticity = last / first;
    /* H(h) ~ F(h, h) when the variance is constant; two-sided, for it may grow or shrink. */
    double upper = f_upper(d->heteroscedasticity, (double)h, (double)h);
    /* Lower tail by the symmetry of F(h, h), not as 1 - upper, to keep its digits. */
    double lower = last > 0 ? f_upper(1 / d->heteroscedasticity, (double)h, (double)h) : 0;
    d->heteroscedasticity_p = fmin(1, 2 * fmin(upper, lower));
}

/* Sum of products `lag` apart, of the pairs that are both present. */
static double lagged_sum(const double *residuals, size_t count, size_t lag, double mean)
{
    assert(lag > 0);
    double sum = 0;
    for (size_t t = lag; t < count; t++) {
        /* NaN where either is missing. */
        double product = (residuals[t] - mean) * (residuals[t - lag] - mean);
        sum += isnan(product) ? 0 : product;
    }
    return sum;
}

/* Ljung and Box (1978); degrees of freedom as DK 2.12.3. */
static void ljung_box(const double *residuals, size_t count, size_t fitted, size_t lag,
                      struct kalman_diagnostics *d)
{
    d->ljung_box_lag = lag ? lag : (d->count / 5 < 10 ? d->count / 5 : 10);
    size_t k = d->ljung_box_lag; /* few lags: each adds noise, and the test loses power */
    if (k == 0 || k >= d->count || !(d->variance > 0))
        return;
    double n = (double)d->count, sum = 0;
    for (size_t j = 1; j <= k; j++) {
        double correlation = lagged_sum(residuals, count, j, d->mean) / (n * d->variance);
        sum += correlation * correlation / (n - (double)j);
    }
    /* Q(k) = n (n + 2) sum of r_j^2/(n - j): the weights make its mean k in short series too. */
    d->ljung_box = n * (n + 2) * sum;
    /* Each fitted parameter takes a degree of freedom, but for the scale: no r_j depends on it. */
    size_t degrees = fitted == 0 ? k : (k + 1 > fitted + 1 ? k + 1 - fitted : 1);
    d->ljung_box_p = chi_squared_upper(d->ljung_box, (double)degrees);
}

static double durbin_watson(const double *residuals, size_t count)
{
    double above = 0, below = 0;
    for (size_t t = 0; t < count; t++) {
        double step = t > 0 ? residuals[t] - residuals[t - 1] : (double)NAN;
        above += isnan(step) ? 0 : step * step;
        below += isnan(residuals[t]) ? 0 : residuals[t] * residuals[t];
    }
    /* About 2 (1 - r_1): 2 when neighbours are uncorrelated. */
    return below > 0 ? above / below : (double)NAN;
}

enum kalman_status kalman_diagnose(const double *standardized, size_t count,
                                   size_t fitted_parameters, size_t ljung_box_lag,
                                   size_t heteroscedasticity_lag,
                                   struct kalman_diagnostics *ret_diagnostics)
{
    struct kalman_diagnostics d = {.mean = NAN,
                                   .variance = NAN,
                                   .skewness = NAN,
                                   .kurtosis = NAN,
                                   .jarque_bera = NAN,
                                   .jarque_bera_p = NAN,
                                   .heteroscedasticity = NAN,
                                   .heteroscedasticity_p = NAN,
                                   .ljung_box = NAN,
                                   .ljung_box_p = NAN,
                                   .durbin_watson = NAN};
    if ((!standardized && count > 0) || !ret_diagnostics)
        return KALMAN_EINVAL;
    enum kalman_status status = count_finite(standardized, count, &d.count);
    if (status != KALMAN_OK)
        return status;
    if (d.count > 0) {
        moments(standardized, count, &d);
        heteroscedasticity(standardized, count, heteroscedasticity_lag, &d);
        ljung_box(standardized, count, fitted_parameters, ljung_box_lag, &d);
        d.durbin_watson = durbin_watson(standardized, count);
    }
    *ret_diagnostics = d;
    return KALMAN_OK;
}
