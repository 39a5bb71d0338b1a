/* Properties that hold for every linear Gaussian model, over thousands of random ones. */
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

enum {
    STATES = RANDOM_POINTS * RANDOM_STATES,
    SQUARES = RANDOM_POINTS * RANDOM_STATES * RANDOM_STATES
};

enum { PER_KIND = 300 };

/* Both engines against dense generalised least squares: likelihood, smoothed states and
 * variances. */
static void likelihood_and_smoother_equal_dense_least_squares(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 1);
    static double mean[STATES], variance[SQUARES], dense_mean[STATES], dense_variance[SQUARES];
    size_t compared = 0;
    for (size_t i = 0; i < RANDOM_KINDS * PER_KIND; i++) {
        struct random_model x;
        struct random_kind kind = random_kinds[i % RANDOM_KINDS];
        random_model_make(&x, &random, kind);
        struct oracle_model oracle = random_model_oracle(&x, kind.varying);
        struct oracle_result dense = {.smoothed_mean = dense_mean,
                                      .smoothed_variance = dense_variance};
        if (oracle_gls(&oracle, x.y, x.n, &dense) == 0) {
            for (int engine = 0; engine < 2; engine++) {
                struct kalman_options options = {.engine = engine ? KALMAN_ENGINE_REFERENCE
                                                                  : KALMAN_ENGINE_FAST};
                struct kalman_output out = {.smoothed_state = mean,
                                            .smoothed_state_variance = variance};
                struct kalman_summary summary = random_model_run(&x, x.y, &options, &out);
                assert_int_equal(summary.diffuse_count, dense.diffuse_count);
                assert_int_equal(summary.observation_count, dense.observed_count);
                assert_true(fabs(summary.loglikelihood - dense.loglikelihood) <=
                            1e-10 * fabs(dense.loglikelihood));
                assert_true(random_model_worst(mean, dense_mean, x.n, x.m) <= 1e-10);
                assert_true(random_model_worst(variance, dense_variance, x.n, x.m * x.m) <= 1e-10);
            }
            compared++;
        }
        kalman_model_free(x.model);
    }
    assert_true(compared > RANDOM_KINDS * PER_KIND * 9 / 10);
}

/* P_smooth <= P_filtered <= P_predicted, element by element of the diagonal, and the last
 * smoothed is the filtered. */
static void knowing_more_never_adds_variance(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 2);
    static double smoothed[SQUARES], filtered[SQUARES], predicted[SQUARES], mean_s[STATES],
        mean_f[STATES];
    for (size_t i = 0; i < RANDOM_KINDS * PER_KIND; i++) {
        struct random_model x;
        random_model_make(&x, &random, random_kinds[i % RANDOM_KINDS]);
        struct kalman_output out = {.smoothed_state = mean_s,
                                    .filtered_state = mean_f,
                                    .smoothed_state_variance = smoothed,
                                    .filtered_state_variance = filtered,
                                    .predicted_state_variance = predicted};
        random_model_run(&x, x.y, NULL, &out);
        for (size_t t = 0; t < x.n; t++)
            for (size_t j = 0; j < x.m; j++) {
                size_t at = (t * x.m + j) * x.m + j;
                assert_true(smoothed[at] <= filtered[at] * (1.0 + 1e-9) || isinf(filtered[at]));
                assert_true(filtered[at] <= predicted[at] * (1.0 + 1e-9) || isinf(predicted[at]));
            }
        for (size_t j = 0; j < x.m; j++) {
            double f = mean_f[(x.n - 1) * x.m + j], s = mean_s[(x.n - 1) * x.m + j];
            assert_true(fabs(f - s) <= 1e-9 * (1.0 + fabs(f)) || (isnan(f) && isnan(s)));
        }
        kalman_model_free(x.model);
    }
}

/* Every kind at given parameters: y -> 2^k y moves means by 2^k, variances by 4^k, standardised
 * residuals not at all. */
