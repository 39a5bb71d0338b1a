/*
 * Every family of models against its definition: the covariance matrix of the whole series, written
 * down from the model's equations without any state space, and dense generalised least squares.
 */
#include "oracle_gls.h"
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { n = 40, columns_max = 16 };

/* A series of no particular kind. */
static void fill_series(double *y)
{
    for (int t = 0; t < n; t++)
        y[t] = 3 + 0.2 * t + sin(0.7 * t) + 0.5 * cos(2.3 * t * t) + (t % 4 == 1 ? 1.5 : 0);
}

struct dense {
    double sigma[n * n], x[n * columns_max];
    size_t columns;
};

static void agrees(const struct kalman_spec *spec, const double *times, const struct dense *dense)
{
    double y[n], expected = 0;
    fill_series(y);
    assert_int_equal(oracle_regression(y, n, dense->x, dense->columns, dense->sigma, &expected), 0);
    struct kalman_series series = {.values = y, .count = n, .times = times};
    struct kalman_summary summary = run_of(spec, &series, NULL);
    assert_relative(summary.loglikelihood, expected, 1e-11);
    assert_int_equal(summary.diffuse_count, dense->columns);
    assert_relative(fit_series(spec, &series).loglikelihood, expected, 1e-11);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* The sum of damping^0 .. damping^(count - 1). */
static double powers(double damping, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += pow(damping, i);
    return sum;
}

static void damped_trend(void **state)
{
    struct dense dense = {.columns = 2};
    (void)state;
    for (int t = 0; t < n; t++) {
        dense.x[2 * (size_t)t] = 1;
        dense.x[2 * (size_t)t + 1] = powers(.8, t);
        for (int s = 0; s < n; s++) {
            int until = t < s ? t : s;
            double sum = (t == s ? .7 : 0) + .2 * until;
            for (int i = 0; i < until; i++)
                sum += .05 * powers(.8, t - 1 - i) * powers(.8, s - 1 - i);
            dense.sigma[t * n + s] = sum;
        }
    }
    struct kalman_spec spec = spec_of(
        "damped_trend", "observation_variance=.7 level_variance=.2 slope_variance=.05 damping=.8");
    agrees(&spec, NULL, &dense);
}

static void level_and_cycle_at_any_times(void **state)
{
    const double pi = 3.14159265358979323846, damping = .85, period = 6.3, variance = .3;
    struct dense dense = {.columns = 1};
    double times[n];
    (void)state;
    for (int t = 0; t < n; t++)
        times[t] = t + 0.3 * sin(t);
    for (int t = 0; t < n; t++) {
        dense.x[t] = 1;
        for (int s = 0; s < n; s++) {
            double gap = fabs(times[t] - times[s]),
                   since = (t < s ? times[t] : times[s]) - times[0];
            dense.sigma[t * n + s] =
                (t == s ? .4 : 0) + .1 * since +
                variance / (1 - damping * damping) * pow(damping, gap) * cos(2 * pi * gap / period);
        }
    }
    struct kalman_spec spec = spec_of(
        "cycle",
        "observation_variance=.4 level_variance=.1 cycle_variance=.3 cycle_period=6.3 damping=.85");
    agrees(&spec, times, &dense);
}

/* Psi Psi' of the moving-average form of exponential smoothing (Hyndman et al. 2008, table 6.1). */
static void smoothing_covariance(double alpha, double beta, double damping, double gamma,
                                 int period, struct dense *dense)
{
    double psi[n];
    for (int k = 0; k < n; k++)
        psi[k] = k == 0 ? 1
                        : alpha + beta * damping * powers(damping, k) +
                              (period > 0 && k % period == 0 ? gamma : 0);
    for (int t = 0; t < n; t++)
        for (int s = 0; s < n; s++) {
            double sum = 0;
            for (int e = 0; e <= (t < s ? t : s); e++)
                sum += psi[t - e] * psi[s - e];
            dense->sigma[t * n + s] = 1.3 * sum;
        }
}

static void simple_exponential_smoothing(void **state)
{
    struct dense dense = {.columns = 1};
    (void)state;
    smoothing_covariance(.35, 0, 1, 0, 0, &dense);
    for (int t = 0; t < n; t++)
        dense.x[t] = 1;
    struct kalman_spec spec = spec_of("exponential_smoothing", "innovation_variance=1.3 alpha=.35");
    agrees(&spec, NULL, &dense);
}

static void damped_seasonal_exponential_smoothing(void **state)
{
    struct dense dense = {.columns = 5};
    (void)state;
    smoothing_covariance(.35, .1, .9, .2, 4, &dense);
    for (int t = 0; t < n; t++) {
        double *row = dense.x + 5 * (size_t)t;
        row[0] = 1;
        row[1] = .9 * powers(.9, t + 1);
        /* States s_{-1}, s_{-2}, s_{-3} free, s_{-4} their negative sum; y_t meets s_{t-4}. */
        for (int j = 0; j < 3; j++)
            row[2 + j] = t % 4 == 0 ? -1 : (3 - t % 4 == j ? 1 : 0);
    }
    struct kalman_spec spec = spec_of("exponential_smoothing",
                                      "trend=1 damped=1 period=4 innovation_variance=1.3 alpha=.35 "
                                      "beta=.1 damping=.9 gamma=.2");
    agrees(&spec, NULL, &dense);
}

static void irregular_times(double *times)
{
    for (int t = 0; t < n; t++)
        times[t] = 100 + 0.5 * t + 0.2 * sin(3.0 * t);
}

static void constant_velocity_at_any_times(void **state)
{
    struct dense dense = {.columns = 2};
    double times[n];
    (void)state;
    irregular_times(times);
    for (int t = 0; t < n; t++) {
        double u = times[t] - times[0];
        dense.x[2 * (size_t)t] = 1;
        dense.x[2 * (size_t)t + 1] = u;
        for (int s = 0; s < n; s++) {
            double v = times[s] - times[0], low = u < v ? u : v, high = larger(u, v);
            dense.sigma[t * n + s] =
                (t == s ? .6 : 0) + .4 * (low * low * low / 3 + low * low * (high - low) / 2);
        }
    }
    struct kalman_spec spec =
        spec_of("constant_velocity", "observation_variance=.6 acceleration_variance=.4");
    agrees(&spec, times, &dense);
}

static void constant_acceleration_at_any_times(void **state)
{
    struct dense dense = {.columns = 3};
    double times[n];
    (void)state;
    irregular_times(times);
    for (int t = 0; t < n; t++) {
        double u = times[t] - times[0];
        dense.x[3 * (size_t)t] = 1;
        dense.x[3 * (size_t)t + 1] = u;
        dense.x[3 * (size_t)t + 2] = u * u / 2;
        for (int s = 0; s < n; s++) {
            double v = times[s] - times[0], low = u < v ? u : v, gap = larger(u, v) - low;
            dense.sigma[t * n + s] =
                (t == s ? .6 : 0) +
                .4 / 4 * (pow(low, 5) / 5 + gap * pow(low, 4) / 2 + gap * gap * pow(low, 3) / 3);
        }
    }
    struct kalman_spec spec =
        spec_of("constant_acceleration", "observation_variance=.6 jerk_variance=.4");
    agrees(&spec, times, &dense);
}

/* Autocovariances of an ARMA by its moving-average form, long enough to have died out. */
static void arma_with_a_mean(void **state)
{
    enum { long_enough = 600 };
    double psi[long_enough], ar[2] = {.6, -.3}, ma[1] = {.5};
    struct dense dense = {.columns = 1};
    (void)state;
    for (int k = 0; k < long_enough; k++) {
        psi[k] = k == 0 ? 1 : (k == 1 ? ma[0] : 0);
        for (int i = 1; i <= 2 && i <= k; i++)
            psi[k] += ar[i - 1] * psi[k - i];
    }
    for (int t = 0; t < n; t++) {
        dense.x[t] = 1;
        for (int s = 0; s < n; s++) {
            double sum = 0;
            for (int k = 0, gap = t > s ? t - s : s - t; k + gap < long_enough; k++)
                sum += psi[k] * psi[k + gap];
            dense.sigma[t * n + s] = 1.7 * sum;
        }
    }
    struct kalman_spec spec =
        spec_of("arima", "p=2 q=1 mean=1 innovation_variance=1.7 ar=.6,-.3 ma=.5");
    agrees(&spec, NULL, &dense);
}

/* What times mean to the discrete models: a gap of three units is two missing observations. */
static void whole_gaps_equal_missing_observations(void **state)
{
    static const char *const kinds[][2] = {
        {"local_level", "observation_variance=.7 level_variance=.2"},
        {"local_linear_trend", "observation_variance=.7 level_variance=.2 slope_variance=.05"},
        {"smooth_trend", "observation_variance=.7 slope_variance=.05"},
        {"damped_trend", "observation_variance=.7 level_variance=.2 slope_variance=.05 damping=.8"},
        {"random_walk_drift", "level_variance=.2"},
        {"cycle", "observation_variance=.4 level_variance=.1 cycle_variance=.3 cycle_period=6.3 "
                  "damping=.85"},
        {"constant_velocity", "observation_variance=.6 acceleration_variance=.4"},
        {"constant_acceleration", "observation_variance=.6 jerk_variance=.4"},
    };
    double y[n], kept[n], times[n];
    size_t count = 0;
    (void)state;
    fill_series(y);
    for (int t = 0; t < n; t++)
        if (t == 0 || (t % 5 != 2 && t % 7 != 3 && t % 11 != 4)) {
            kept[count] = y[t];
            times[count++] = t;
        } else {
            y[t] = NAN;
        }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_series series = {.values = kept, .count = count, .times = times};
        double timed = run_of(&spec, &series, NULL).loglikelihood;
        assert_relative(timed, likelihood_of(&spec, y, n), 1e-12);
        assert_relative(fit_series(&spec, &series).loglikelihood, timed, 1e-12);
    }
}

