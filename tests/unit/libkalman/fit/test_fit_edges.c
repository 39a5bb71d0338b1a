/*
 * Fits where other libraries break: no data, constants, extreme units, too few observations; and
 * what must hold of any fit: exact equivariance, given parameters untouched, the same answer twice.
 */
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *const kinds[][2] = {
    {"local_linear_trend", ""},
    {"smooth_trend", ""},
    {"damped_trend", ""},
    {"seasonal", "period=4"},
    {"basic_structural", "period=4"},
    {"cycle", ""},
    {"arima", "p=1 d=1 q=1"},
    {"arima", "p=2 mean=1"},
    {"exponential_smoothing", "trend=1"},
    {"constant_velocity", ""},
    {"constant_acceleration", ""},
    {"random_walk_drift", ""},
    {"auto", "period=4"},
};
enum { kind_count = sizeof kinds / sizeof kinds[0] };

static size_t fitted(const struct kalman_spec *spec, const char *name, const double **ret_values)
{
    size_t at = 0, count = 0;
    assert_int_equal(kalman_spec_locate(spec, name, &at, &count), KALMAN_OK);
    *ret_values = spec->parameters + at;
    return count;
}

/* Every parameter of b is that of a, variances times 2^(2 exponent), bit for bit. */
static void scaled_exactly(const struct kalman_spec *a, const struct kalman_spec *b, int exponent)
{
    assert_int_equal(a->kind, b->kind);
    const struct kalman_kind_info *info = kalman_kind_describe(a->kind);
    for (const struct kalman_parameter_info *p = info->parameters; p->name; p++) {
        const double *left = NULL, *right = NULL;
        size_t count = fitted(a, p->name, &left);
        (void)fitted(b, p->name, &right);
        int shift = p->domain == KALMAN_DOMAIN_VARIANCE
                        ? 2 * exponent + a->variance_exponent - b->variance_exponent
                        : 0;
        for (size_t i = 0; i < count; i++)
            if (ldexp(left[i], shift) != right[i])
                fail_msg("%s %s: %.17g and %.17g", info->name, p->name, ldexp(left[i], shift),
                         right[i]);
    }
}

static void units_change_nothing_not_even_a_bit(void **state)
{
    static const int exponents[] = {1, -7, 400, -400, 1000, -1020};
    (void)state;
    size_t count = 0;
    const double *values = vector("johnsonjohnson", &count);
    double *scaled = malloc(count * sizeof(double));
    for (size_t i = 0; i < kind_count; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_fit plain = fit_of(&spec, values, count);
        for (size_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
            for (size_t t = 0; t < count; t++)
                scaled[t] = ldexp(values[t], exponents[e]);
            struct kalman_fit fit = fit_of(&spec, scaled, count);
            assert_int_equal(fit.status, plain.status);
            scaled_exactly(&plain.spec, &fit.spec, exponents[e]);
        }
    }
    free(scaled);
}

static void decimal_units_give_the_same_model(void **state)
{
    (void)state;
    size_t count = 0;
    const double *values = vector("nile", &count);
    double scaled[100];
    for (size_t i = 0; i < 3; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_fit plain = fit_of(&spec, values, count);
        for (int power = -12; power <= 9; power += 3) {
            double unit = pow(10, power);
            for (size_t t = 0; t < count; t++)
                scaled[t] = values[t] * unit;
            struct kalman_fit fit = fit_of(&spec, scaled, count);
            assert_relative(kalman_spec_get(&fit.spec, "observation_variance"),
                            kalman_spec_get(&plain.spec, "observation_variance") * unit * unit,
                            1e-6);
            double expected =
                plain.loglikelihood - (double)(count - plain.diffuse_count) * log(unit);
            assert_within(fit.loglikelihood, expected, 1e-9);
        }
    }
}

/* Days or nanoseconds: only the unit of the diffuse velocity (and acceleration) moves the
 * likelihood. */
static void units_of_time_give_the_same_motion(void **state)
{
    static const struct {
        const char *kind, *variance;
        int powers, diffuse_powers;
    } cases[] = {{"constant_velocity", "acceleration_variance", 3, 1},
                 {"constant_acceleration", "jerk_variance", 5, 3}};
    static const double units[] = {86400, 3.15e7, 1e-3, 1e-9};
    (void)state;
    double times[100];
    struct kalman_series series = {.times = times};
    series.values = vector("wwwusage", &series.count);
    for (size_t i = 0; i < 2; i++) {
        struct kalman_spec spec = spec_of(cases[i].kind, "");
        for (size_t t = 0; t < 100; t++)
            times[t] = (double)t + 0.3 * sin((double)t);
        struct kalman_fit plain = fit_series(&spec, &series);
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
            for (size_t t = 0; t < 100; t++)
                times[t] = units[u] * ((double)t + 0.3 * sin((double)t));
            struct kalman_fit fit = fit_series(&spec, &series);
            assert_int_equal(fit.status, plain.status);
            assert_within(fit.loglikelihood,
                          plain.loglikelihood - cases[i].diffuse_powers * log(units[u]), 1e-8);
            assert_relative(kalman_spec_get(&fit.spec, cases[i].variance) *
                                pow(units[u], cases[i].powers),
                            kalman_spec_get(&plain.spec, cases[i].variance), 1e-5);
            assert_relative(run_of(&fit.spec, &series, NULL).loglikelihood, fit.loglikelihood,
                            1e-10);
        }
    }
}