static const struct {
    const char *kind, *words;
} every_kind[] = {
    {"local_level", "observation_variance=2 level_variance=0.5"},
    {"local_linear_trend", "observation_variance=2 level_variance=0.5 slope_variance=0.01"},
    {"smooth_trend", "observation_variance=2 slope_variance=0.01"},
    {"damped_trend", "observation_variance=2 level_variance=0.5 slope_variance=0.1 damping=0.8"},
    {"seasonal", "period=4 observation_variance=2 level_variance=0.5 seasonal_variance=0.1"},
    {"seasonal",
     "period=7 harmonics=3 observation_variance=2 level_variance=0.5 seasonal_variance=0.1"},
    {"basic_structural", "period=4 observation_variance=2 level_variance=0.5 slope_variance=0.01 "
                         "seasonal_variance=0.1"},
    {"cycle",
     "observation_variance=2 level_variance=0.5 cycle_variance=0.3 cycle_period=9 damping=0.9"},
    {"arima", "p=2 d=1 q=1 innovation_variance=1.5 ar=0.5,-0.2 ma=0.4"},
    {"arima", "p=1 q=1 P=1 period=4 innovation_variance=1.5 ar=0.5 ma=0.4 seasonal_ar=0.3"},
    {"exponential_smoothing", "trend=1 innovation_variance=1.5 alpha=0.4 beta=0.1"},
    {"constant_velocity", "observation_variance=2 acceleration_variance=0.1"},
    {"constant_acceleration", "observation_variance=2 jerk_variance=0.01"},
    {"random_walk_drift", "level_variance=1.2"},
};
enum { EVERY_KIND = sizeof every_kind / sizeof every_kind[0], POINTS = 80 };

static void walk(struct kalman_random *random, double *y, size_t count, double missing)
{
    double level = 100.0;
    for (size_t i = 0; i < count; i++) {
        level += 0.7 * kalman_random_normal(random);
        y[i] = kalman_random_uniform(random) < missing ? (double)NAN
                                                       : level + 1.4 * kalman_random_normal(random);
    }
}

static void scale_spec(struct kalman_spec *spec, int k)
{
    for (const struct kalman_parameter_info *p = kalman_kind_describe(spec->kind)->parameters;
         p->name; p++)
        if (p->domain == KALMAN_DOMAIN_VARIANCE)
            assert_int_equal(
                kalman_spec_set(spec, p->name, ldexp(kalman_spec_get(spec, p->name), 2 * k)),
                KALMAN_OK);
}

static void same_bits(double a, double b)
{
    assert_true(a == b || (isnan(a) && isnan(b)));
}

static void every_kind_scales_bit_for_bit(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 3);
    const int exponents[] = {1, -3, 40, -300, 450};
    for (size_t i = 0; i < EVERY_KIND; i++)
        for (size_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
            double y[POINTS], z[POINTS], mean[2][POINTS], variance[2][POINTS], filtered[2][POINTS],
                standard[2][POINTS];
            int k = exponents[e];
            walk(&random, y, POINTS, 0.1);
            for (size_t t = 0; t < POINTS; t++)
                z[t] = ldexp(y[t], k);
            struct kalman_spec spec = spec_of(every_kind[i].kind, every_kind[i].words),
                               scaled = spec;
            scale_spec(&scaled, k);
            for (int which = 0; which < 2; which++) {
                struct kalman_output out = {.smoothed_mean = mean[which],
                                            .smoothed_variance = variance[which],
                                            .filtered_mean = filtered[which],
                                            .standardized = standard[which]};
                struct kalman_series series = {.values = which ? z : y, .count = POINTS};
                run_of(which ? &scaled : &spec, &series, &out);
            }
            for (size_t t = 0; t < POINTS; t++) {
                same_bits(mean[1][t], ldexp(mean[0][t], k));
                same_bits(variance[1][t], ldexp(variance[0][t], 2 * k));
                same_bits(filtered[1][t], ldexp(filtered[0][t], k));
                same_bits(standard[1][t], standard[0][t]);
            }
        }
}

/* Shifting the data shifts the signal, for kinds with an unknown level. Integers: the shift
 * itself rounds nothing. */
static void kinds_with_a_level_shift_with_the_data(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 4);
    for (size_t i = 0; i < EVERY_KIND; i++) {
        struct kalman_spec spec = spec_of(every_kind[i].kind, every_kind[i].words);
        double y[POINTS], z[POINTS], mean[2][POINTS], variance[2][POINTS];
        walk(&random, y, POINTS, 0.1);
        /* stationary about zero: not shift-equivariant, and not meant to be */
        if (spec.kind == KALMAN_ARIMA && kalman_spec_get_int(&spec, "d") == 0)
            continue;
        for (size_t t = 0; t < POINTS; t++) {
            y[t] = floor(y[t]);
            z[t] = y[t] + 1099511627776.0;
        }
        for (int which = 0; which < 2; which++) {
            struct kalman_output out = {.smoothed_mean = mean[which],
                                        .smoothed_variance = variance[which]};
            struct kalman_series series = {.values = which ? z : y, .count = POINTS};
            run_of(&spec, &series, &out);
        }
        for (size_t t = 0; t < POINTS; t++) {
            assert_within(mean[1][t] - 1099511627776.0, mean[0][t], 4e-4);
            assert_relative(variance[1][t], variance[0][t], 1e-6);
        }
    }
}

