/*
 * Maximum-likelihood fits against the maxima that others publish, and against what they say of
 * themselves: where another program's estimate is not the maximum, ours has the higher exact
 * likelihood.
 */
#include "support.h"

#include <kalman/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct kalman_fit fit_vector(const char *series, int logarithm, const char *kind,
                                    const char *words)
{
    size_t count = 0;
    const double *values = logarithm ? vector_log(series, &count) : vector(series, &count);
    struct kalman_spec spec = spec_of(kind, words);
    return fit_of(&spec, values, count);
}

static double parameter(const struct kalman_fit *fit, const char *name)
{
    return kalman_spec_get(&fit->spec, name);
}

static double element(const struct kalman_fit *fit, const char *name, size_t i)
{
    size_t at = 0, count = 0;
    assert_int_equal(kalman_spec_locate(&fit->spec, name, &at, &count), KALMAN_OK);
    assert_true(i < count);
    return fit->spec.parameters[at + i];
}

static void nile_ratio_to_ten_digits(void **state)
{
    (void)state;
    struct kalman_fit fit = fit_vector("nile", 0, "local_level", "");
    assert_relative(fit.signal_to_noise, 0.0973059957787250580901794582622, 1e-10);
    assert_relative(parameter(&fit, "observation_variance"), 15098.5183240962789, 1e-10);
    assert_relative(parameter(&fit, "level_variance"), 1469.17636030951546, 1e-10);
    assert_within(fit.loglikelihood, -633.4645636362457, 5e-13);
    assert_within(fit.loglikelihood_marginal, -632.5456251030410, 5e-13);
    assert_int_equal(fit.status, KALMAN_FIT_INTERIOR);
}

/* Durbin and Koopman, table 2.1: the concentrated likelihood by q, without the constants n/2 log
 * 2 pi + (n-1)/2. */
static void concentrated_likelihood_by_ratio(void **state)
{
    static const double ratio[] = {1, 0.0360, 0.0745, 0.0974, 0.0973},
                        printed[] = {-495.68, -492.53, -492.10, -492.07, -492.07},
                        recomputed[] = {-495.6851045, -492.5289987, -492.1045852, -492.0707108,
                                        -492.0707103};
    double standardized[100];
    (void)state;
    struct kalman_series series = {.values = NULL};
    series.values = vector("nile", &series.count);
    for (size_t i = 0; i < 5; i++) {
        struct kalman_spec spec = spec_of("local_level", "observation_variance=1");
        assert_int_equal(kalman_spec_set(&spec, "level_variance", ratio[i]), KALMAN_OK);
        struct kalman_output output = {.standardized = standardized};
        (void)run_of(&spec, &series, &output);
        double scale = 0;
        for (size_t t = 1; t < 100; t++)
            scale += standardized[t] * standardized[t] / 99;
        assert_int_equal(kalman_spec_set(&spec, "observation_variance", scale), KALMAN_OK);
        assert_int_equal(kalman_spec_set(&spec, "level_variance", ratio[i] * scale), KALMAN_OK);
        double concentrated =
            likelihood_of(&spec, series.values, 100) + 50 * log(2 * 3.14159265358979323846) + 49.5;
        /* The ratios are printed with four digits, which moves the fifth entry by 2e-7. */
        assert_within(concentrated, recomputed[i], 6e-7);
        assert_within(concentrated, printed[i], 6e-3);
    }
}

static void local_level_and_arima_are_the_same_model(void **state)
{
    (void)state;
    struct kalman_fit fit = fit_vector("nile", 0, "arima", "d=1 q=1");
    assert_within(element(&fit, "ma", 0), -0.7329425134541, 1e-9);
    assert_relative(parameter(&fit, "innovation_variance"), 20599.8670386061, 1e-9);
    assert_within(fit.loglikelihood_marginal, -632.5456251030410, 1e-11);
}

static void seasonal_levels_of_uk_drivers(void **state)
{
    (void)state;
    struct kalman_fit fit = fit_vector("uk_drivers", 1, "seasonal", "period=12 harmonics=6");
    assert_within(fit.loglikelihood, 168.858751690, 6e-10);
    assert_within(parameter(&fit, "observation_variance"), .003415964, 1e-9);
    assert_within(parameter(&fit, "level_variance"), .000935879, 1e-9);
    assert_within(parameter(&fit, "seasonal_variance"), 5.00977e-7, 1e-12);
    /* What Durbin and Koopman print in 8.2. */
    assert_relative(parameter(&fit, "observation_variance"), .00341598, 1e-5);
    assert_relative(parameter(&fit, "level_variance"), .000935852, 1e-4);
    assert_relative(parameter(&fit, "seasonal_variance"), 5.01096e-7, 5e-4);
}

static void level_of_uk_drivers(void **state)
{
    (void)state;
    struct kalman_fit fit = fit_vector("uk_drivers", 1, "local_level", "");
    /* Commandeur and Koopman */
    assert_relative(parameter(&fit, "observation_variance"), .00222157, 2e-3);
    assert_relative(parameter(&fit, "level_variance"), .0118660, 2e-3);
}

