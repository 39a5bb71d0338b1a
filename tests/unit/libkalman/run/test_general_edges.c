/* The general engine where series are empty, unseen, huge, exact or long. */
#include "oracle_gls.h"
#include "random_model.h"
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int run_status(const struct kalman_spec *spec, const struct kalman_series *series,
                      const struct kalman_options *options, struct kalman_output *output,
                      struct kalman_summary *summary)
{
    struct kalman_model *model = NULL;
    size_t bytes = 0;
    assert_int_equal(kalman_model_new(spec, &model), KALMAN_OK);
    assert_int_equal(kalman_run_bytes(model, series->count, options, output, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes + KALMAN_ALIGN);
    int status = kalman_run(model, series, options, output, workspace, bytes, summary);
    free(workspace);
    kalman_model_free(model);
    return status;
}

static void nothing_observed_leaves_everything_undetermined(void **state)
{
    (void)state;
    double y[6] = {NAN, NAN, NAN, NAN, NAN, NAN}, filtered[6], smoothed[6], variance[6],
           forecast[2], states[12];
    struct kalman_spec spec =
        spec_of("local_linear_trend", "observation_variance=1 level_variance=1 slope_variance=1");
    struct kalman_forecast ahead = {.horizon = 2, .mean = forecast};
    struct kalman_series series = {.values = y, .count = 6};
    struct kalman_output out = {.filtered_mean = filtered,
                                .smoothed_mean = smoothed,
                                .smoothed_variance = variance,
                                .smoothed_state = states,
                                .forecast = &ahead};
    struct kalman_summary summary = run_of(&spec, &series, &out);
    assert_int_equal(summary.observation_count, 0);
    assert_int_equal(summary.diffuse_count, 0);
    for (int t = 0; t < 6; t++)
        assert_true(isnan(filtered[t]) && isnan(smoothed[t]) && isinf(variance[t]));
    assert_true(isnan(forecast[0]) && isnan(states[3]));
    series.count = 0;
    series.values = NULL;
    run_of(&spec, &series, &out);
}

/* One value of a trend: the level is known there, the slope nowhere, other levels nowhere. */
static void one_observation_determines_one_direction(void **state)
{
    (void)state;
    double y[5] = {NAN, NAN, 7.5, NAN, NAN}, smoothed[5], variance[5], states[10], filtered[5];
    struct kalman_spec spec =
        spec_of("local_linear_trend", "observation_variance=2 level_variance=1 slope_variance=1");
    struct kalman_series series = {.values = y, .count = 5};
    struct kalman_output out = {.smoothed_mean = smoothed,
                                .smoothed_variance = variance,
                                .smoothed_state = states,
                                .filtered_mean = filtered};
    for (int engine = 0; engine < 2; engine++) {
        struct kalman_options options = {.engine =
                                             engine ? KALMAN_ENGINE_REFERENCE : KALMAN_ENGINE_FAST};
        struct kalman_summary summary;
        assert_int_equal(run_status(&spec, &series, &options, &out, &summary), KALMAN_OK);
        assert_int_equal(summary.diffuse_count, 1);
        for (int t = 0; t < 5; t++) {
            assert_true(t == 2 ? smoothed[t] == 7.5 : isnan(smoothed[t]));
            assert_true(t == 2 ? fabs(variance[t] - 2.0) < 1e-12 : isinf(variance[t]));
            assert_true(isnan(states[2 * t + 1]));
        }
        assert_true(filtered[2] == 7.5 && isnan(filtered[3]));
    }
}

/* Two values of a trend with noise, then nothing: every level is on a line through them. */
static void two_observations_make_a_line(void **state)
{
    (void)state;
    double y[7] = {NAN, 1.0, NAN, 5.0, NAN, NAN, NAN}, smoothed[7];
    struct kalman_spec spec =
        spec_of("local_linear_trend", "observation_variance=2 level_variance=0 slope_variance=0");
    struct kalman_series series = {.values = y, .count = 7};
    struct kalman_output out = {.smoothed_mean = smoothed};
    struct kalman_summary summary = run_of(&spec, &series, &out);
    assert_int_equal(summary.diffuse_count, 2);
    for (int t = 0; t < 7; t++)
        assert_within(smoothed[t], 2.0 * t - 1.0, 1e-12);
}

static void exact_line_without_noise_is_accepted_and_a_bend_is_not(void **state)
{
    (void)state;
    double y[40], smoothed[40];
    struct kalman_spec spec =
        spec_of("local_linear_trend", "observation_variance=0 level_variance=0 slope_variance=0");
    struct kalman_series series = {.values = y, .count = 40};
    struct kalman_output out = {.smoothed_mean = smoothed};
    struct kalman_summary summary;
    for (int t = 0; t < 40; t++)
        y[t] = 3.0 + 0.1 * t;
    assert_int_equal(run_status(&spec, &series, NULL, &out, &summary), KALMAN_OK);
    for (int t = 0; t < 40; t++)
        assert_relative(smoothed[t], y[t], 1e-12);
    y[30] += 1e-3;
    assert_int_equal(run_status(&spec, &series, NULL, &out, &summary), KALMAN_EMODEL);
    assert_int_equal(summary.bad_index, 30);
}

/* More diffuse elements than the data can ever tell apart: two levels that only add up. The
 * phase ends all the same. */
static void inseparable_diffuse_states_are_said_to_be_undetermined(void **state)
{
    (void)state;
    const double Z[2] = {1, 1}, H[1] = {1}, T[4] = {1, 0, 0, 1}, Q[4] = {0.5, 0, 0, 0.25},
                 diffuse[2] = {1, 1};
    struct kalman_system system = {.observed = 1,
                                   .states = 2,
                                   .disturbances = 2,
                                   .Z = {Z, 0},
                                   .H = {H, 0},
                                   .T = {T, 0},
                                   .Q = {Q, 0},
                                   .diffuse = diffuse};
    struct kalman_spec spec;
    kalman_spec_init(&spec, KALMAN_CUSTOM);
    spec.system = &system;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double signal[100], states[200], level[100];
    struct kalman_series series = {.values = nile, .count = n};
    struct kalman_output out = {.smoothed_mean = signal, .smoothed_state = states};
    struct kalman_summary summary = run_of(&spec, &series, &out);
    assert_int_equal(summary.diffuse_count, 1);
    struct kalman_spec sum = spec_of("local_level", "observation_variance=1 level_variance=0.75");
    struct kalman_output out_sum = {.smoothed_mean = level};
    struct kalman_summary summary_sum = run_of(&sum, &series, &out_sum);
    for (size_t t = 0; t < n; t++) {
        assert_true(isnan(states[2 * t]) && isnan(states[2 * t + 1]));
        assert_relative(signal[t], level[t], 1e-11);
    }
    /* w = A'z = (1, 1): log F_inf = log 2 instead of log 1. */
    assert_relative(summary.loglikelihood, summary_sum.loglikelihood - 0.5 * log(2.0), 1e-12);
}

static void sizes_that_overflow_when_squared_are_filtered(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    const int exponents[] = {990, -1000};
    for (size_t e = 0; e < 2; e++) {
        double y[100], plain[100], scaled[100];
        for (size_t t = 0; t < n; t++)
            y[t] = ldexp(nile[t], exponents[e]);
        struct kalman_spec
            spec = spec_of("local_linear_trend",
                           "observation_variance=15099 level_variance=1469.1 slope_variance=10"),
            other = spec;
        other.variance_exponent = 2 * exponents[e];
        struct kalman_series series = {.values = nile, .count = n},
                             scaled_series = {.values = y, .count = n};
        struct kalman_output out = {.smoothed_mean = plain}, out_scaled = {.smoothed_mean = scaled};
        run_of(&spec, &series, &out);
        run_of(&other, &scaled_series, &out_scaled);
        for (size_t t = 0; t < n; t++)
            assert_true(scaled[t] == ldexp(plain[t], exponents[e]));
    }
}

/* A series long enough for the smoother to go back block by block gives the bits of one that
 * fits a single block. */
static void smoothing_block_by_block_changes_nothing(void **state)
{
    (void)state;
    enum { LONG = 40000, SHORT = 3000 };
    double *y = calloc(LONG, sizeof *y), *mean = calloc(LONG, sizeof *mean),
           *variance = calloc(LONG, sizeof *variance);
    double level[SHORT], spread[SHORT];
    struct kalman_random random;
    kalman_random_seed(&random, 21);
    for (size_t t = 0; t < LONG; t++)
        y[t] = t < 260 || t % 50 == 3
                   ? (double)NAN
                   : 10.0 * sin((double)t / 30.0) + kalman_random_normal(&random);
    struct kalman_spec spec =
        spec_of("basic_structural", "period=7 observation_variance=1 level_variance=0.1 "
                                    "slope_variance=0.01 seasonal_variance=0.05");
    struct kalman_series series = {.values = y, .count = LONG},
                         head = {.values = y, .count = SHORT};
    struct kalman_output out = {.smoothed_mean = mean, .smoothed_variance = variance},
                         out_head = {.smoothed_mean = level, .smoothed_variance = spread};
    run_of(&spec, &series, &out);
    run_of(&spec, &head, &out_head);
    for (size_t t = 0; t < 150; t++) { /* what comes 2,800 steps later is not felt */
        assert_true((isnan(mean[t]) && isnan(level[t])) ||
                    fabs(mean[t] - level[t]) <= 1e-6 * fabs(level[t]) + 1e-6);
        assert_true(variance[t] == spread[t] || fabs(variance[t] - spread[t]) <= 1e-6 * spread[t]);
    }
    struct kalman_options reference = {.engine = KALMAN_ENGINE_REFERENCE};
    double *full = calloc(LONG, sizeof *full);
    struct kalman_output out_full = {.smoothed_mean = full};
    struct kalman_summary summary;
    assert_int_equal(run_status(&spec, &series, &reference, &out_full, &summary), KALMAN_OK);
    for (size_t t = 0; t < LONG; t++)
        assert_true((isnan(mean[t]) && isnan(full[t])) ||
                    fabs(mean[t] - full[t]) <= 1e-10 * (1.0 + fabs(full[t])));
    free(y);
    free(mean);
    free(variance);
    free(full);
}

/* Correlated measurement noise: what the observed elements say about the noise of a missing one.
 * With the signal known (one state without noise, long observed), e_2 given e_1 is rho e_1. */
static void missing_element_takes_its_noise_from_the_others(void **state)
{
    (void)state;
    enum { N = 3000 };
    const double Z[2] = {1, 1}, H[4] = {1, 0.8, 0.8, 1}, T[1] = {1}, Q[1] = {0}, diffuse[1] = {1};
    struct kalman_system system = {.observed = 2,
                                   .states = 1,
                                   .disturbances = 1,
                                   .Z = {Z, 0},
                                   .H = {H, 0},
                                   .T = {T, 0},
                                   .Q = {Q, 0},
                                   .diffuse = diffuse};
    struct kalman_spec spec;
    kalman_spec_init(&spec, KALMAN_CUSTOM);
    spec.system = &system;
    double *y = calloc((size_t)2 * N, sizeof *y), *noise = calloc((size_t)2 * N, sizeof *noise),
           *variance = calloc((size_t)2 * N, sizeof *variance);
    struct kalman_random random;
    kalman_random_seed(&random, 4);
    for (size_t i = 0; i < (size_t)2 * N; i++)
        y[i] = kalman_random_normal(&random);
    y[3001] = NAN;
    y[3000] = 2.0;
    struct kalman_series series = {.values = y, .count = N};
    struct kalman_output out = {.observation_disturbance = noise,
                                .observation_disturbance_variance = variance};
    run_of(&spec, &series, &out);
    assert_relative(noise[3001], 0.8 * noise[3000], 1e-12);
    assert_within(variance[3001], 1.0 - 0.64, 1e-3);
    free(y);
    free(noise);
    free(variance);
}

/* Regression on known inputs: coefficients are those of generalised least squares. With no state
 * noise and one constant level it is ordinary least squares: slope (Sxy/Sxx) by hand. */
static void constant_level_with_an_input_is_ordinary_least_squares(void **state)
{
    (void)state;
    const double x[6] = {1, 2, 4, 7, 8, 11}, y[6] = {2, 3, 3, 8, 7, 12};
    double states[12], forecast[1], future[1] = {20};
    struct kalman_spec spec = spec_of("local_level", "observation_variance=1 level_variance=0");
    spec.input_count = 1;
    struct kalman_forecast ahead = {.horizon = 1, .inputs = future, .mean = forecast};
    struct kalman_series series = {.values = y, .count = 6, .inputs = x};
    struct kalman_output out = {.smoothed_state = states, .forecast = &ahead};
    struct kalman_summary summary = run_of(&spec, &series, &out);
    double mx = 33.0 / 6.0, my = 35.0 / 6.0, sxx = 0.0, sxy = 0.0;
    for (int i = 0; i < 6; i++) {
        sxx += (x[i] - mx) * (x[i] - mx);
        sxy += (x[i] - mx) * (y[i] - my);
    }
    assert_int_equal(summary.diffuse_count, 2);
    assert_relative(states[1], sxy / sxx, 1e-13);
    assert_relative(states[0], my - sxy / sxx * mx, 1e-12);
    assert_relative(forecast[0], my + sxy / sxx * (20.0 - mx), 1e-12);
    series.inputs = NULL;
    struct kalman_output none = {.smoothed_state = states};
    assert_int_equal(run_status(&spec, &series, NULL, &none, &summary), KALMAN_EINPUTS);
}

/* The likelihood alone: the same number as a run's, and a word when the start was never
 * determined. */
static void likelihood_alone_is_that_of_a_run(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    const char *const words[][2] = {
        {"local_level", "observation_variance=15099 level_variance=1469.1"},
        {"local_level", "observation_variance=0 level_variance=1469.1"},
        {"local_linear_trend",
         "observation_variance=15099 level_variance=1469.1 slope_variance=10"}};
    for (size_t i = 0; i < 3; i++) {
        struct kalman_spec spec = spec_of(words[i][0], words[i][1]);
        struct kalman_model *model = NULL;
        struct kalman_summary summary;
        size_t bytes = 0;
        double y[100];
        memcpy(y, nile, sizeof y);
        y[30] = y[31] = NAN;
        struct kalman_series series = {.values = y, .count = n};
        assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
        assert_int_equal(kalman_loglikelihood_bytes(model, n, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        assert_int_equal(kalman_loglikelihood(model, &series, workspace, bytes, &summary),
                         KALMAN_OK);
        struct kalman_output none = {.filtered_mean = NULL};
        struct kalman_summary run = run_of(&spec, &series, &none);
        assert_relative(summary.loglikelihood, run.loglikelihood, 1e-13);
        assert_relative(summary.loglikelihood_marginal, run.loglikelihood_marginal, 1e-13);
        assert_int_equal(summary.observation_count, 98);
        assert_int_equal(summary.diffuse_count, run.diffuse_count);
        y[50] = INFINITY;
        assert_int_equal(kalman_loglikelihood(model, &series, workspace, bytes, &summary),
                         KALMAN_EDOMAIN);
        assert_int_equal(summary.bad_index, 50);
        y[0] = NAN;
        series.count = 1;
        assert_int_equal(kalman_loglikelihood(model, &series, workspace, bytes, &summary),
                         KALMAN_EDIFFUSE);
        free(workspace);
        kalman_model_free(model);
    }
}

/* An input measured in other units has a coefficient in other units, and changes nothing else:
 * rank is not judged in units. */
static void unit_of_an_input_does_not_matter(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    const int exponents[] = {-60, -200, 60};
    double x[100], scaled[100], plain[100], other[100], states[200], states_other[200];
    for (size_t t = 0; t < n; t++)
        x[t] = sin(0.7 * (double)t);
    struct kalman_spec spec =
        spec_of("local_level", "observation_variance=15099 level_variance=1469.1");
    spec.input_count = 1;
    struct kalman_series series = {.values = nile, .count = n, .inputs = x},
                         scaled_series = {.values = nile, .count = n, .inputs = scaled};
    struct kalman_output out = {.smoothed_mean = plain, .smoothed_state = states},
                         out_other = {.smoothed_mean = other, .smoothed_state = states_other};
    run_of(&spec, &series, &out);
    for (size_t e = 0; e < 3; e++) {
        for (size_t t = 0; t < n; t++)
            scaled[t] = ldexp(x[t], exponents[e]);
        struct kalman_summary summary = run_of(&spec, &scaled_series, &out_other);
        assert_int_equal(summary.diffuse_count, 2);
        for (size_t t = 0; t < n; t++)
            assert_relative(other[t], plain[t], 1e-11);
        assert_relative(states_other[1], ldexp(states[1], -exponents[e]), 1e-9);
    }
}

static void infinite_numbers_are_refused_with_their_index(void **state)
{
    (void)state;
    double y[4] = {1, 2, 3, 4}, x[4] = {1, 2, INFINITY, 4}, times[4] = {0, 1, 1, 2};
    struct kalman_spec spec =
        spec_of("local_linear_trend", "observation_variance=1 level_variance=1 slope_variance=1");
    struct kalman_series series = {.values = x, .count = 4};
    struct kalman_output out = {.filtered_mean = NULL};
    struct kalman_summary summary;
    assert_int_equal(run_status(&spec, &series, NULL, &out, &summary), KALMAN_EDOMAIN);
    assert_int_equal(summary.bad_index, 2);
    series = (struct kalman_series){.values = y, .count = 4, .times = times};
    assert_int_equal(run_status(&spec, &series, NULL, &out, &summary), KALMAN_ETIMES);
    assert_int_equal(summary.bad_index, 2);
    spec.input_count = 1;
    series = (struct kalman_series){.values = y, .count = 4, .inputs = x};
    assert_int_equal(run_status(&spec, &series, NULL, &out, &summary), KALMAN_EDOMAIN);
    assert_int_equal(summary.bad_index, 2);
}

/* A hook that stops the call when it is asked for the given time. */
struct stop_at {
    size_t asked, last;
};

static bool stop_now(void *context)
{
    struct stop_at *stop = context;
    return ++stop->asked >= stop->last;
}

/* Hundreds of states: a step back through the start takes a tenth of a second, and is asked about
 * within itself. Wherever the call is stopped it says so, and it never asks again. */
static void a_run_stops_within_its_steps(void **state)
{
    enum { count = 130, horizon = 40 };
    static const size_t places[] = {1, 2, 60, 300, 600, 1000};
    static double states[count * 121];
    double values[count], mean[count], variance[count], ahead[horizon];
    (void)state;
    for (size_t t = 0; t < count; t++)
        values[t] = sin((double)t);
    struct kalman_spec spec =
        spec_of("basic_structural", "period=120 observation_variance=1 level_variance=.1 "
                                    "slope_variance=.01 seasonal_variance=.1");
    struct kalman_model *model = NULL;
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    struct kalman_forecast forecast = {.horizon = horizon, .mean = ahead};
    struct kalman_output output = {.smoothed_mean = mean,
                                   .smoothed_variance = variance,
                                   .smoothed_state = states,
                                   .forecast = &forecast};
    struct kalman_series series = {.values = values, .count = count};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct stop_at stop = {.last = places[i]};
        const struct kalman_options options = {.hook = {stop_now, &stop}};
        struct kalman_summary summary;
        size_t bytes = 0;
        assert_int_equal(kalman_run_bytes(model, count, &options, &output, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        assert_int_equal(kalman_run(model, &series, &options, &output, workspace, bytes, &summary),
                         KALMAN_ECANCELLED);
        assert_int_equal(stop.asked, places[i]);
        free(workspace);
    }
    kalman_model_free(model);
}

static void filter_memory_grows_with_the_series(void **state)
{
    (void)state;
    const struct kalman_spec specs[] = {
        spec_of("local_level", "observation_variance=15099 level_variance=1469.1"),
        spec_of("local_linear_trend", "observation_variance=1 level_variance=1 slope_variance=1")};
    double wanted[1];
    struct kalman_output out = {.filtered_mean = wanted, .filtered_variance = wanted};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct kalman_model *model = NULL;
        size_t short_bytes = 0, long_bytes = 0;
        assert_int_equal(kalman_model_new(&specs[i], &model), KALMAN_OK);
        assert_int_equal(kalman_run_bytes(model, 1000, NULL, &out, &short_bytes), KALMAN_OK);
        assert_int_equal(kalman_run_bytes(model, 1000000, NULL, &out, &long_bytes), KALMAN_OK);
        assert_int_equal(short_bytes, long_bytes);
        kalman_model_free(model);
    }
}

/* The first of a varying matrix is checked with the model, the others when they are reached: of H
 * and Q the status was lost, c and d were taken as they are, and a NaN in d hid its value. */
static void a_later_matrix_that_is_not_finite_is_refused(void **state)
{
    enum { n = 6, matrices = 7, bad = 3 };
    static const double one = 1.0, bad_numbers[] = {NAN, INFINITY};
    (void)state;
    for (int k = 0; k < matrices * 2; k++) {
        double varying[n] = {1, 1, 1, 1, 1, 1}, y[n] = {1, 2, 1, 3, 2, 4};
        struct kalman_system system = {.observed = 1,
                                       .states = 1,
                                       .disturbances = 1,
                                       .Z = {&one, 0},
                                       .H = {&one, 0},
                                       .T = {&one, 0},
                                       .R = {&one, 0},
                                       .Q = {&one, 0},
                                       .P1 = &one};
        struct kalman_matrix *const all[matrices] = {&system.Z, &system.H, &system.T, &system.R,
                                                     &system.Q, &system.c, &system.d};
        varying[bad] = bad_numbers[k % 2];
        *all[k / 2] = (struct kalman_matrix){varying, 1};
        struct kalman_spec spec;
        kalman_spec_init(&spec, KALMAN_CUSTOM);
        spec.system = &system;
        struct kalman_series series = {.values = y, .count = n};
        struct kalman_output out = {.filtered_mean = NULL};
        struct kalman_summary summary;
        assert_int_equal(run_status(&spec, &series, NULL, &out, &summary), KALMAN_EPARAMETER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_observed_leaves_everything_undetermined),
        cmocka_unit_test(one_observation_determines_one_direction),
        cmocka_unit_test(two_observations_make_a_line),
        cmocka_unit_test(exact_line_without_noise_is_accepted_and_a_bend_is_not),
        cmocka_unit_test(inseparable_diffuse_states_are_said_to_be_undetermined),
        cmocka_unit_test(sizes_that_overflow_when_squared_are_filtered),
        cmocka_unit_test(smoothing_block_by_block_changes_nothing),
        cmocka_unit_test(missing_element_takes_its_noise_from_the_others),
        cmocka_unit_test(constant_level_with_an_input_is_ordinary_least_squares),
        cmocka_unit_test(likelihood_alone_is_that_of_a_run),
        cmocka_unit_test(unit_of_an_input_does_not_matter),
        cmocka_unit_test(infinite_numbers_are_refused_with_their_index),
        cmocka_unit_test(a_later_matrix_that_is_not_finite_is_refused),
        cmocka_unit_test(a_run_stops_within_its_steps),
        cmocka_unit_test(filter_memory_grows_with_the_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