static void an_offset_changes_nothing(void **state)
{
    (void)state;
    size_t count = 0;
    const double *values = vector("nile", &count); /* integers: adding 2^40 is exact */
    double moved[100];
    for (size_t t = 0; t < count; t++)
        moved[t] = values[t] + 0x1p40;
    for (size_t i = 0; i < kind_count - 1; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_fit plain = fit_of(&spec, values, count), fit = fit_of(&spec, moved, count);
        scaled_exactly(&plain.spec, &fit.spec, 0);
        assert_true(plain.loglikelihood == fit.loglikelihood);
    }
}

static void constants_and_lines_are_degenerate_not_errors(void **state)
{
    double constant[30], line[30];
    (void)state;
    for (int t = 0; t < 30; t++) {
        constant[t] = 0.1;
        line[t] = 3.7 + 0.1 * t;
    }
    for (size_t i = 0; i < kind_count; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_fit fit = fit_of(&spec, constant, 30);
        if (fit.status != KALMAN_FIT_DEGENERATE_CONSTANT)
            fail_msg("%s: %s", kinds[i][0], kalman_fit_status_name(fit.status));
        struct kalman_series series = {.values = constant, .count = 30};
        (void)run_of(&fit.spec, &series, NULL);
    }
    static const char *const with_slope[] = {"local_linear_trend", "smooth_trend",
                                             "constant_velocity", "random_walk_drift"};
    for (size_t i = 0; i < sizeof with_slope / sizeof with_slope[0]; i++) {
        struct kalman_spec spec = spec_of(with_slope[i], "");
        struct kalman_fit fit = fit_of(&spec, line, 30);
        assert_int_equal(fit.status, KALMAN_FIT_DEGENERATE_CONSTANT);
        struct kalman_series series = {.values = line, .count = 30};
        /* exact but for rounding must not be called impossible */
        (void)run_of(&fit.spec, &series, NULL);
    }
}

static void short_series_get_defaults(void **state)
{
    const double values[9] = {NAN, 2, 5, 3, NAN, 4, 4.5, 2, 3};
    (void)state;
    for (size_t i = 0; i < kind_count; i++)
        for (size_t count = 1; count <= 9; count++) {
            struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
            struct kalman_fit fit = fit_of(&spec, values, count);
            if (fit.status == KALMAN_FIT_NOT_CONVERGED)
                fail_msg("%s, %zu values: not converged", kinds[i][0], count);
            assert_int_equal(kalman_spec_free_count(&fit.spec), 0);
            assert_true(fit.loglikelihood == fit.loglikelihood); /* not NaN */
        }
}

static void nothing_observed_is_not_an_error(void **state)
{
    const double missing[5] = {NAN, NAN, NAN, NAN, NAN};
    (void)state;
    for (size_t i = 0; i < kind_count; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_fit fit = fit_of(&spec, missing, 5);
        assert_int_equal(fit.status, KALMAN_FIT_UNIDENTIFIED_DEFAULT);
        assert_int_equal(fit.observation_count, 0);
    }
}

static void given_parameters_come_back_as_they_were(void **state)
{
    (void)state;
    size_t count = 0;
    const double *values = vector("johnsonjohnson", &count);
    struct kalman_spec spec =
        spec_of("basic_structural", "period=4 level_variance=.1 slope_variance=0");
    struct kalman_fit fit = fit_of(&spec, values, count);
    assert_true(kalman_spec_get(&fit.spec, "level_variance") == .1);
    assert_true(kalman_spec_get(&fit.spec, "slope_variance") == 0);
    assert_int_equal(fit.parameter_count, 2);
    struct kalman_spec all = spec_of("basic_structural", "period=4");
    assert_true(fit_of(&all, values, count).loglikelihood > fit.loglikelihood);
    /* Given what the free fit finds, the rest is found again. */
    struct kalman_fit best = fit_of(&all, values, count);
    spec = all;
    assert_int_equal(
        kalman_spec_set(&spec, "level_variance", kalman_spec_get(&best.spec, "level_variance")),
        KALMAN_OK);
    fit = fit_of(&spec, values, count);
    assert_relative(fit.loglikelihood, best.loglikelihood, 1e-12);
    assert_relative(kalman_spec_get(&fit.spec, "seasonal_variance"),
                    kalman_spec_get(&best.spec, "seasonal_variance"), 1e-5);
    double arrays[2] = {.5, NAN};
    spec = spec_of("arima", "p=2 mean=1");
    assert_int_equal(kalman_spec_set_array(&spec, "ar", arrays, 2), KALMAN_OK);
    fit = fit_of(&spec, values, count);
    assert_true(fit.spec.parameters[1] == .5 && isfinite(fit.spec.parameters[2]));
}

