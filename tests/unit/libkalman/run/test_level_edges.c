/* Local level on the inputs where other libraries fail: nothing to fit, extreme sizes, one-sided
 * likelihoods. */
#include "support.h"

#include <kalman/fit.h>
#include <kalman/kalman.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/simulate.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NILE = 100 };

static struct kalman_fit simple(const double *y, size_t n, double *level, double *variance)
{
    struct kalman_fit fit;
    assert_int_equal(kalman_filter_simple(y, n, level, variance, &fit), KALMAN_OK);
    return fit;
}

static void empty_series_is_an_empty_answer(void **state)
{
    (void)state;
    assert_int_equal(kalman_filter_simple(NULL, 0, NULL, NULL, NULL), KALMAN_OK);
    struct kalman_spec spec = spec_of("local_level", "");
    struct kalman_series series = {.values = NULL, .count = 0};
    struct kalman_fit fit;
    assert_int_equal(kalman_fit(&spec, &series, NULL, NULL, 0, NULL, &fit), KALMAN_ETOOSHORT);
}

static void one_value_is_the_identity(void **state)
{
    (void)state;
    double y[1] = {42.5}, level[1], variance[1];
    struct kalman_fit fit = simple(y, 1, level, variance);
    assert_true(level[0] == 42.5);
    assert_int_equal(fit.status, KALMAN_FIT_UNIDENTIFIED_DEFAULT);
}

/* Concentrated, the likelihood of two values does not depend on q; q = 1/2 gives gain 1/2 at t =
 * 2: (H+Q)/(2H+Q) = 3/5. */
static void two_values_use_the_default_ratio(void **state)
{
    (void)state;
    double y[2] = {1.0, 2.0}, level[2];
    struct kalman_fit fit = simple(y, 2, level, NULL);
    assert_int_equal(fit.status, KALMAN_FIT_UNIDENTIFIED_DEFAULT);
    assert_true(fit.signal_to_noise == 0.5);
    assert_relative(level[1], 1.6, 1e-15);
}

static void constant_series_is_returned_unchanged_without_error(void **state)
{
    (void)state;
    double y[50], level[50], variance[50];
    for (int i = 0; i < 50; i++)
        y[i] = i % 7 == 3 ? (double)NAN : 0.1;
    struct kalman_fit fit = simple(y, 50, level, variance);
    assert_int_equal(fit.status, KALMAN_FIT_DEGENERATE_CONSTANT);
    for (int i = 0; i < 50; i++) {
        assert_true(level[i] == 0.1);
        assert_true(variance[i] == 0.0);
    }
}

static void all_missing_is_all_missing(void **state)
{
    (void)state;
    double y[5] = {NAN, NAN, NAN, NAN, NAN}, level[5], variance[5];
    struct kalman_fit fit = simple(y, 5, level, variance);
    assert_int_equal(fit.status, KALMAN_FIT_UNIDENTIFIED_DEFAULT);
    for (int i = 0; i < 5; i++) {
        assert_true(isnan(level[i]));
        assert_true(isinf(variance[i]) && variance[i] > 0.0);
    }
    assert_int_equal(kalman_smooth_simple(y, 5, level, variance, NULL), KALMAN_OK);
    assert_true(isnan(level[2]));
}

static void leading_missing_values_stay_undefined_and_are_smoothed_back(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double y[NILE + 3], level[NILE + 3], variance[NILE + 3], plain[NILE], plain_variance[NILE];
    y[0] = y[1] = y[2] = NAN;
    memcpy(y + 3, nile, NILE * sizeof *y);
    struct kalman_fit fit = simple(y, NILE + 3, level, variance),
                      fit_plain = simple(nile, NILE, plain, NULL);
    assert_true(isnan(level[0]) && isnan(level[2]) && isinf(variance[2]));
    assert_true(level[3] == 1120.0);
    assert_true(fit.signal_to_noise == fit_plain.signal_to_noise);
    assert_memory_equal(level + 3, plain, sizeof plain);
    assert_int_equal(kalman_smooth_simple(y, NILE + 3, level, variance, NULL), KALMAN_OK);
    assert_int_equal(kalman_smooth_simple(nile, NILE, plain, plain_variance, NULL), KALMAN_OK);
    assert_relative(level[0], plain[0], 1e-15);
    assert_relative(variance[0],
                    plain_variance[0] + 3.0 * kalman_spec_get(&fit.spec, "level_variance"), 1e-14);
}

