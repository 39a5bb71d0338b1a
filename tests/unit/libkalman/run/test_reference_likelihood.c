/*
 * Exact diffuse log-likelihoods at given parameters against numbers from outside: a dense GLS
 * computation, statsmodels, KFAS, R. Both kernels of the library are held to them: the filter's and
 * the fit's.
 */
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct reference {
    const char *series, *kind, *words;
    int logarithm;
    double loglikelihood, marginal; /* NAN: not given by the source */
    size_t diffuse;
    double within;
};

static const struct reference references[] = {
    {"nile", "local_level", "observation_variance=15099 level_variance=1469.1", 0,
     -633.4645636488784, -632.5456251156737, 1, 5e-13},
    {"nile", "local_linear_trend",
     "observation_variance=15099 level_variance=1469.1 slope_variance=10", 0, -633.14154807,
     -631.30367101, 2, 6e-9},
    {"nile", "smooth_trend", "observation_variance=15000 slope_variance=10", 0, -635.65713576,
     -633.81925869, 2, 6e-9},
    {"airpassengers", "basic_structural",
     "period=12 observation_variance=1e-4 level_variance=7e-4 slope_variance=1e-6 "
     "seasonal_variance=6.4e-5",
     1, 216.27670009, 228.22290103, 13, 6e-9},
    {"uk_drivers", "seasonal",
     "period=12 observation_variance=.0035 level_variance=.00095 seasonal_variance=1e-6", 1,
     177.70246987, 188.72973226, 12, 6e-9},
    {"uk_drivers", "seasonal",
     "period=12 harmonics=6 observation_variance=.00341598 level_variance=.000935852 "
     "seasonal_variance=5.01096e-7",
     1, 168.85875168, 179.88601408, 12, 6e-9},
    {"uk_drivers", "local_level", "observation_variance=.0022214561 level_variance=.0118650293", 1,
     122.95869029, 123.87762882, 1, 6e-9},
    /* KFAS by way of statsmodels' results_structural.py, US unemployment, marginal convention. */
    {"us_unemployment", "local_level",
     "observation_variance=4.256647886e-06 level_variance=1.182078808e-01", 0, NAN, -70.97242557, 1,
     6e-9},
    {"us_unemployment", "local_level", "observation_variance=0 level_variance=0.1182174646", 0, NAN,
     -70.96771641, 1, 6e-9},
    {"us_unemployment", "local_linear_trend",
     "observation_variance=1.339852549e-06 level_variance=1.008704925e-02 "
     "slope_variance=6.091760810e-02",
     0, NAN, -31.15640107, 2, 6e-9},
    {"us_unemployment", "smooth_trend",
     "observation_variance=0.0008824099119 slope_variance=0.0753064234342", 0, NAN, -31.92261408, 2,
     6e-9},
    {"us_unemployment", "random_walk_drift", "level_variance=0.1184499547", 0, NAN, -73.46798576, 2,
     6e-9},
    /* R's arima at its own estimates, differenced models: its 1e6 prior makes only the differences
     * comparable, hence the looser bound; statsmodels with simple differencing agrees with ours
     * (-425.4411, 244.69649). */
    {"airpassengers", "arima",
     "d=1 q=1 D=1 Q=1 period=12 innovation_variance=0.0013480348 ma=-.4018280 "
     "seasonal_ma=-.5569448",
     1, NAN, 244.6964844, 13, 5e-6},
    {"usaccdeaths", "arima",
     "d=1 q=1 D=1 Q=1 period=12 innovation_variance=99346.89 ma=-.4302692 seasonal_ma=-.5527913", 0,
     NAN, -425.4399936, 13, 2e-3},
    {"nile", "arima", "d=1 q=1 innovation_variance=20599.86681 ma=-0.732942578", 0, NAN,
     -632.545624383, 1, 1e-6},
    {"wwwusage", "arima", "p=3 d=1 innovation_variance=9.3633385 ar=1.1513401,-.6612265,.3407128",
     0, NAN, -251.996992, 1, 2e-4},
};

static void agree(const struct reference *reference, double loglikelihood, double marginal,
                  size_t diffuse)
{
    if (!isnan(reference->loglikelihood))
        assert_within(loglikelihood, reference->loglikelihood, reference->within);
    assert_within(marginal, reference->marginal, reference->within);
    assert_int_equal(diffuse, reference->diffuse);
}

static void filter_gives_the_published_likelihoods(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        const struct reference *reference = &references[i];
        struct kalman_series series = {.values = NULL};
        series.values = reference->logarithm ? vector_log(reference->series, &series.count)
                                             : vector(reference->series, &series.count);
        struct kalman_spec spec = spec_of(reference->kind, reference->words);
        struct kalman_summary summary = run_of(&spec, &series, NULL);
        agree(reference, summary.loglikelihood, summary.loglikelihood_marginal,
              summary.diffuse_count);
    }
}

static void fit_kernel_gives_the_published_likelihoods(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        const struct reference *reference = &references[i];
        size_t count = 0;
        const double *values = reference->logarithm ? vector_log(reference->series, &count)
                                                    : vector(reference->series, &count);
        struct kalman_spec spec = spec_of(reference->kind, reference->words);
        struct kalman_fit fit = fit_of(&spec, values, count);
        assert_int_equal(fit.status, KALMAN_FIT_FIXED);
        agree(reference, fit.loglikelihood, fit.loglikelihood_marginal, fit.diffuse_count);
    }
}

