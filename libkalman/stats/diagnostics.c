#include <kalman/diagnostics.h>

#include "numeric/expect.h"
#include "stats/distribution.h"

#include <math.h>
#include <stdbool.h>

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

/* Sum of products `lag` apart, of the pairs that are both present, and how many those are. */
static double lagged_sum(const double *residuals, size_t count, size_t lag, double mean,
                         size_t *ret_pairs)
{
    assert(lag > 0);
    double sum = 0;
    size_t pairs = 0;
    for (size_t t = lag; t < count; t++) {
        /* NaN where either is missing. */
        double product = (residuals[t] - mean) * (residuals[t - lag] - mean);
        bool present = !isnan(product);
        sum += present ? product : 0;
        pairs += present;
    }
    *ret_pairs = pairs;
    return sum;
}

/*
 * Ljung and Box (1978), degrees of freedom as DK 2.12.3. Without gaps Q(k) = n (n + 2) sum of
 * r_j^2/(n - j), whose weights make its mean k in short series too. There n - j is the number of
 * pairs at lag j, so with S_j the sum of their products this is (n + 2)/n sum of S_j^2/(pairs s^4):
 * the form that holds with gaps as well. A lag without a pair says nothing, and is not counted.
 *
 * A product of two normals has the excess kurtosis 6, the mean of a few pairs a share of it: the
 * variance of Q is 2 k + sum of 6/pairs. What the gaps add to that is matched by a multiple of a
 * chi-squared variable with fewer degrees (Satterthwaite 1946); without gaps nothing is added.
 */
static void ljung_box(const double *residuals, size_t count, size_t fitted, size_t lag,
                      struct kalman_diagnostics *d)
{
    d->ljung_box_lag = lag ? lag : (d->count / 5 < 10 ? d->count / 5 : 10);
    size_t k = d->ljung_box_lag; /* few lags: each adds noise, and the test loses power */
    if (k == 0 || k >= d->count || !(d->variance > 0))
        return;
    double n = (double)d->count, sum = 0, excess = 0;
    size_t lags = 0;
    for (size_t j = 1; j <= k; j++) {
        size_t pairs = 0;
        double correlation = lagged_sum(residuals, count, j, d->mean, &pairs) / (n * d->variance);
        if (pairs == 0)
            continue;
        sum += correlation * correlation / (double)pairs;
        lags++;
        excess += 6 / (double)pairs - 6 / (n - (double)lags);
    }
    if (lags == 0)
        return;
    d->ljung_box = n * (n + 2) * sum;
    /* Each fitted parameter takes a degree of freedom, but for the scale: no r_j depends on it. */
    size_t degrees = fitted == 0 ? lags : (lags + 1 > fitted + 1 ? lags + 1 - fitted : 1);
    double freedom = (double)degrees, scale = 1 + excess / (2 * freedom);
    d->ljung_box_p = chi_squared_upper(d->ljung_box / scale, freedom / scale);
}

static double durbin_watson(const double *residuals, size_t count, size_t used)
{
    double above = 0, below = 0;
    size_t pairs = 0;
    for (size_t t = 0; t < count; t++) {
        double step = t > 0 ? residuals[t] - residuals[t - 1] : (double)NAN;
        bool present = !isnan(step);
        above += present ? step * step : 0;
        pairs += present;
        below += isnan(residuals[t]) ? 0 : residuals[t] * residuals[t];
    }
    /* About 2 (1 - r_1), 2 when neighbours are uncorrelated; with gaps there are fewer neighbours
     * than the n - 1 of the definition. */
    return below > 0 && pairs > 0 ? above / below * (double)(used - 1) / (double)pairs
                                  : (double)NAN;
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
        d.durbin_watson = durbin_watson(standardized, count, d.count);
    }
    *ret_diagnostics = d;
    return KALMAN_OK;
}
