/*
 * Diagnostics of standardised innovations against Durbin and Koopman p. 40, EViews and a
 * recomputation on the Nile.
 */
#include "support.h"

#include <kalman/diagnostics.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void nile_residuals(const char *words, double *standardized)
{
    struct kalman_series series = {.values = NULL};
    series.values = vector("nile", &series.count);
    struct kalman_spec spec = spec_of("local_level", words);
    struct kalman_output output = {.standardized = standardized};
    (void)run_of(&spec, &series, &output);
}

static void statistics_of_durbin_and_koopman(void **state)
{
    double e[100];
    struct kalman_diagnostics d;
    (void)state;
    nile_residuals("observation_variance=15099 level_variance=1469.1", e);
    assert_int_equal(kalman_diagnose(e, 100, 0, 9, 33, &d), KALMAN_OK);
    assert_int_equal(d.count, 99);
    assert_within(d.skewness, -0.0305519262, 5e-10);
    assert_within(d.kurtosis, 3.0873421860, 5e-10);
    assert_within(d.jarque_bera, 0.0468696452, 5e-10);
    assert_within(d.heteroscedasticity, 0.6129587104, 5e-10);
    assert_within(d.ljung_box, 8.8433230295, 5e-10);
    assert_within(d.ljung_box_p, .4519, 5e-5);
    assert_within(d.skewness, -.03, 5e-3); /* as printed in the book */
    assert_within(d.kurtosis - 3, .09, 5e-3);
    assert_within(d.jarque_bera, .05, 5e-3);
    assert_within(d.heteroscedasticity, .61, 5e-3);
    assert_within(d.ljung_box, 8.84, 5e-3);
    assert_int_equal(kalman_diagnose(e, 100, 0, 0, 0, &d), KALMAN_OK);
    assert_int_equal(d.ljung_box_lag, 10);
    assert_int_equal(d.heteroscedasticity_lag, 33);
    assert_within(d.ljung_box, 13.1953180386, 5e-10);
}

static void statistics_of_eviews(void **state)
{
    double e[100];
    char words[128];
    struct kalman_diagnostics d;
    (void)state;
    (void)snprintf(words, sizeof words, "observation_variance=%.17g level_variance=%.17g",
                   exp(9.600350), exp(7.348705));
    nile_residuals(words, e);
    assert_int_equal(kalman_diagnose(e, 100, 0, 10, 0, &d), KALMAN_OK);
    /* of squared lags over n - 1 residuals, printed with three decimals */
    assert_within(d.ljung_box, 13.117, 2e-3);
    assert_within(d.ljung_box_p, .217, 1e-3);
    assert_within(d.jarque_bera, .041686, 1e-3);
    assert_within(d.jarque_bera_p, .979373, 1e-3);
}

static void p_values_lose_degrees_for_fitted_parameters(void **state)
{
    double e[100];
    struct kalman_diagnostics none, two;
    (void)state;
    nile_residuals("observation_variance=15099 level_variance=1469.1", e);
    assert_int_equal(kalman_diagnose(e, 100, 0, 9, 33, &none), KALMAN_OK);
    assert_int_equal(kalman_diagnose(e, 100, 2, 9, 33, &two), KALMAN_OK);
    /* R: pchisq(8.8433230295, 8, lower.tail = FALSE) */
    assert_within(two.ljung_box_p, 0.3556850792, 1e-9);
    assert_true(two.ljung_box == none.ljung_box);
    assert_within(none.heteroscedasticity_p, 2 * (1 - 0.91749737564805467), 1e-9); /* R: pf */
}

static void too_few_residuals_give_nan_not_noise(void **state)
{
    struct kalman_diagnostics d;
    const double two[2] = {1, NAN}, same[6] = {2, 2, 2, 2, 2, 2}, bad[2] = {1, INFINITY};
    (void)state;
    assert_int_equal(kalman_diagnose(two, 0, 0, 0, 0, &d), KALMAN_OK);
    assert_true(d.count == 0 && isnan(d.mean) && isnan(d.ljung_box) && isnan(d.durbin_watson));
    assert_int_equal(kalman_diagnose(two, 2, 0, 0, 0, &d), KALMAN_OK);
    assert_true(d.count == 1 && d.mean == 1 && isnan(d.skewness) && isnan(d.heteroscedasticity));
    assert_int_equal(kalman_diagnose(same, 6, 0, 2, 2, &d), KALMAN_OK);
    assert_true(isnan(d.kurtosis) && isnan(d.ljung_box));
    assert_int_equal(kalman_diagnose(bad, 2, 0, 0, 0, &d), KALMAN_EDOMAIN);
    assert_int_equal(kalman_diagnose(NULL, 2, 0, 0, 0, &d), KALMAN_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_of_durbin_and_koopman),
        cmocka_unit_test(statistics_of_eviews),
        cmocka_unit_test(p_values_lose_degrees_for_fitted_parameters),
        cmocka_unit_test(too_few_residuals_give_nan_not_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