/* 1 - damping^dt by subtraction keeps no digit when damping is next to 1: the slope of a step of
 * half a unit came out as 0 or 1 instead of 1/2. */
static void damping_next_to_one_is_nearly_no_damping(void **state)
{
    double y[n], times[n];
    (void)state;
    fill_series(y);
    for (int t = 0; t < n; t++)
        times[t] = t + 0.3 * sin(t);
    struct kalman_series series = {.values = y, .count = n, .times = times};
    struct kalman_spec none = spec_of("damped_trend", "observation_variance=.7 level_variance=.2 "
                                                      "slope_variance=.05 damping=1"),
                       slight = none;
    assert_int_equal(kalman_spec_set(&slight, "damping", 1 - 0x1p-53), KALMAN_OK);
    assert_relative(run_of(&slight, &series, NULL).loglikelihood,
                    run_of(&none, &series, NULL).loglikelihood, 1e-10);
}

/* The same difference in the noise of a cycle: time points without a value must change nothing. */
static void a_lasting_cycle_may_be_looked_at_in_between(void **state)
{
    enum { fine = 4 * n };
    double y[fine], times[fine], kept[n], kept_times[n];
    (void)state;
    fill_series(kept);
    for (int t = 0; t < fine; t++) {
        y[t] = t % 4 == 0 ? kept[t / 4] : (double)NAN;
        times[t] = 0.25 * (t % 4 == 0 ? t : t + 0.3);
    }
    for (int t = 0; t < n; t++)
        kept_times[t] = t;
    struct kalman_spec spec =
        spec_of("cycle", "observation_variance=.4 level_variance=.1 cycle_variance=.3 "
                         "cycle_period=6.3 damping=.9");
    assert_int_equal(kalman_spec_set(&spec, "damping", 1 - 0x1p-53), KALMAN_OK);
    struct kalman_series coarse = {.values = kept, .count = n, .times = kept_times},
                         all = {.values = y, .count = fine, .times = times};
    assert_relative(run_of(&spec, &all, NULL).loglikelihood,
                    run_of(&spec, &coarse, NULL).loglikelihood, 1e-10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damped_trend),
        cmocka_unit_test(level_and_cycle_at_any_times),
        cmocka_unit_test(simple_exponential_smoothing),
        cmocka_unit_test(damped_seasonal_exponential_smoothing),
        cmocka_unit_test(constant_velocity_at_any_times),
        cmocka_unit_test(constant_acceleration_at_any_times),
        cmocka_unit_test(arma_with_a_mean),
        cmocka_unit_test(whole_gaps_equal_missing_observations),
        cmocka_unit_test(damping_next_to_one_is_nearly_no_damping),
        cmocka_unit_test(a_lasting_cycle_may_be_looked_at_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