static void components_without_variance_are_told(void **state)
{
    (void)state;
    struct kalman_fit fit = fit_vector("nile", 0, "local_linear_trend", "");
    assert_int_equal(fit.status, KALMAN_FIT_BOUNDARY_LOW);
    assert_true(parameter(&fit, "slope_variance") == 0);
    fit = fit_vector("airpassengers", 1, "basic_structural", "period=12");
    assert_int_equal(fit.status, KALMAN_FIT_BOUNDARY_LOW);
    assert_true(parameter(&fit, "slope_variance") == 0);
    fit = fit_vector("us_unemployment", 0, "local_linear_trend", "");
    assert_int_equal(fit.status, KALMAN_FIT_BOUNDARY_HIGH);
    assert_true(parameter(&fit, "observation_variance") == 0);
}

/*
 * Estimates of others: R (StructTS, arima), KFAS. Each is a point; the maximum is not below it.
 * StructTS fills the whole variance matrix of the first state with 1e6 var(y)/100: for a level that
 * is a wide prior, for more states a singular one that ties level, slope and season to each other,
 * and moves the maximum of R's criterion away: hence the wide bounds.
 */
struct estimate {
    const char *series, *kind, *settings, *words;
    int logarithm; /* 10: base ten */
    double near;   /* how far above it the maximum may lie */
    size_t skip;   /* observations left out at the start */
};

static const struct estimate estimates[] = {
    {"nile", "local_level", "", "observation_variance=15098.5771536 level_variance=1469.14661924",
     0, 1e-6, 0},
    {"nile", "local_linear_trend", "",
     "observation_variance=15047.32557812 level_variance=1426.73585559 slope_variance=0", 0, .1, 0},
    {"uk_drivers", "local_level", "",
     "observation_variance=.00222155195727 level_variance=.0118659665257", 1, 1e-3, 0},
    {"treering", "local_level", "", "observation_variance=.0719876717 level_variance=3.699528e-4",
     0, 1e-3, 6000},
    {"ukgas", "basic_structural", "period=4",
     "observation_variance=3.67797768e-4 level_variance=0 slope_variance=1.73300299e-5 "
     "seasonal_variance=7.13694347e-4",
     10, 10, 0},
    {"airpassengers", "basic_structural", "period=12",
     "observation_variance=0 level_variance=1.455799e-4 slope_variance=0 "
     "seasonal_variance=2.634730e-4",
     10, 60, 0},
    {"us_unemployment", "local_level", "",
     "observation_variance=4.256647886e-06 level_variance=.1182078808", 0, 6e-3, 0},
    {"us_unemployment", "local_linear_trend", "",
     "observation_variance=1.339852549e-06 level_variance=.01008704925 slope_variance=.0609176081",
     0, 1e-3, 0},
    {"us_unemployment", "smooth_trend", "",
     "observation_variance=.0008824099119 slope_variance=.0753064234342", 0, 1e-6, 0},
    {"us_unemployment", "random_walk_drift", "", "level_variance=.1184499547", 0, 1e-8, 0},
    {"nile", "arima", "d=1 q=1", "innovation_variance=20599.86681 ma=-.732942578", 0, 1e-8, 0},
    {"airpassengers", "arima", "d=1 q=1 D=1 Q=1 period=12",
     "innovation_variance=.0013480348 ma=-.4018280 seasonal_ma=-.5569448", 1, 1e-5, 0},
    {"usaccdeaths", "arima", "d=1 q=1 D=1 Q=1 period=12",
     "innovation_variance=99346.89 ma=-.4302692 seasonal_ma=-.5527913", 0, 1e-5, 0},
    {"wwwusage", "arima", "p=3 d=1",
     "innovation_variance=9.3633385 ar=1.1513401,-.6612265,.3407128", 0, 1e-5, 0},
};

/* The diffuse likelihood rises as the damping falls, for the slope at the start is measured by its
 * effect: of the marginal one the fit is the maximum, and the estimates lie about the truth. */
static void damping_is_not_drawn_to_its_bound(void **state)
{
    enum { COUNT = 60, SERIES = 60 };
    (void)state;
    struct kalman_random random;
    double mean = 0;
    kalman_random_seed(&random, 5);
    for (size_t s = 0; s < SERIES; s++) {
        double values[COUNT], level = 0, slope = 5;
        for (size_t t = 0; t < COUNT; t++) {
            values[t] = level + kalman_random_normal(&random);
            level += slope + 0.5 * kalman_random_normal(&random);
            slope = 0.9 * slope + 0.3 * kalman_random_normal(&random);
        }
        struct kalman_spec free_spec = spec_of("damped_trend", "");
        struct kalman_fit fit = fit_of(&free_spec, values, COUNT);
        double damping = parameter(&fit, "damping"), side[2];
        mean += damping / SERIES;
        for (int i = 0; i < 2; i++) {
            struct kalman_spec moved = fit.spec;
            double other = damping + (i == 0 ? -1e-4 : 1e-4);
            if (other >= 1)
                break;
            assert_int_equal(kalman_spec_set(&moved, "damping", other), KALMAN_OK);
            side[i] = likelihood_of(&moved, values, COUNT) + start_of_damped_trend(other, COUNT);
        }
        if (fit.status == KALMAN_FIT_INTERIOR)
            assert_within((side[1] - side[0]) / 2e-4, 0, 1e-2);
    }
    assert_within(mean, 0.9, 0.01);
}