static void infinite_value_is_refused_with_its_index(void **state)
{
    (void)state;
    double y[4] = {1.0, 2.0, -INFINITY, 3.0}, level[4];
    struct kalman_fit fit;
    assert_int_equal(kalman_filter_simple(y, 4, level, NULL, &fit), KALMAN_EDOMAIN);
    assert_int_equal(fit.bad_index, 2);
}

/* y 2^k gives every output times 2^k (or 4^k), the last bit included; sizes that overflow when
 * squared too. */
static void scaling_by_a_power_of_two_is_bit_exact(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double level[NILE], variance[NILE], scaled[NILE], other[NILE], other_variance[NILE];
    struct kalman_fit base = simple(nile, NILE, level, variance);
    const int exponents[] = {1, -1, 13, -20, 400, -400, 500, -520, 900, 1012, -900, -1000};
    for (size_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
        int k = exponents[e];
        for (size_t i = 0; i < NILE; i++)
            scaled[i] = ldexp(nile[i], k);
        struct kalman_fit fit = simple(scaled, NILE, other, other_variance);
        assert_true(fit.signal_to_noise == base.signal_to_noise);
        assert_int_equal(fit.status, base.status);
        for (size_t i = 0; i < NILE; i++) {
            assert_true(other[i] == ldexp(level[i], k));
            assert_true(other_variance[i] == ldexp(variance[i], 2 * k));
        }
        assert_relative(fit.loglikelihood_marginal,
                        base.loglikelihood_marginal - 99.0 * k * 0.69314718055994530942, 1e-13);
    }
}

static void extreme_sizes_are_filtered(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double level[NILE], y[NILE], other[NILE];
    simple(nile, NILE, level, NULL);
    const double factors[] = {1e300, 1e-300, -1e303, 1e-3, 1e9};
    for (size_t f = 0; f < sizeof factors / sizeof factors[0]; f++) {
        for (size_t i = 0; i < NILE; i++)
            y[i] = nile[i] * factors[f];
        simple(y, NILE, other, NULL);
        for (size_t i = 0; i < NILE; i++)
            assert_relative(other[i], level[i] * factors[f], 1e-12);
    }
    double tiny[4] = {1e-320, 3e-320, 2e-320, 4e-320},
           huge[4] = {1.7e308, -1.7e308, 1.6e308, -1.5e308}, out[4];
    simple(tiny, 4, out, NULL);
    assert_true(out[0] == 1e-320 && out[3] > 1e-320 && out[3] < 4e-320);
    simple(huge, 4, out, NULL);
    for (int i = 0; i < 4; i++)
        assert_true(isfinite(out[i]));
}

static void large_offset_costs_nothing_but_its_own_rounding(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double level[NILE], variance[NILE], y[NILE], other[NILE], other_variance[NILE];
    struct kalman_fit base = simple(nile, NILE, level, variance);
    for (size_t i = 0; i < NILE; i++)
        y[i] = nile[i] + 1e12; /* exact: integers */
    struct kalman_fit fit = simple(y, NILE, other, other_variance);
    assert_true(fit.signal_to_noise == base.signal_to_noise);
    for (size_t i = 0; i < NILE; i++) {
        assert_within(other[i] - 1e12, level[i], 2e-4); /* half a unit in the last place of 1e12 */
        assert_true(other_variance[i] == variance[i]);
    }
}