static void the_same_data_give_the_same_fit(void **state)
{
    (void)state;
    size_t count = 0;
    const double *values = vector("nile", &count);
    for (size_t i = 0; i < kind_count; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        struct kalman_fit first = fit_of(&spec, values, count),
                          second = fit_of(&spec, values, count);
        scaled_exactly(&first.spec, &second.spec, 0);
        assert_true(first.loglikelihood == second.loglikelihood);
        assert_int_equal(first.evaluations, second.evaluations);
    }
}

static bool stop_at_once(void *context)
{
    ++*(int *)context;
    return true;
}

static void a_fit_can_be_cancelled(void **state)
{
    (void)state;
    struct kalman_series series = {.values = NULL};
    series.values = vector("nile", &series.count);
    for (size_t i = 0; i < kind_count; i++) {
        struct kalman_spec spec = spec_of(kinds[i][0], kinds[i][1]);
        /* its one variance has a closed form: nothing to cancel */
        if (spec.kind == KALMAN_RANDOM_WALK_DRIFT)
            continue;
        int asked = 0;
        struct kalman_fit_options options = {.hook = {stop_at_once, &asked}};
        struct kalman_fit fit;
        size_t bytes = 0;
        assert_int_equal(kalman_fit_bytes(&spec, series.count, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        assert_int_equal(kalman_fit(&spec, &series, &options, workspace, bytes, NULL, &fit),
                         KALMAN_ECANCELLED);
        assert_true(asked > 0);
        free(workspace);
    }
}

/* A hook that notes the longest time of the processor between two of its calls, and stops the
 * 300th. */
struct call_times {
    int asked;
    double last, longest;
};

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool stop_at_last(void *context)
{
    struct call_times *calls = context;
    double now = processor_seconds();
    calls->longest = fmax(calls->longest, now - calls->last);
    calls->last = now;
    return ++calls->asked >= 300;
}

/* One likelihood of this season takes a second or more: a deadline must not wait for its end. */
static void a_long_season_does_not_put_off_the_deadline(void **state)
{
    static const char *const seasons[][2] = {{"basic_structural", "period=366"},
                                             {"exponential_smoothing", "period=366"},
                                             {"arima", "q=1 D=1 Q=1 period=200"}};
    enum { count = 3000 };
    double *values = malloc(count * sizeof(double));
    (void)state;
    for (size_t t = 0; t < count; t++)
        values[t] = sin((double)t) + sin(0.3 * (double)(t * t % 97));
    for (size_t i = 0; i < sizeof seasons / sizeof seasons[0]; i++) {
        struct kalman_series series = {.values = values, .count = count};
        struct kalman_spec spec = spec_of(seasons[i][0], seasons[i][1]);
        struct call_times calls = {.last = 0};
        struct kalman_fit_options options = {.hook = {stop_at_last, &calls}};
        struct kalman_fit fit;
        size_t bytes = 0;
        assert_int_equal(kalman_fit_bytes(&spec, count, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        calls.last = processor_seconds();
        assert_int_equal(kalman_fit(&spec, &series, &options, workspace, bytes, NULL, &fit),
                         KALMAN_ECANCELLED);
        assert_int_equal(calls.asked, 300);
        assert_true(calls.longest < 0.4);
        free(workspace);
    }
    free(values);
}

static void bad_arguments_are_named(void **state)
{
    const double infinite[4] = {1, 2, INFINITY, 4}, fine[4] = {1, 2, 3, 5}, times[4] = {0, 1, 1, 2};
    struct kalman_fit fit;
    size_t bytes = 0;
    (void)state;
    struct kalman_spec spec = spec_of("local_linear_trend", "");
    assert_int_equal(kalman_fit_bytes(&spec, 4, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    struct kalman_series series = {.values = infinite, .count = 4};
    assert_int_equal(kalman_fit(&spec, &series, NULL, workspace, bytes, NULL, &fit),
                     KALMAN_EDOMAIN);
    assert_int_equal(fit.bad_index, 2);
    series.values = fine;
    series.times = times;
    assert_int_equal(kalman_fit(&spec, &series, NULL, workspace, bytes, NULL, &fit), KALMAN_ETIMES);
    series.times = NULL;
    assert_int_equal(kalman_fit(&spec, &series, NULL, workspace, bytes - 64, NULL, &fit),
                     KALMAN_EWORKSPACE);
    assert_int_equal(kalman_fit(&spec, &series, NULL, NULL, bytes, NULL, &fit), KALMAN_EWORKSPACE);
    free(workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_change_nothing_not_even_a_bit),
        cmocka_unit_test(decimal_units_give_the_same_model),
        cmocka_unit_test(units_of_time_give_the_same_motion),
        cmocka_unit_test(an_offset_changes_nothing),
        cmocka_unit_test(constants_and_lines_are_degenerate_not_errors),
        cmocka_unit_test(short_series_get_defaults),
        cmocka_unit_test(nothing_observed_is_not_an_error),
        cmocka_unit_test(given_parameters_come_back_as_they_were),
        cmocka_unit_test(the_same_data_give_the_same_fit),
        cmocka_unit_test(a_fit_can_be_cancelled),
        cmocka_unit_test(a_long_season_does_not_put_off_the_deadline),
        cmocka_unit_test(bad_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
