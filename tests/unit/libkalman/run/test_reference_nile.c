/*
 * The local level on the Nile series at (15099, 1469.1), the running example of Durbin and Koopman
 * ch. 2, against a recomputation with 50 digits: every filtered, predicted and smoothed number of
 * it.
 */
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { n = 100, horizon = 30 };

static const double tight = 4e-14; /* some hundred roundings of one part in 1e16 */

struct results {
    double predicted[n], predicted_variance[n], filtered[n], filtered_variance[n], smoothed[n],
        smoothed_variance[n];
    double innovations[n], innovation_variances[n], noise[n], level_change[n], noise_auxiliary[n],
        level_auxiliary[n];
    double standardized[n], mean[horizon], variance[horizon], lower[2 * horizon],
        upper[2 * horizon];
    struct kalman_summary summary;
};

static void run_level(const double *values, struct results *r)
{
    static const double levels[] = {0.5, 0.95};
    struct kalman_spec spec =
        spec_of("local_level", "observation_variance=15099 level_variance=1469.1");
    struct kalman_forecast forecast = {.horizon = horizon,
                                       .levels = levels,
                                       .level_count = 2,
                                       .mean = r->mean,
                                       .variance = r->variance,
                                       .lower = r->lower,
                                       .upper = r->upper};
    struct kalman_output output = {.predicted_mean = r->predicted,
                                   .predicted_variance = r->predicted_variance,
                                   .filtered_mean = r->filtered,
                                   .filtered_variance = r->filtered_variance,
                                   .smoothed_mean = r->smoothed,
                                   .smoothed_variance = r->smoothed_variance,
                                   .innovations = r->innovations,
                                   .innovation_variances = r->innovation_variances,
                                   .standardized = r->standardized,
                                   .observation_disturbance = r->noise,
                                   .state_disturbance = r->level_change,
                                   .observation_auxiliary = r->noise_auxiliary,
                                   .state_auxiliary = r->level_auxiliary,
                                   .forecast = &forecast};
    struct kalman_series series = {.values = values, .count = n};
    r->summary = run_of(&spec, &series, &output);
}

static void column_agrees(const char *table, size_t column, const double *ours)
{
    size_t count = 0;
    double *theirs = table_column(table, column, &count);
    assert_int_equal(count, n);
    for (size_t t = 0; t < count; t++)
        if (!isnan(theirs[t]))
            assert_relative(ours[t], theirs[t], tight);
    free(theirs);
}

static void table_agrees(const char *table)
{
    struct results r;
    size_t count = 0;
    double *values = table_column(table, 1, &count);
    run_level(values, &r);
    column_agrees(table, 2, r.predicted);
    column_agrees(table, 3, r.predicted_variance);
    column_agrees(table, 5, r.innovation_variances);
    column_agrees(table, 6, r.filtered);
    column_agrees(table, 7, r.filtered_variance);
    column_agrees(table, 8, r.smoothed);
    column_agrees(table, 9, r.smoothed_variance);
    double *innovations = table_column(table, 4, &count); /* differences of numbers of size 1000 */
    for (size_t t = 0; t < count; t++)
        if (!isnan(innovations[t]))
            assert_within(r.innovations[t], innovations[t], 1e-11);
    free(innovations);
    free(values);
}

static void every_number_of_the_complete_series(void **state)
{
    (void)state;
    table_agrees("nile_reference");
}

static void every_number_with_gaps(void **state)
{
    (void)state;
    table_agrees("nile_missing_reference");
}

static void smoothed_means_are_straight_inside_a_gap(void **state)
{
    (void)state;
    struct results r;
    size_t count = 0;
    double *values = table_column("nile_missing_reference", 1, &count);
    run_level(values, &r);
    assert_within(r.smoothed[19], 999.7127, 5e-5);
    assert_within(r.smoothed[29], 903.421102958105, 5e-11);
    assert_within(r.smoothed[39], 807.129521832035, 5e-11);
    for (size_t t = 20; t < 40; t++)
        assert_within(r.smoothed[t] - r.smoothed[t - 1], r.smoothed[20] - r.smoothed[19], 1e-10);
    free(values);
}