static void ramp_and_alternation_end_at_the_two_ends(void **state)
{
    (void)state;
    double y[50], level[50];
    for (int i = 0; i < 50; i++)
        y[i] = i;
    struct kalman_fit ramp = simple(y, 50, level, NULL);
    assert_int_equal(ramp.status, KALMAN_FIT_BOUNDARY_HIGH);
    assert_true(isinf(ramp.signal_to_noise));
    assert_true(kalman_spec_get(&ramp.spec, "observation_variance") == 0.0);
    assert_memory_equal(level, y, sizeof y);
    for (int i = 0; i < 50; i++)
        y[i] = i % 2 ? 1.0 : -1.0;
    struct kalman_fit alternating = simple(y, 50, level, NULL);
    assert_int_equal(alternating.status, KALMAN_FIT_BOUNDARY_LOW);
    assert_true(kalman_spec_get(&alternating.spec, "level_variance") == 0.0);
    assert_within(level[49], 0.0, 1e-15); /* the running mean */
}

/* With no noise at all, data that move are impossible; data that do not are fine. */
static void no_noise_is_an_error_only_if_the_data_move(void **state)
{
    (void)state;
    double moving[3] = {1.0, 1.0, 2.0}, still[3] = {1.0, 1.0, 1.0}, level[3];
    struct kalman_spec spec = spec_of("local_level", "observation_variance=0 level_variance=0");
    struct kalman_model *model = NULL;
    struct kalman_output output = {.filtered_mean = level};
    struct kalman_summary summary;
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, 1 << 20);
    struct kalman_series series = {.values = moving, .count = 3};
    assert_int_equal(kalman_run(model, &series, NULL, &output, workspace, 1 << 20, &summary),
                     KALMAN_EMODEL);
    assert_int_equal(summary.bad_index, 2);
    series.values = still;
    assert_int_equal(kalman_run(model, &series, NULL, &output, workspace, 1 << 20, &summary),
                     KALMAN_OK);
    assert_true(level[2] == 1.0);
    free(workspace);
    kalman_model_free(model);
}

static double likelihood_at(double noise, double level, const double *y, size_t n)
{
    struct kalman_spec spec = spec_of("local_level", "");
    assert_int_equal(kalman_spec_set(&spec, "observation_variance", noise), KALMAN_OK);
    assert_int_equal(kalman_spec_set(&spec, "level_variance", level), KALMAN_OK);
    return likelihood_of(&spec, y, n);
}

/* One variance given, the other fitted: no neighbour on the free axis is better, and the given
 * one is untouched. */
static void given_variance_stays_and_the_other_is_the_best(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    const double given[] = {1e-6, 100.0, 15000.0, 1e5, 1e12};
    for (size_t g = 0; g < sizeof given / sizeof given[0]; g++)
        for (int which = 0; which < 2; which++) {
            struct kalman_spec spec = spec_of("local_level", "");
            const char *fixed = which ? "level_variance" : "observation_variance",
                       *freed = which ? "observation_variance" : "level_variance";
            assert_int_equal(kalman_spec_set(&spec, fixed, given[g]), KALMAN_OK);
            struct kalman_fit fit = fit_of(&spec, nile, n);
            assert_true(kalman_spec_get(&fit.spec, fixed) == given[g]);
            assert_int_equal(fit.parameter_count, 1);
            double best = kalman_spec_get(&fit.spec, freed), top = fit.loglikelihood;
            assert_relative(top,
                            which ? likelihood_at(best, given[g], nile, n)
                                  : likelihood_at(given[g], best, nile, n),
                            1e-12);
            const double others[] = {0.0,        best * 0.999, best * 1.001,
                                     best * 0.1, best * 10.0,  1000.0};
            for (size_t o = 0; o < sizeof others / sizeof others[0]; o++)
                assert_true((which ? likelihood_at(others[o], given[g], nile, n)
                                   : likelihood_at(given[g], others[o], nile, n)) <= top + 1e-9);
        }
}