/* R's arima estimates a mean by maximum likelihood; at its estimates, mean subtracted, the ARMA
 * likelihood is exact. */
static void arma_without_a_mean_gives_the_likelihoods_of_r(void **state)
{
    static const struct {
        const char *series, *words;
        double mean, trend, origin, loglikelihood, within;
    } cases[] = {
        {"lh", "p=1 innovation_variance=.1974895 ar=.5739296", 2.4132880, 0, 0, -29.3791624, 1e-6},
        {"presidents", "p=3 innovation_variance=81.1179353 ar=.7496071,.2522564,-.1890315",
         56.2222535, 0, 0, -414.0819314, 1e-6},
        {"lakehuron", "p=2 innovation_variance=.4566186 ar=1.0048037,-.2913198", 579.0993448,
         -.0215688, 1920, -101.198267322, 2e-4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count = 0;
        const double *values = vector(cases[i].series, &count);
        double *centred = malloc(count * sizeof(double));
        for (size_t t = 0; t < count; t++)
            centred[t] =
                values[t] - cases[i].mean - cases[i].trend * (1875 + (double)t - cases[i].origin);
        struct kalman_spec spec = spec_of("arima", cases[i].words);
        assert_within(likelihood_of(&spec, centred, count), cases[i].loglikelihood,
                      cases[i].within);
        free(centred);
    }
}

/* The pattern of Durbin and Koopman 2.7: observations 21-40 and 61-80 missing. */
static void missing_observations_give_the_recomputed_likelihood(void **state)
{
    (void)state;
    size_t count = 0;
    double *values = table_column("nile_missing_reference", 1, &count);
    struct kalman_spec spec =
        spec_of("local_level", "observation_variance=15099 level_variance=1469.1");
    struct kalman_series series = {.values = values, .count = count};
    struct kalman_summary summary = run_of(&spec, &series, NULL);
    assert_within(summary.loglikelihood, -381.5060013085083, 5e-13);
    assert_within(summary.loglikelihood_marginal, -380.58706278, 6e-9);
    assert_int_equal(summary.observation_count, 60);
    free(values);
}

/* A component of its own with measurement noise, without a level: what statsmodels'
 * results_structural.py has from KFAS, in the marginal convention. T is made of rotations, or sums
 * the season to zero. */
struct lone_component {
    const char *name;
    size_t states, disturbances;
    double noise, variance, expected;
};

static void lone_transition(const struct lone_component *part, double *T, double *Z, double *R)
{
    size_t m = part->states, r = part->disturbances;
    bool dummy = r == 1;
    for (size_t i = 0; i < m; i++) {
        size_t pair = i / 2, period = m == 2 ? 10 : 5;
        double angle = 2 * 3.14159265358979323846 * (double)(pair + 1) / (double)period;
        Z[i] = dummy ? i == 0 : i % 2 == 0;
        R[i * r + (dummy ? 0 : i)] = dummy ? i == 0 : 1;
        for (size_t j = 0; j < m; j++) {
            double turn = pair != j / 2 ? 0
                          : i == j      ? cos(angle)
                          : i < j       ? sin(angle)
                                        : -sin(angle);
            T[i * m + j] = !dummy ? turn : i == 0 ? -1 : j + 1 == i;
        }
    }
}

static void lone_components_give_the_likelihoods_of_kfas(void **state)
{
    static const struct lone_component parts[] = {
        {"season of 4, dummies", 3, 1, 38.17043009, .1, -655.3337155},
        {"season of 5, harmonics", 4, 4, 38.95352534, .05, -657.6629457},
        {"cycle of 10", 2, 2, 37.57197079, .1, -656.6568684}};
    size_t count = 0;
    const double *values = vector("us_unemployment", &count), zeros[16] = {0},
                 ones[4] = {1, 1, 1, 1};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const struct lone_component *part = &parts[i];
        double T[16] = {0}, Z[4] = {0}, R[16] = {0}, Q[16] = {0};
        lone_transition(part, T, Z, R);
        for (size_t k = 0; k < part->disturbances; k++)
            Q[k * part->disturbances + k] = part->variance;
        const struct kalman_system system = {.observed = 1,
                                             .states = part->states,
                                             .disturbances = part->disturbances,
                                             .Z = {Z, 0},
                                             .H = {&part->noise, 0},
                                             .T = {T, 0},
                                             .R = {R, 0},
                                             .Q = {Q, 0},
                                             .c = {zeros, 0},
                                             .d = {zeros, 0},
                                             .a1 = zeros,
                                             .P1 = zeros,
                                             .diffuse = ones};
        struct kalman_spec spec;
        kalman_spec_init(&spec, KALMAN_CUSTOM);
        spec.system = &system;
        struct kalman_series series = {.values = values, .count = count};
        struct kalman_summary summary = run_of(&spec, &series, NULL);
        assert_int_equal(summary.diffuse_count, part->states);
        assert_within_at(summary.loglikelihood_marginal, part->expected, 6e-8, part->name, __FILE__,
                         __LINE__);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_gives_the_published_likelihoods),
        cmocka_unit_test(fit_kernel_gives_the_published_likelihoods),
        cmocka_unit_test(arma_without_a_mean_gives_the_likelihoods_of_r),
        cmocka_unit_test(lone_components_give_the_likelihoods_of_kfas),
        cmocka_unit_test(missing_observations_give_the_recomputed_likelihood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