/* R's arima() from many starts: the summit is on the edge of the moving average, and equal partial
 * autocorrelations climb to one that is 1.8 lower. */
static void the_best_of_several_summits(void **state)
{
    (void)state;
    struct kalman_fit fit = fit_vector("discoveries", 0, "arima", "p=2 d=1 q=2");
    assert_true(fit.loglikelihood_marginal > -213.8406);
    assert_within(element(&fit, "ma", 1), -0.826975770, 2e-3);
    assert_int_equal(fit.status, KALMAN_FIT_BOUNDARY_LOW);
    fit = fit_vector("ukgas", 1, "arima", "d=0 q=1 D=2 Q=1 period=4");
    assert_within(fit.loglikelihood_marginal, 76.25229,
                  1e-3); /* whose start has a variance of 1e6 */
    fit = fit_vector("sunspot_year", 0, "arima", "p=3 q=2 mean=1");
    assert_true(fit.loglikelihood_marginal > -1198.8661);
}

static void base_ten(const double *values, size_t count, double *ret_values)
{
    for (size_t t = 0; t < count; t++)
        ret_values[t] = log10(values[t]);
}

static void no_published_estimate_lies_above_the_maximum(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof estimates / sizeof estimates[0]; i++) {
        const struct estimate *other = &estimates[i];
        double decades[256], *scaled = NULL;
        char words[512];
        size_t count = 0;
        const double *values = other->logarithm == 1 ? vector_log(other->series, &count)
                                                     : vector(other->series, &count);
        values += other->skip;
        count -= other->skip;
        if (other->logarithm == 10) {
            scaled = decades;
            base_ten(values, count, scaled);
        }
        (void)snprintf(words, sizeof words, "%s %s", other->settings, other->words);
        struct kalman_spec free_spec = spec_of(other->kind, other->settings),
                           at_theirs = spec_of(other->kind, words);
        struct kalman_fit fit = fit_of(&free_spec, scaled ? scaled : values, count);
        double theirs = likelihood_of(&at_theirs, scaled ? scaled : values, count);
        assert_int_not_equal(fit.status, KALMAN_FIT_NOT_CONVERGED);
        if (fit.loglikelihood < theirs - 1e-9 || fit.loglikelihood > theirs + other->near)
            fail_msg("%s %s: ours %.12g, theirs %.12g", other->series, other->kind,
                     fit.loglikelihood, theirs);
    }
}

static void reported_likelihood_is_that_of_the_filter(void **state)
{
    static const char *const kinds[][2] = {{"local_level", ""},
                                           {"local_linear_trend", ""},
                                           {"smooth_trend", ""},
                                           {"damped_trend", ""},
                                           {"seasonal", "period=4"},
                                           {"basic_structural", "period=4 harmonics=2"},
                                           {"cycle", ""},
                                           {"arima", "p=1 d=1 q=1"},
                                           {"exponential_smoothing", "trend=1"},
                                           {"constant_velocity", ""},
                                           {"constant_acceleration", ""},
                                           {"random_walk_drift", ""}};
    (void)state;
    struct kalman_series series = {.values = NULL};
    series.values = vector("johnsonjohnson", &series.count);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_fit fit = fit_series(&spec, &series);
        struct kalman_summary summary = run_of(&fit.spec, &series, NULL);
        assert_relative(fit.loglikelihood, summary.loglikelihood, 1e-11);
        assert_relative(fit.loglikelihood_marginal, summary.loglikelihood_marginal, 1e-11);
        assert_int_equal(fit.diffuse_count, summary.diffuse_count);
        double k = (double)(fit.parameter_count + fit.diffuse_count), n = 84;
        assert_relative(fit.aic, -2 * fit.loglikelihood + 2 * k, 1e-14);
        assert_relative(fit.aicc, fit.aic + 2 * k * (k + 1) / (n - k - 1), 1e-14);
        assert_relative(fit.bic, -2 * fit.loglikelihood + k * log(n), 1e-14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nile_ratio_to_ten_digits),
        cmocka_unit_test(concentrated_likelihood_by_ratio),
        cmocka_unit_test(local_level_and_arima_are_the_same_model),
        cmocka_unit_test(seasonal_levels_of_uk_drivers),
        cmocka_unit_test(level_of_uk_drivers),
        cmocka_unit_test(components_without_variance_are_told),
        cmocka_unit_test(the_best_of_several_summits),
        cmocka_unit_test(damping_is_not_drawn_to_its_bound),
        cmocka_unit_test(no_published_estimate_lies_above_the_maximum),
        cmocka_unit_test(reported_likelihood_is_that_of_the_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
