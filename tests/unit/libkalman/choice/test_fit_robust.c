/* Fits that a few wrong values do not reach, and what such a fit must leave as it is. */
#include "support.h"

#include <kalman/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { count_max = 200 };

static struct kalman_fit robust_of(const struct kalman_spec *spec, const double *y, size_t n,
                                   double *kept, size_t *ret_left_out)
{
    struct kalman_series series = {.values = y, .count = n};
    struct kalman_candidate candidates[KALMAN_CANDIDATES_MAX];
    struct kalman_fit fit;
    size_t bytes = 0;
    assert_int_equal(kalman_fit_robust_bytes(spec, n, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(kalman_fit_robust(spec, &series, NULL, 3, workspace, bytes, candidates, kept,
                                       ret_left_out, &fit),
                     KALMAN_OK);
    free(workspace);
    return fit;
}

/* White noise of variance one about a level that may move. */
static void noise_about(double *y, size_t n, double step, uint64_t seed)
{
    struct kalman_random random;
    double level = 50;
    kalman_random_seed(&random, seed);
    for (size_t t = 0; t < n; t++) {
        level += step * kalman_random_normal(&random);
        y[t] = level + kalman_random_normal(&random);
    }
}

/* About a level that does not move, the estimate is the sample variance of the values kept. */
static void one_value_among_200_moves_the_variance_no_more(void **state)
{
    (void)state;
    double y[count_max], kept[count_max], mean = 0, square = 0;
    size_t left_out = 0;
    struct kalman_spec spec = spec_of("local_level", "");
    noise_about(y, count_max, 0, 1);
    for (size_t t = 0; t < count_max; t++)
        mean += t == 120 ? 0 : y[t] / (count_max - 1);
    for (size_t t = 0; t < count_max; t++)
        square += t == 120 ? 0 : (y[t] - mean) * (y[t] - mean);
    y[120] += 1000;
    struct kalman_fit plain = fit_of(&spec, y, count_max),
                      fit = robust_of(&spec, y, count_max, kept, &left_out);
    assert_true(kalman_spec_get(&plain.spec, "observation_variance") > 1000);
    assert_int_equal(left_out, 1);
    assert_true(isnan(kept[120]));
    assert_relative(kalman_spec_get(&fit.spec, "observation_variance"), square / (count_max - 2),
                    0.02);
}

/* One in ten: they inflate the first fit so that none is beyond three of its deviations. */
static void values_that_hide_each_other_are_found(void **state)
{
    (void)state;
    static const char *const kinds[] = {"local_level", "local_linear_trend", "auto"};
    double y[count_max], kept[count_max];
    noise_about(y, count_max, 0.2, 2);
    for (size_t t = 7; t < count_max; t += 10)
        y[t] += t % 20 == 7 ? 300 : -200;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t left_out = 0;
        struct kalman_spec spec = spec_of(kinds[k], "");
        struct kalman_fit fit = robust_of(&spec, y, count_max, kept, &left_out);
        assert_int_equal(left_out, 20);
        for (size_t t = 7; t < count_max; t += 10)
            assert_true(isnan(kept[t]));
        struct kalman_fit without = fit_of(&spec, kept, count_max);
        assert_memory_equal(fit.spec.parameters, without.spec.parameters,
                            kalman_spec_parameter_count(&fit.spec) * sizeof(double));
    }
}

static void a_series_without_wrong_values_is_fitted_as_ever(void **state)
{
    (void)state;
    static const char *const series[] = {"nile", "lakehuron", "airpassengers"};
    double kept[count_max];
    for (size_t k = 0; k < sizeof series / sizeof series[0]; k++) {
        size_t n = 0, left_out = 0;
        const double *y = vector_log(series[k], &n);
        struct kalman_spec spec =
            spec_of(k == 2 ? "basic_structural" : "local_level", k == 2 ? "period=12" : "");
        struct kalman_fit plain = fit_of(&spec, y, n),
                          fit = robust_of(&spec, y, n, kept, &left_out);
        if (left_out == 0)
            assert_memory_equal(&fit.spec, &plain.spec, sizeof fit.spec);
        assert_true(left_out <= 1);
    }
}

/* A level that shifts is not a heap of wrong values: the model has to explain it. */
static void a_shift_of_the_level_is_kept(void **state)
{
    (void)state;
    double y[count_max], kept[count_max];
    size_t left_out = 0;
    struct kalman_spec spec = spec_of("local_level", "");
    noise_about(y, count_max, 0, 3);
    for (size_t t = 100; t < count_max; t++)
        y[t] += 40;
    struct kalman_fit fit = robust_of(&spec, y, count_max, kept, &left_out);
    assert_true(left_out <= 3);
    assert_true(kalman_spec_get(&fit.spec, "observation_variance") < 50);
}

/* With the choice of a scale: a wrong value that has no logarithm does not keep the others from
 * theirs, and the caller's logarithms are of all values that have one. */
static void a_value_without_a_logarithm_is_left_out(void **state)
{
    (void)state;
    double y[count_max], kept[count_max], logarithms[count_max];
    size_t n = 0, bytes = 0, left_out = 0;
    const double *air = vector("airpassengers", &n);
    memcpy(y, air, n * sizeof(double));
    y[70] = -5000;
    y[90] = 90000;
    struct kalman_spec spec = spec_of("auto", "period=12");
    struct kalman_series series = {.values = y, .count = n};
    struct kalman_fit_options options = {.logarithms = logarithms};
    struct kalman_candidate candidates[KALMAN_CANDIDATES_MAX];
    struct kalman_fit fit;
    assert_int_equal(kalman_fit_robust_bytes(&spec, n, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(kalman_fit_robust(&spec, &series, &options, 3, workspace, bytes, candidates,
                                       kept, &left_out, &fit),
                     KALMAN_OK);
    free(workspace);
    assert_int_equal(fit.transform.kind, KALMAN_TRANSFORM_LOG);
    assert_true(isnan(kept[70]) && isnan(logarithms[70]));
    assert_true(isnan(kept[90]) && isfinite(logarithms[90]));
    assert_true(left_out >= 2 && left_out <= 6 && kept[10] == logarithms[10]);
}

static void nothing_is_left_out_for_given_parameters(void **state)
{
    (void)state;
    double y[count_max], kept[count_max];
    size_t left_out = 1;
    struct kalman_spec spec = spec_of("local_level", "observation_variance=1 level_variance=.1");
    noise_about(y, count_max, 0.3, 4);
    y[50] += 1000;
    struct kalman_fit fit = robust_of(&spec, y, count_max, kept, &left_out);
    assert_int_equal(fit.status, KALMAN_FIT_FIXED);
    assert_int_equal(left_out, 0);
    assert_memory_equal(kept, y, sizeof y);
}

static void short_and_constant_series_are_answered(void **state)
{
    (void)state;
    static const double rows[][5] = {{3, 3, 3, 3, 3}, {1, 1000, 1, 1, 1}, {1, 2, 1, 2, 1}};
    for (size_t k = 0; k < 3; k++)
        for (size_t n = 1; n <= 5; n++) {
            double kept[5];
            size_t left_out = 0;
            struct kalman_spec spec = spec_of("local_level", "");
            struct kalman_fit fit = robust_of(&spec, rows[k], n, kept, &left_out);
            assert_int_equal(kalman_spec_free_count(&fit.spec), 0);
            assert_true(left_out <= 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_among_200_moves_the_variance_no_more),
        cmocka_unit_test(values_that_hide_each_other_are_found),
        cmocka_unit_test(a_series_without_wrong_values_is_fitted_as_ever),
        cmocka_unit_test(a_shift_of_the_level_is_kept),
        cmocka_unit_test(a_value_without_a_logarithm_is_left_out),
        cmocka_unit_test(nothing_is_left_out_for_given_parameters),
        cmocka_unit_test(short_and_constant_series_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
