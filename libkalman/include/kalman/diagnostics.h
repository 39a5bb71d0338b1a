/*
 * Tests of the standardised innovations: what a statistician looks at after a fit (DK 2.12). Pure
 * functions.
 */
#ifndef KALMAN_DIAGNOSTICS_H
#define KALMAN_DIAGNOSTICS_H

#include <kalman/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kalman_diagnostics {
    size_t count;                              /* residuals used (NaN are skipped) */
    double mean, variance, skewness, kurtosis; /* kurtosis is 3 for the normal */
    double jarque_bera, jarque_bera_p;         /* N(S, K), chi-squared with 2 df (DK 2.12.1) */
    size_t heteroscedasticity_lag;             /* h: a third of count unless asked otherwise */
    double heteroscedasticity, heteroscedasticity_p; /* H(h), two-sided F(h, h) (DK 2.12.2) */
    size_t ljung_box_lag;                            /* k */
    /* Q(k) of the pairs that are present, chi-squared with max(k - fitted_parameters + 1, 1) df,
     * or k df when fitted_parameters is 0 (DK 2.12.3), k less the lags without a pair */
    double ljung_box, ljung_box_p;
    double durbin_watson;
};

/* standardized: n residuals as from kalman_run(). ljung_box_lag, heteroscedasticity_lag: 0 =
 * default (min(10, n/5), n/3). Statistics that the count does not allow are NaN. KALMAN_EDOMAIN: an
 * infinite residual. */
KALMAN_API enum kalman_status
kalman_diagnose(const double *standardized, size_t count, size_t fitted_parameters,
                size_t ljung_box_lag, size_t heteroscedasticity_lag,
                struct kalman_diagnostics *ret_diagnostics) KALMAN_MUSTCHECK;

#ifdef __cplusplus
}
#endif

#endif
