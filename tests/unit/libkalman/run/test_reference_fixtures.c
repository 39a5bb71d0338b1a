/*
 * Small models with analytic or independently computed answers: Koopman (1997) on the exact diffuse
 * start, Stata and KFAS by way of statsmodels' tests, KFAS's own numerical stress series, Durbin
 * and Koopman's seat belt study.
 */
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const double half_log_two_pi = 0.91893853320467274178;

static void diffuse_local_level_starts_as_koopman_derived(void **state)
{
    const double y[10] = {10.2394, 1, 1, 1, 1, 1, 1, 1, 1, 1}, H = 1.993, Q = 8.253;
    double mean[10], variance[10], smoothed[10], F[10];
    (void)state;
    struct kalman_spec spec =
        spec_of("local_level", "observation_variance=1.993 level_variance=8.253");
    struct kalman_series series = {.values = y, .count = 10};
    struct kalman_output output = {.predicted_state = mean,
                                   .predicted_state_variance = variance,
                                   .smoothed_state = smoothed,
                                   .innovation_variances = F};
    struct kalman_summary summary = run_of(&spec, &series, &output);
    assert_relative(mean[1], y[0], 1e-15);
    assert_relative(variance[1], H + Q, 1e-15);
    assert_int_equal(summary.diffuse_count, 1);
    assert_relative(F[9], 11.9053647797889, 1e-13);
    assert_relative(smoothed[0], 8.69269189482201, 1e-14);
    assert_relative(smoothed[1], 2.28778372019385, 1e-14);
    assert_within(summary.loglikelihood, -23.935260384141, 1e-12);
    /* Stata's method is good to nine digits */
    assert_within(summary.loglikelihood, -23.9352603142740605, 1e-7);
    assert_within(summary.loglikelihood_marginal, -23.0163218509366, 1e-13);
}

static void trend_run(const double *y, size_t count, double *mean, double *variance,
                      double *smoothed, struct kalman_summary *ret_summary)
{
    struct kalman_spec spec =
        spec_of("local_linear_trend",
                "observation_variance=1.993 level_variance=8.253 slope_variance=2.334");
    struct kalman_series series = {.values = y, .count = count};
    struct kalman_output output = {
        .predicted_state = mean, .predicted_state_variance = variance, .smoothed_state = smoothed};
    *ret_summary = run_of(&spec, &series, &output);
}

static void diffuse_trend_starts_as_koopman_derived(void **state)
{
    const double y[10] = {10.2394, 4.2039, 6.123123, 1, 1, 1, 1, 1, 1, 1}, H = 1.993,
                 qm = 8.253 / H, qb = 2.334 / H;
    double mean[20], variance[40], smoothed[20];
    struct kalman_summary summary;
    (void)state;
    trend_run(y, 10, mean, variance, smoothed, &summary);
    assert_relative(mean[4], 2 * y[1] - y[0], 1e-14);
    assert_relative(mean[5], y[1] - y[0], 1e-14);
    assert_relative(variance[8], H * (5 + 2 * qm + qb), 1e-14);
    assert_relative(variance[9], H * (3 + qm + qb), 1e-14);
    assert_relative(variance[11], H * (2 + qm + 2 * qb), 1e-14);
    assert_int_equal(summary.diffuse_count, 2);
    assert_relative(smoothed[0], 9.72422585109483, 1e-14);
    assert_relative(smoothed[1], -2.4212757752195, 1e-13);
    assert_relative(smoothed[18], 0.971480183483241, 1e-13);
    assert_relative(smoothed[19], -0.132997822505254, 1e-13);
    /* Stata's method, good to eight digits */
    assert_within(summary.loglikelihood, -22.9743755748, 2e-7);
    assert_within(summary.loglikelihood_marginal, -21.1364983872324, 5e-13);
    assert_within(summary.loglikelihood_marginal - summary.loglikelihood, 2 * half_log_two_pi,
                  1e-13);
}

static void diffuse_trend_waits_for_a_missing_observation(void **state)
{
    const double y[10] = {10.2394, NAN, 6.123123, 1, 1, 1, 1, 1, 1, 1}, H = 1.993, qm = 8.253 / H,
                 qb = 2.334 / H;
    double mean[20], variance[40], smoothed[20];
    struct kalman_summary summary;
    (void)state;
    trend_run(y, 10, mean, variance, smoothed, &summary);
    assert_relative(mean[6], 1.5 * y[2] - 0.5 * y[0], 1e-14);
    assert_relative(mean[7], 0.5 * y[2] - 0.5 * y[0], 1e-14);
    assert_relative(variance[12], H * (2.5 + 1.5 * qm + 1.25 * qb), 1e-14);
    assert_relative(variance[13], H * (1 + 0.5 * qm + 1.25 * qb), 1e-14);
    assert_relative(variance[15], H * (0.5 + 0.5 * qm + 2.25 * qb), 1e-14);
    assert_within(summary.loglikelihood_marginal, -18.3036127435546, 5e-13);
    /* the slope is not known before the third time point */
    assert_true(isnan(mean[4]) || isinf(variance[8]));
}