static void steady_state_is_the_published_one(void **state)
{
    (void)state;
    struct results r;
    size_t count = 0;
    run_level(vector("nile", &count), &r);
    assert_relative(r.predicted_variance[99], 5501.2579418084763, tight);
    assert_relative(r.innovation_variances[99], 20600.257941808476, tight);
    assert_relative(r.predicted_variance[99] / r.innovation_variances[99], 0.26704801257093028,
                    tight);
    assert_in_range(r.summary.steady_at, 50, 70);
}

static void disturbances_and_auxiliary_residuals(void **state)
{
    static const size_t at[] = {0, 1, 2, 49, 98, 99};
    static const double noise[] = {8.331680873204,   49.142335378193,  -142.265567312388,
                                   -13.763259103751, -90.049595666239, -58.370292608358};
    static const double level[] = {-0.810654504989, -5.59209730942,  8.250034284635,
                                   -5.212807921893, -5.679303057881, 0};
    (void)state;
    struct results r;
    size_t count = 0, largest_noise = 0, largest_level = 0;
    run_level(vector("nile", &count), &r);
    for (size_t i = 0; i < 6; i++) {
        assert_within(r.noise[at[i]], noise[i], 1e-11);
        assert_within(r.level_change[at[i]], level[i], 1e-11);
    }
    for (size_t t = 0; t < n; t++) {
        if (fabs(r.noise_auxiliary[t]) > fabs(r.noise_auxiliary[largest_noise]))
            largest_noise = t;
        if (fabs(r.level_auxiliary[t]) > fabs(r.level_auxiliary[largest_level]))
            largest_level = t;
    }
    assert_int_equal(1871 + largest_noise, 1913);
    /* the change from 1898 to 1899: the dam at Aswan */
    assert_int_equal(1871 + largest_level, 1898);
    assert_within(r.level_auxiliary[largest_level], -3.2337, 5e-5);
}

static void forecasts_and_their_intervals(void **state)
{
    (void)state;
    struct results r;
    size_t count = 0;
    run_level(vector("nile", &count), &r);
    for (size_t h = 0; h < horizon; h++)
        assert_within(r.mean[h], 798.370292608358, 5e-12 * 100);
    assert_within(sqrt(r.variance[0]), 143.527899524131, 5e-12 * 100);
    assert_within(sqrt(r.variance[horizon - 1]), 251.404371365752, 5e-12 * 100);
    assert_within(r.lower[0], 701.562195512158, 1e-9);
    assert_within(r.upper[0], 895.178389704557, 1e-9);
    assert_within(r.lower[horizon - 1], 628.800620967669, 1e-9);
    assert_within(r.upper[horizon - 1], 967.939964249047, 1e-9);
}

/* R's StructTS differs by its own prior; at its parameters the forecasts are the same to the
 * digits that matter. */
static void forecasts_at_the_parameters_of_r(void **state)
{
    static const double errors[] = {143.526550400, 148.556444791, 153.421523615, 158.136999236,
                                    162.715878594};
    double mean[5], variance[5];
    (void)state;
    struct kalman_series series = {.values = NULL};
    series.values = vector("nile", &series.count);
    struct kalman_spec spec =
        spec_of("local_level", "observation_variance=15098.5771536 level_variance=1469.14661924");
    struct kalman_forecast forecast = {.horizon = 5, .mean = mean, .variance = variance};
    struct kalman_output output = {.forecast = &forecast};
    (void)run_of(&spec, &series, &output);
    for (size_t h = 0; h < 5; h++) {
        assert_within(mean[h], 798.368156515, 1e-8);
        assert_within(sqrt(variance[h]), errors[h], 1e-8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_the_complete_series),
        cmocka_unit_test(every_number_with_gaps),
        cmocka_unit_test(smoothed_means_are_straight_inside_a_gap),
        cmocka_unit_test(steady_state_is_the_published_one),
        cmocka_unit_test(disturbances_and_auxiliary_residuals),
        cmocka_unit_test(forecasts_and_their_intervals),
        cmocka_unit_test(forecasts_at_the_parameters_of_r),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
