#include "run/residuals.h"

#include <assert.h>
#include <kalman/diagnostics.h>

/* Small enough that a model that serves its purpose is left in peace: the structural model of the
 * logarithms of the air passengers has 4e-5 (R's and Durbin & Koopman's example). */
static const double p_small = 1e-5;

/* What the client asked for, or two periods of a seasonal model, where its own autocorrelation
 * would show; 0: libkalman's default, as for every other model. */
static size_t ljung_box_lags(const struct residuals *residuals)
{
    int period = kalman_spec_get_int(residuals->spec, "period");
    size_t fifth = residuals->observed / 5;
    if (residuals->lags > 0)
        return residuals->lags;
    if (period <= 1)
        return 0;
    return 2 * (size_t)period < fifth ? 2 * (size_t)period : fifth;
}

enum kalman_status residuals_diagnose(const struct residuals *residuals,
                                      struct luna_diagnostics *ret_diagnostics)
{
    struct kalman_diagnostics found;
    assert(residuals->standardized != NULL);
    enum kalman_status status =
        kalman_diagnose(residuals->standardized, residuals->count, residuals->fitted,
                        ljung_box_lags(residuals), 0, &found);
    if (status != KALMAN_OK)
        return status;
    *ret_diagnostics =
        (struct luna_diagnostics){.ljung_box = found.ljung_box,
                                  .ljung_box_p = found.ljung_box_p,
                                  .ljung_box_lags = (int)found.ljung_box_lag,
                                  .skewness = found.skewness,
                                  .kurtosis = found.kurtosis,
                                  .jarque_bera = found.jarque_bera,
                                  .jarque_bera_p = found.jarque_bera_p,
                                  .heteroscedasticity = found.heteroscedasticity,
                                  .heteroscedasticity_p = found.heteroscedasticity_p};
    return KALMAN_OK;
}

void result_warn(struct luna_result *result, const char *warning)
{
    if (result->warning_count < LUNA_WARNINGS_MAX)
        result->warnings[result->warning_count++] = warning;
}

void residuals_warn(const struct luna_diagnostics *diagnostics, bool transformed,
                    struct luna_result *result)
{
    /* NaN, where a test is not defined, is not small. */
    if (diagnostics->heteroscedasticity_p < p_small)
        result_warn(result,
                    transformed
                        ? "the one-step errors change their size along the series: another "
                          "transform, or the later part of the series alone, may suit better"
                        : "the one-step errors change their size along the series: for "
                          "positive values, transform log or auto may suit better");
    if (diagnostics->ljung_box_p < p_small)
        result_warn(result, "the one-step errors are autocorrelated: the model misses part of the "
                            "series; compare it with the model auto, with a period if the series "
                            "has one");
}