static void common_level_of_two_series(void **state)
{
    double y[20], mean[40], variance[80], smoothed[40];
    static const double Z[4] = {1, 0, .1111, 1}, H[4] = {1, 0, 0, 1}, T[4] = {1, 0, 0, 1},
                        R[2] = {1, 0}, Q[1] = {3.2324}, diffuse[2] = {1, 1};
    const struct kalman_system system = {.observed = 2,
                                         .states = 2,
                                         .disturbances = 1,
                                         .Z = {Z, 0},
                                         .H = {H, 0},
                                         .T = {T, 0},
                                         .R = {R, 0},
                                         .Q = {Q, 0},
                                         .diffuse = diffuse};
    (void)state;
    for (size_t i = 0; i < 20; i++)
        y[i] = 1;
    y[0] = 10.2394;
    y[1] = 8.2304;
    struct kalman_spec spec;
    kalman_spec_init(&spec, KALMAN_CUSTOM);
    spec.system = &system;
    struct kalman_series series = {.values = y, .count = 10};
    struct kalman_output output = {
        .predicted_state = mean, .predicted_state_variance = variance, .smoothed_state = smoothed};
    struct kalman_summary summary = run_of(&spec, &series, &output);
    assert_relative(mean[2], y[0], 1e-15);
    assert_relative(mean[3], y[1] - .1111 * y[0], 1e-14);
    assert_relative(variance[4], 1 + 3.2324, 1e-14);
    assert_relative(variance[5], -.1111, 1e-14);
    assert_relative(variance[7], 1 + .1111 * .1111, 1e-14);
    assert_relative(smoothed[0], 8.8975374571643, 1e-13);
    assert_relative(smoothed[1], 1.509290266, 1e-13);
    assert_within(summary.loglikelihood, -53.7830389463984773, 1e-6);        /* Stata */
    assert_within(summary.loglikelihood_marginal, -51.9451615109472, 1e-12); /* KFAS */
}

/* KFAS: y_t = x_t b_t with x_t = y_{t-1}, b_t white, no noise: b_t is the ratio, exactly, over
 * 218 orders of magnitude. */
static void ratios_are_exact(double sign)
{
    enum { n = 250 };
    double y[n], x[n], smoothed[n], variance[n];
    const double T[1] = {0}, Q[1] = {1}, P1[1] = {1};
    for (size_t t = 0; t < n; t++) {
        y[t] = exp(sign * (double)(t + 1));
        x[t] = t == 0 ? 1 : y[t - 1];
    }
    const struct kalman_system system = {.observed = 1,
                                         .states = 1,
                                         .disturbances = 1,
                                         .Z = {x, 1},
                                         .T = {T, 0},
                                         .Q = {Q, 0},
                                         .P1 = P1};
    struct kalman_spec spec;
    kalman_spec_init(&spec, KALMAN_CUSTOM);
    spec.system = &system;
    struct kalman_series series = {.values = y, .count = n};
    struct kalman_output output = {.smoothed_state = smoothed, .smoothed_state_variance = variance};
    (void)run_of(&spec, &series, &output);
    for (size_t t = 0; t < n; t++) {
        assert_relative(smoothed[t], exp(sign), 1e-12);
        assert_within(variance[t], 0, 1e-14);
    }
}

static void ratios_of_tiny_and_of_huge_numbers_are_exact(void **state)
{
    (void)state;
    ratios_are_exact(-1);
    ratios_are_exact(1);
}

static void stress_series_of_kfas(void **state)
{
    size_t n = 0;
    const double *y = vector("kfas_stress", &n);
    double *z = malloc(2 * n * sizeof(double));
    static const double T[4] = {0, 0, 0, 1}, R[2] = {1, 0}, Q[1] = {0.03556689},
                        P1[4] = {0.03556689, 0, 0, 0}, a1[2] = {0, 1};
    (void)state;
    assert_int_equal(n, 118);
    for (size_t t = 0; t < n; t++) {
        z[2 * t] = t == 0 ? 9.469247 : y[t - 1];
        z[2 * t + 1] = 0;
    }
    const struct kalman_system system = {.observed = 1,
                                         .states = 2,
                                         .disturbances = 1,
                                         .Z = {z, 2},
                                         .T = {T, 0},
                                         .R = {R, 0},
                                         .Q = {Q, 0},
                                         .a1 = a1,
                                         .P1 = P1};
    struct kalman_spec spec;
    kalman_spec_init(&spec, KALMAN_CUSTOM);
    spec.system = &system;
    struct kalman_series series = {.values = y, .count = n};
    struct kalman_summary summary = run_of(&spec, &series, NULL);
    assert_within(summary.loglikelihood, 14530.62, 14530.62 * 1e-6); /* KFAS's own tolerance */
    free(z);
}

