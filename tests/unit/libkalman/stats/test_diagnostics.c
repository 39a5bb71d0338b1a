/*
 * Diagnostics of standardised innovations against Durbin and Koopman p. 40, EViews and a
 * recomputation on the Nile.
 */
#include "support.h"

#include <kalman/diagnostics.h>
#include <kalman/random.h>
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

/* How often white noise of n values, a share of them missing at random, fails at 5 %, and its mean
 * Q. */
static double size_of_the_test(double missing, double *ret_mean)
{
    enum { COUNT = 400, SERIES = 4000 };
    struct kalman_random random;
    double e[COUNT], failed = 0, sum = 0;
    kalman_random_seed(&random, 17);
    for (size_t s = 0; s < SERIES; s++) {
        struct kalman_diagnostics d;
        for (size_t t = 0; t < COUNT; t++) {
            double value = kalman_random_normal(&random);
            e[t] = kalman_random_uniform(&random) < missing ? (double)NAN : value;
        }
        assert_int_equal(kalman_diagnose(e, COUNT, 0, 10, 0, &d), KALMAN_OK);
        failed += d.ljung_box_p < 0.05;
        sum += d.ljung_box;
    }
    *ret_mean = sum / SERIES;
    return failed / SERIES;
}

/* A lag has as many terms as there are pairs, not n - j: half-missing noise had a mean Q of 5. */
static void gaps_do_not_make_noise_look_whiter(void **state)
{
    (void)state;
    static const double missing[] = {0, .2, .5, .8};
    for (size_t i = 0; i < 4; i++) {
        double mean = 0, size = size_of_the_test(missing[i], &mean);
        assert_within(size, .05, .01);
        assert_within(mean, 10, .3);
    }
    /* Every other value: odd lags have no pair, and no degree of freedom. */
    double alternate[40];
    struct kalman_diagnostics gappy, dense;
    for (size_t t = 0; t < 40; t++)
        alternate[t] = t % 2 == 1 ? (double)NAN : sin((double)(t * t));
    assert_int_equal(kalman_diagnose(alternate, 40, 0, 6, 0, &gappy), KALMAN_OK);
    for (size_t t = 0; t < 20; t++)
        alternate[t] = alternate[2 * t];
    assert_int_equal(kalman_diagnose(alternate, 20, 0, 3, 0, &dense), KALMAN_OK);
    assert_within(gappy.ljung_box, dense.ljung_box, 1e-12);
    assert_within(gappy.ljung_box_p, dense.ljung_box_p, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_of_durbin_and_koopman),
        cmocka_unit_test(statistics_of_eviews),
        cmocka_unit_test(p_values_lose_degrees_for_fitted_parameters),
        cmocka_unit_test(gaps_do_not_make_noise_look_whiter),
        cmocka_unit_test(too_few_residuals_give_nan_not_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