/* A gap in time is the same as missing values in between; smoothing and forecasts too. */
static void gap_in_time_equals_missing_values(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double missing[NILE], kept[NILE], times[NILE], a[NILE], b[NILE], va[NILE], vb[NILE], fa[3],
        fb[3];
    size_t count = 0;
    for (size_t i = 0; i < NILE; i++) {
        int gone = (i >= 20 && i < 40) || (i >= 60 && i < 80);
        missing[i] = gone ? (double)NAN : nile[i];
        if (gone)
            continue;
        kept[count] = nile[i];
        times[count++] = (double)i;
    }
    struct kalman_spec spec = spec_of("local_level", "");
    struct kalman_series with_missing = {.values = missing, .count = NILE},
                         with_times = {.values = kept, .count = count, .times = times};
    struct kalman_fit fit_missing = fit_series(&spec, &with_missing),
                      fit_times = fit_series(&spec, &with_times);
    assert_relative(fit_times.signal_to_noise, fit_missing.signal_to_noise, 1e-11);
    assert_relative(fit_times.loglikelihood, fit_missing.loglikelihood, 1e-13);
    struct kalman_forecast ca = {.horizon = 3, .mean = fa}, cb = {.horizon = 3, .mean = fb};
    struct kalman_output out_a = {.smoothed_mean = a, .smoothed_variance = va, .forecast = &ca};
    struct kalman_output out_b = {.smoothed_mean = b, .smoothed_variance = vb, .forecast = &cb};
    run_of(&fit_missing.spec, &with_missing, &out_a);
    run_of(&fit_missing.spec, &with_times, &out_b);
    for (size_t i = 0; i < count; i++) {
        assert_relative(b[i], a[(size_t)times[i]], 1e-13);
        assert_relative(vb[i], va[(size_t)times[i]], 1e-12);
    }
    assert_relative(fb[2], fa[2], 1e-14);
}

/* One wild value: the plain filter follows it, the bounded one moves at most as far as three
 * standard deviations would. */
static void robust_update_bounds_the_influence_of_a_wild_value(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double y[NILE], plain[NILE], robust[NILE], wild[NILE], weights[NILE];
    memcpy(y, nile, sizeof y);
    struct kalman_spec spec =
        spec_of("local_level", "observation_variance=15099 level_variance=1469.1");
    struct kalman_options options = {.robust_threshold = 3.0};
    struct kalman_model *model = NULL;
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, 1 << 20);
    struct kalman_summary summary;
    struct kalman_series series = {.values = y, .count = NILE};
    struct kalman_output out = {.filtered_mean = plain};
    assert_int_equal(kalman_run(model, &series, NULL, &out, workspace, 1 << 20, &summary),
                     KALMAN_OK);
    y[70] = 1e9;
    out.filtered_mean = wild;
    assert_int_equal(kalman_run(model, &series, NULL, &out, workspace, 1 << 20, &summary),
                     KALMAN_OK);
    out.filtered_mean = robust;
    out.robust_weights = weights;
    assert_int_equal(kalman_run(model, &series, &options, &out, workspace, 1 << 20, &summary),
                     KALMAN_OK);
    /* gain 0.267048 times 3 sd(143.53) = 114.98 */
    assert_within(robust[70] - robust[69], 0.26704801257 * 3.0 * 143.527899524, 1e-3);
    assert_true(wild[70] > 1e8);
    assert_true(weights[70] < 1e-5 && weights[69] == 1.0);
    assert_within(robust[99], plain[99], 30.0);
    /* The general engine bounds in the same way. */
    struct kalman_options general = {.robust_threshold = 3.0, .engine = KALMAN_ENGINE_REFERENCE};
    out.filtered_mean = wild;
    assert_int_equal(kalman_run(model, &series, &general, &out, workspace, 1 << 20, &summary),
                     KALMAN_OK);
    for (size_t t = 0; t < NILE; t++)
        assert_relative(wild[t], robust[t], 1e-12);
    free(workspace);
    kalman_model_free(model);
}

static bool stop_at_once(void *context)
{
    ++*(int *)context;
    return true;
}