/*
 * Durbin and Koopman 8.2: drivers killed or seriously injured, with the price of petrol and the
 * seat belt law of 1983. The law is all zeros for 169 months, so its coefficient stays diffuse long
 * after everything else is determined. Expected: dense GLS on R's Seatbelts. The book prints
 * -0.29140 (0.09832) and -0.23773 (0.04632), from a petrol series that is not R's; that is a sixth
 * of a standard error away.
 */
static void seat_belt_law_and_petrol_price(void **state)
{
    (void)state;
    struct kalman_series series = {.values = NULL};
    size_t n = 0;
    series.values = vector_log("uk_drivers", &series.count);
    const double *petrol = vector_log("uk_petrol_price", &n), *law = vector("uk_belt_law", &n);
    double *inputs = malloc(2 * n * sizeof(double)), *states = malloc(14 * n * sizeof(double)),
           *variances = malloc(n * 14 * 14 * sizeof(double));
    for (size_t t = 0; t < n; t++) {
        inputs[2 * t] = petrol[t];
        inputs[2 * t + 1] = law[t];
    }
    series.inputs = inputs;
    struct kalman_spec spec =
        spec_of("seasonal", "period=12 harmonics=6 observation_variance=.00403394 "
                            "level_variance=.000268087 seasonal_variance=0");
    spec.input_count = 2;
    struct kalman_output output = {.smoothed_state = states, .filtered_state_variance = variances};
    struct kalman_summary summary = run_of(&spec, &series, &output);
    assert_within(summary.loglikelihood, 175.26894554901946, 1e-9);
    assert_within(fit_series(&spec, &series).loglikelihood, 175.26894554901946, 1e-9);
    assert_int_equal(summary.diffuse_count, 14);
    /* constants: filtered at the end is smoothed anywhere */
    const double *at_end = variances + (n - 1) * 14 * 14;
    assert_relative(states[12], -0.2767399538876784, 1e-10);
    assert_relative(states[13], -0.2375873450375281, 1e-10);
    assert_relative(sqrt(at_end[12 * 14 + 12]), 0.0984068103788427, 1e-10);
    assert_relative(sqrt(at_end[13 * 14 + 13]), 0.0464459609167727, 1e-10);
    assert_within(states[12], -0.29140, 0.09832 / 6);
    assert_within(states[13], -0.23773, 2e-4);
    free(inputs);
    free(states);
    free(variances);
}

/* The dummy form at its maximum: KFAS's documentation prints these variances for the same data
 * and regressors. */
static void seat_belt_model_is_fitted_where_kfas_finds_it(void **state)
{
    (void)state;
    struct kalman_series series = {.values = NULL};
    size_t n = 0;
    series.values = vector_log("uk_drivers", &series.count);
    const double *petrol = vector_log("uk_petrol_price", &n), *law = vector("uk_belt_law", &n);
    double *inputs = malloc(2 * n * sizeof(double));
    for (size_t t = 0; t < n; t++) {
        inputs[2 * t] = petrol[t];
        inputs[2 * t + 1] = law[t];
    }
    series.inputs = inputs;
    struct kalman_spec spec = spec_of("seasonal", "period=12");
    spec.input_count = 2;
    struct kalman_fit fit = fit_series(&spec, &series);
    assert_int_equal(fit.status, KALMAN_FIT_BOUNDARY_LOW);
    assert_within(kalman_spec_get(&fit.spec, "observation_variance"), 0.004033986, 1e-8);
    assert_within(kalman_spec_get(&fit.spec, "level_variance"), 0.0002680763, 1e-9);
    assert_true(kalman_spec_get(&fit.spec, "seasonal_variance") == 0);
    free(inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffuse_local_level_starts_as_koopman_derived),
        cmocka_unit_test(diffuse_trend_starts_as_koopman_derived),
        cmocka_unit_test(diffuse_trend_waits_for_a_missing_observation),
        cmocka_unit_test(common_level_of_two_series),
        cmocka_unit_test(ratios_of_tiny_and_of_huge_numbers_are_exact),
        cmocka_unit_test(stress_series_of_kfas),
        cmocka_unit_test(seat_belt_law_and_petrol_price),
        cmocka_unit_test(seat_belt_model_is_fitted_where_kfas_finds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