/* Time reversed, a local level is the same model: the smoother does not know which end came
 * first. */
static void reversing_the_series_reverses_the_level_smoother(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 5);
    for (int round = 0; round < 1000; round++) {
        double y[POINTS], z[POINTS], a[POINTS], b[POINTS], va[POINTS], vb[POINTS];
        struct kalman_spec spec = spec_of("local_level", "");
        assert_int_equal(kalman_spec_set(&spec, "observation_variance",
                                         exp(4.0 * kalman_random_normal(&random))),
                         KALMAN_OK);
        assert_int_equal(
            kalman_spec_set(&spec, "level_variance", exp(4.0 * kalman_random_normal(&random))),
            KALMAN_OK);
        walk(&random, y, POINTS, 0.2);
        for (size_t t = 0; t < POINTS; t++)
            z[t] = y[POINTS - 1 - t];
        struct kalman_series forward = {.values = y, .count = POINTS},
                             back = {.values = z, .count = POINTS};
        struct kalman_output out_a = {.smoothed_mean = a, .smoothed_variance = va},
                             out_b = {.smoothed_mean = b, .smoothed_variance = vb};
        double la = run_of(&spec, &forward, &out_a).loglikelihood,
               lb = run_of(&spec, &back, &out_b).loglikelihood;
        assert_relative(la, lb, 1e-12);
        for (size_t t = 0; t < POINTS; t++) {
            assert_relative(a[t], b[POINTS - 1 - t], 1e-12);
            assert_relative(va[t], vb[POINTS - 1 - t], 1e-11);
        }
    }
}

/* A missing value inserted at random is one more step of noise: the same as doubling Q there (a
 * gap of two in time). */
static void inserted_missing_value_is_a_longer_step(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 6);
    const char *const kinds_with_times[] = {
        "local_level", "local_linear_trend", "smooth_trend",          "damped_trend",
        "cycle",       "constant_velocity",  "constant_acceleration", "random_walk_drift"};
    for (size_t i = 0; i < EVERY_KIND; i++) {
        int timed = 0;
        for (size_t k = 0; k < sizeof kinds_with_times / sizeof kinds_with_times[0]; k++)
            timed |= strcmp(kinds_with_times[k], every_kind[i].kind) == 0;
        if (!timed)
            continue;
        double y[POINTS], z[POINTS + 1], times[POINTS], a[POINTS], b[POINTS + 1];
        size_t at = 10 + (size_t)(kalman_random_uniform(&random) * 60.0);
        walk(&random, y, POINTS, 0.0);
        memcpy(z, y, at * sizeof *y);
        z[at] = NAN;
        memcpy(z + at + 1, y + at, (POINTS - at) * sizeof *y);
        for (size_t t = 0; t < POINTS; t++)
            times[t] = (double)(t < at ? t : t + 1);
        struct kalman_spec spec = spec_of(every_kind[i].kind, every_kind[i].words);
        struct kalman_series with_time = {.values = y, .count = POINTS, .times = times},
                             with_null = {.values = z, .count = POINTS + 1};
        struct kalman_output out_a = {.smoothed_mean = a}, out_b = {.smoothed_mean = b};
        double la = run_of(&spec, &with_time, &out_a).loglikelihood,
               lb = run_of(&spec, &with_null, &out_b).loglikelihood;
        assert_relative(la, lb, 1e-11);
        for (size_t t = 0; t < POINTS; t++)
            assert_relative(a[t], b[t < at ? t : t + 1], 1e-10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likelihood_and_smoother_equal_dense_least_squares),
        cmocka_unit_test(knowing_more_never_adds_variance),
        cmocka_unit_test(every_kind_scales_bit_for_bit),
        cmocka_unit_test(kinds_with_a_level_shift_with_the_data),
        cmocka_unit_test(reversing_the_series_reverses_the_level_smoother),
        cmocka_unit_test(inserted_missing_value_is_a_longer_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