static void hook_stops_a_run_and_a_fit(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    int asked = 0;
    struct kalman_spec free_spec = spec_of("local_level", ""),
                       spec = spec_of("local_level", "observation_variance=1 level_variance=1");
    struct kalman_options options = {.hook = {stop_at_once, &asked}};
    struct kalman_fit_options fit_options = {.hook = {stop_at_once, &asked}};
    struct kalman_series series = {.values = nile, .count = n};
    struct kalman_output output = {.filtered_mean = NULL};
    struct kalman_model *model = NULL;
    struct kalman_summary summary;
    struct kalman_fit fit;
    void *workspace = aligned_alloc(KALMAN_ALIGN, 1 << 20);
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    assert_int_equal(kalman_run(model, &series, &options, &output, workspace, 1 << 20, &summary),
                     KALMAN_ECANCELLED);
    assert_int_equal(kalman_fit(&free_spec, &series, &fit_options, workspace, 1 << 20, NULL, &fit),
                     KALMAN_ECANCELLED);
    assert_int_equal(asked, 2);
    free(workspace);
    kalman_model_free(model);
}

/* A million points: the fit recovers what generated them, and the steady-state switch agrees
 * with the full recursion. */
static void million_points_agree_with_the_reference_engine(void **state)
{
    (void)state;
    enum { N = 1000000 };
    double *y = calloc(N, sizeof *y), *fast = calloc(N, sizeof *fast),
           *full = calloc(N, sizeof *full);
    struct kalman_random random;
    kalman_random_seed(&random, 7);
    double level = 0.0;
    for (size_t i = 0; i < N; i++) {
        y[i] = level + kalman_random_normal(&random);
        level += 0.1 * kalman_random_normal(&random);
    }
    struct kalman_spec spec = spec_of("local_level", "");
    struct kalman_fit fit = fit_of(&spec, y, N);
    assert_relative(kalman_spec_get(&fit.spec, "observation_variance"), 1.0, 0.01);
    assert_relative(kalman_spec_get(&fit.spec, "level_variance"), 0.01, 0.03);
    struct kalman_model *model = NULL;
    assert_int_equal(kalman_model_new(&fit.spec, &model), KALMAN_OK);
    struct kalman_series series = {.values = y, .count = N};
    struct kalman_options reference = {.engine = KALMAN_ENGINE_REFERENCE};
    struct kalman_output out = {.filtered_mean = fast};
    struct kalman_summary summary, summary_full;
    void *workspace = aligned_alloc(KALMAN_ALIGN, 1 << 20);
    assert_int_equal(kalman_run(model, &series, NULL, &out, workspace, 1 << 20, &summary),
                     KALMAN_OK);
    assert_true(summary.steady_at < 10000);
    out.filtered_mean = full;
    assert_int_equal(
        kalman_run(model, &series, &reference, &out, workspace, 1 << 20, &summary_full), KALMAN_OK);
    for (size_t i = 0; i < N; i++)
        assert_true(fabs(fast[i] - full[i]) <= 1e-12 * (1.0 + fabs(full[i])));
    assert_relative(summary.loglikelihood, summary_full.loglikelihood, 1e-12);
    assert_relative(fit.loglikelihood, summary_full.loglikelihood, 1e-12);
    kalman_model_free(model);
    free(workspace);
    free(y);
    free(fast);
    free(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_series_is_an_empty_answer),
        cmocka_unit_test(one_value_is_the_identity),
        cmocka_unit_test(two_values_use_the_default_ratio),
        cmocka_unit_test(constant_series_is_returned_unchanged_without_error),
        cmocka_unit_test(all_missing_is_all_missing),
        cmocka_unit_test(leading_missing_values_stay_undefined_and_are_smoothed_back),
        cmocka_unit_test(infinite_value_is_refused_with_its_index),
        cmocka_unit_test(scaling_by_a_power_of_two_is_bit_exact),
        cmocka_unit_test(extreme_sizes_are_filtered),
        cmocka_unit_test(large_offset_costs_nothing_but_its_own_rounding),
        cmocka_unit_test(ramp_and_alternation_end_at_the_two_ends),
        cmocka_unit_test(no_noise_is_an_error_only_if_the_data_move),
        cmocka_unit_test(given_variance_stays_and_the_other_is_the_best),
        cmocka_unit_test(gap_in_time_equals_missing_values),
        cmocka_unit_test(robust_update_bounds_the_influence_of_a_wild_value),
        cmocka_unit_test(hook_stops_a_run_and_a_fit),
        cmocka_unit_test(million_points_agree_with_the_reference_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
