/* The smoother of the signal alone, against that of the whole state and dense least squares;
 * what makes long seasons fast. */
#include "model/system.h"
#include "numeric/cancel.h"
#include "numeric/dense.h"
#include "numeric/sparse.h"
#include "oracle_gls.h"
#include "support.h"

#include <kalman/simulate.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS = 140 };

static const struct {
    const char *kind, *words;
} models[] = {
    {"basic_structural", "period=44 observation_variance=1 level_variance=.09 slope_variance=.0001 "
                         "seasonal_variance=.04"},
    {"basic_structural",
     "period=41 observation_variance=1e-6 level_variance=4 slope_variance=0 seasonal_variance=3"},
    {"basic_structural",
     "period=48 observation_variance=3 level_variance=0 slope_variance=0 seasonal_variance=0"},
    {"seasonal", "period=45 observation_variance=0 level_variance=.5 seasonal_variance=.2"},
};
enum { MODELS = sizeof models / sizeof models[0] };

enum { COMPLETE, SCATTERED, LATE_START, A_DAY_NEVER_SEEN, GAP, SHORT, OUTLIERS, PATTERNS };

static size_t make_series(struct kalman_random *random, int pattern, double *y)
{
    double level = 50.0, season[61] = {0};
    for (size_t t = 0; t < POINTS; t++) {
        level += 0.3 * kalman_random_normal(random);
        if (t < 60)
            season[t] = 3.0 * kalman_random_normal(random);
        y[t] = level + season[t % 45] + kalman_random_normal(random);
        int missing = (pattern == SCATTERED && kalman_random_uniform(random) < 0.2) ||
                      (pattern == LATE_START && t < 17) ||
                      (pattern == A_DAY_NEVER_SEEN && t % 44 == 5) ||
                      (pattern == GAP && t > 30 && t < 90);
        if (pattern == OUTLIERS && t % 23 == 7)
            y[t] += 25.0;
        if (missing)
            y[t] = (double)NAN;
    }
    return pattern == SHORT ? 30 : POINTS;
}

static void run_model(const struct kalman_model *model, const struct kalman_series *series,
                      const struct kalman_options *options, const struct kalman_output *output)
{
    struct kalman_summary summary;
    size_t bytes = 0;
    assert_int_equal(kalman_run_bytes(model, series->count, options, output, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_non_null(workspace);
    assert_int_equal(kalman_run(model, series, options, output, workspace, bytes, &summary),
                     KALMAN_OK);
    free(workspace);
}

/* Means to the largest of them, variances each to itself; the same ones unknown. */
static void compare(const double *mean, const double *variance, const double *mean_state,
                    const double *variance_state, size_t count, double tolerance)
{
    double size = 0.0;
    for (size_t t = 0; t < count; t++)
        size = fmax(size, isnan(mean_state[t]) ? 0.0 : fabs(mean_state[t]));
    for (size_t t = 0; t < count; t++) {
        assert_int_equal(isnan(mean[t]), isnan(mean_state[t]));
        assert_int_equal(isinf(variance[t]), isinf(variance_state[t]));
        if (isnan(mean[t]))
            continue;
        assert_within(mean[t], mean_state[t], 1e-10 * size);
        assert_within(variance[t], variance_state[t], tolerance * variance_state[t] + 1e-12);
    }
}

static void signal_alone_is_smoothed_as_with_the_state(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 11);
    for (size_t i = 0; i < MODELS; i++)
        for (int pattern = 0; pattern < PATTERNS; pattern++) {
            double y[POINTS], mean[POINTS], variance[POINTS], only_mean[POINTS], mean_state[POINTS],
                variance_state[POINTS];
            struct kalman_spec spec = spec_of(models[i].kind, models[i].words);
            struct kalman_model *model = NULL;
            assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
            struct kalman_series series = {.values = y, .count = make_series(&random, pattern, y)};
            struct kalman_options options = {.robust_threshold = pattern == OUTLIERS ? 2.0 : 0.0};
            double *states = malloc(POINTS * kalman_model_states(model) * sizeof(double));
            assert_true(kalman_model_states(model) >= 40);
            struct kalman_output signal = {.smoothed_mean = mean, .smoothed_variance = variance},
                                 means = {.smoothed_mean = only_mean},
                                 whole = {.smoothed_mean = mean_state,
                                          .smoothed_variance = variance_state,
                                          .smoothed_state = states};
            run_model(model, &series, &options, &signal);
            run_model(model, &series, &options, &means);
            run_model(model, &series, &options, &whole);
            /* Before the first value a variance is a small difference of large ones. */
            compare(mean, variance, mean_state, variance_state, series.count,
                    pattern == LATE_START ? 1e-8 : 1e-10);
            for (size_t t = 0; t < series.count; t++)
                assert_true(only_mean[t] == mean[t] || (isnan(only_mean[t]) && isnan(mean[t])));
            free(states);
            kalman_model_free(model);
        }
}

static const struct {
    const char *kind, *words;
} noiseless[] = {
    {"arima", "d=1 q=1 D=1 Q=1 period=4 innovation_variance=1 ma=-.4 seasonal_ma=-.5"},
    {"arima", "d=1 q=1 D=1 Q=1 period=12 innovation_variance=1 ma=-.4 seasonal_ma=-.5"},
    {"arima", "p=2 d=1 q=1 innovation_variance=1 ar=.5,-.2 ma=.4"},
    {"arima", "p=1 P=1 period=7 mean=1 innovation_variance=1 ar=.5 seasonal_ar=.3"},
    {"arima", "d=2 q=2 innovation_variance=1 ma=-.6,.2"},
    {"exponential_smoothing", "innovation_variance=1 alpha=.4"},
    {"exponential_smoothing", "trend=1 innovation_variance=1 alpha=.4 beta=.1"},
    {"exponential_smoothing", "trend=1 period=7 innovation_variance=1 alpha=.4 beta=.1 gamma=.3"},
};
enum { NOISELESS = sizeof noiseless / sizeof noiseless[0], SPAN = 44, STATES_MOST = 40 };

/* z'a^ and z'V z of every point from the dense answer; false where there is none. */
static int dense_signal(const struct kalman_model *model, const double *y, double *loglikelihood,
                        double *mean, double *variance)
{
    static double means[SPAN * STATES_MOST], variances[SPAN * STATES_MOST * STATES_MOST];
    size_t m = model->states, d = model->diffuse;
    double diffuse[STATES_MOST * STATES_MOST];
    assert_true(m <= STATES_MOST && model->sd_exponent == 0);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) {
            diffuse[i * m + j] = 0.0;
            for (size_t k = 0; k < d; k++)
                diffuse[i * m + j] += model->A1[i * d + k] * model->A1[j * d + k];
        }
    struct oracle_model oracle = {.states = m,
                                  .observations = 1,
                                  .disturbances = model->disturbances,
                                  .transition = model->T,
                                  .design = model->Z,
                                  .selection = model->R,
                                  .state_variance = model->Q,
                                  .observation_variance = model->H,
                                  .initial_variance = model->P1,
                                  .diffuse = diffuse};
    struct oracle_result dense = {.smoothed_mean = means, .smoothed_variance = variances};
    if (oracle_gls(&oracle, y, SPAN, &dense) != 0)
        return 0;
    *loglikelihood = dense.loglikelihood;
    for (size_t t = 0; t < SPAN; t++) {
        mean[t] = variance[t] = 0.0;
        for (size_t i = 0; i < m; i++) {
            mean[t] += model->Z[i] * means[t * m + i];
            for (size_t j = 0; j < m; j++)
                variance[t] += model->Z[i] * variances[(t * m + i) * m + j] * model->Z[j];
        }
    }
    return 1;
}

/* Nothing is ever forgotten without measurement noise: gaps, early ones above all, are what
 * there is to get wrong. */
static void gaps_of_noiseless_models_are_filled_as_by_least_squares(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 13);
    size_t compared = 0;
    for (size_t i = 0; i < NOISELESS * 25; i++) {
        struct kalman_spec spec =
            spec_of(noiseless[i % NOISELESS].kind, noiseless[i % NOISELESS].words);
        double y[SPAN], mean[SPAN], variance[SPAN], dense_mean[SPAN], dense_variance[SPAN],
            level = 20.0, likelihood = 0.0, missing = 0.05 * (double)(i % 7);
        for (size_t t = 0; t < SPAN; t++) {
            level += kalman_random_normal(&random);
            y[t] = kalman_random_uniform(&random) < missing ? (double)NAN : level;
        }
        struct kalman_model *model = NULL;
        assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
        if (dense_signal(model, y, &likelihood, dense_mean, dense_variance)) {
            struct kalman_series series = {.values = y, .count = SPAN};
            struct kalman_output out = {.smoothed_mean = mean, .smoothed_variance = variance};
            struct kalman_summary summary = run_of(&spec, &series, &out);
            assert_within(summary.loglikelihood, likelihood, 1e-9 * fabs(likelihood));
            for (size_t t = 0; t < SPAN; t++) {
                assert_within(mean[t], dense_mean[t], 1e-9 * (1.0 + fabs(dense_mean[t])));
                assert_within(variance[t], dense_variance[t], 1e-8 * (1.0 + dense_variance[t]));
            }
            compared++;
        }
        kalman_model_free(model);
    }
    assert_true(compared > NOISELESS * 20);
}

/* T X T' and T'X T of a random symmetric X, by the definition. */
static void definition(const double *T, const double *X, size_t m, int back, double *out)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < m; k++)
                for (size_t l = 0; l < m; l++)
                    sum += back ? T[k * m + i] * X[k * m + l] * T[l * m + j]
                                : T[i * m + k] * X[k * m + l] * T[j * m + l];
            out[i * m + j] = sum;
        }
}

/* The same by lower triangles, of X - g g', with rubbish above. */
static void check_lower(const struct sparse *sparse, const double *T, const double *X, size_t m,
                        struct kalman_random *random)
{
    double *less = malloc(5 * m * m * sizeof(double)), *lower = less + m * m, *work = lower + m * m,
           *out = work + m * m, *want = out + m * m;
    double g[64];
    for (size_t i = 0; i < m; i++)
        g[i] = kalman_random_normal(random);
    for (int variant = 0; variant < 3; variant++) {
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++) {
                lower[i * m + j] = j > i ? (double)NAN : X[i * m + j];
                less[i * m + j] = X[i * m + j] - (variant == 1 ? g[i] * g[j] : 0.0);
            }
        if (variant == 2)
            sparse_congruence_back_lower(sparse, lower, work, out);
        else
            sparse_congruence_lower(sparse, lower, variant == 1 ? g : NULL, work, out);
        definition(T, less, m, variant == 2, want);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j <= i; j++)
                assert_within(out[i * m + j], want[i * m + j], 1e-11 * (double)m);
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            lower[i * m + j] = j > i ? (double)NAN : X[i * m + j];
    dense_lower_apply(lower, g, m, out);
    dense_apply(X, g, m, want);
    for (size_t i = 0; i < m; i++)
        assert_within(out[i], want[i], 1e-12 * (double)m);
    free(less);
}

static void check_congruence(const double *T, size_t m, struct kalman_random *random)
{
    double *X = malloc(4 * m * m * sizeof(double)), *work = X + m * m, *out = work + m * m,
           *want = out + m * m;
    double *doubles = malloc(sparse_doubles(m) * sizeof(double));
    uint32_t *indices = malloc(sparse_indices(m) * sizeof(uint32_t));
    struct sparse sparse;
    sparse_carve(&sparse, m, doubles, indices);
    sparse_load(&sparse, T);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++)
            X[i * m + j] = X[j * m + i] = kalman_random_normal(random);
    for (int back = 0; back < 2; back++) {
        if (back)
            sparse_congruence_back(&sparse, X, work, out);
        else
            sparse_congruence(&sparse, X, work, out);
        definition(T, X, m, back, want);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++) {
                assert_within(out[i * m + j], want[i * m + j], 1e-11 * (double)m);
                assert_true(out[i * m + j] == out[j * m + i]);
            }
    }
    check_lower(&sparse, T, X, m, random);
    free(X);
    free(doubles);
    free(indices);
}

static void moved_products_are_the_products(void **state)
{
    (void)state;
    enum { MOST = 25 };
    struct kalman_random random;
    kalman_random_seed(&random, 12);
    for (int round = 0; round < 300; round++) {
        double T[MOST * MOST] = {0};
        size_t m = round % 5 == 0 ? 5 : MOST;
        /* a season's shift is by one, down; others break the order of the states */
        size_t shift = round % 3 ? m - 1 : (size_t)(kalman_random_uniform(&random) * (double)m),
               computed = (size_t)(kalman_random_uniform(&random) * 9.0);
        /* states passed along: up, down and round, some of them twice */
        for (size_t i = 0; i < m; i++)
            T[i * m + (round % 3 == 0 && i > 20 ? 3 : (i + shift) % m)] = 1.0;
        for (size_t k = 0; k < computed; k++) {
            size_t i = (size_t)(kalman_random_uniform(&random) * (double)m);
            double share = round % 2 ? 0.1 : 1.0;
            for (size_t j = 0; j < m; j++)
                T[i * m + j] =
                    kalman_random_uniform(&random) < share ? kalman_random_normal(&random) : 0.0;
        }
        check_congruence(T, m, &random);
    }
}

static bool stop_at_once(void *context)
{
    ++*(size_t *)context;
    return true;
}

/* The stationary start of a year's autoregression takes longer than a caller should wait to be
 * asked. */
static void building_a_long_autoregression_can_be_stopped(void **state)
{
    (void)state;
    struct kalman_spec spec =
        spec_of("arima", "p=1 P=1 period=300 innovation_variance=1 ar=.5 seasonal_ar=.4");
    size_t bytes = 0, asked = 0;
    struct spec_layout layout;
    assert_int_equal(kalman_model_bytes(&spec, &bytes), KALMAN_OK);
    assert_int_equal(layout_resolve(&spec, &layout), KALMAN_OK);
    void *memory = aligned_alloc(KALMAN_ALIGN, bytes);
    struct kalman_model *model = NULL;
    struct cancel_check cancel = {.hook = {stop_at_once, &asked}};
    assert_int_equal(model_init(memory, bytes, &layout, &spec, &cancel, &model), KALMAN_ECANCELLED);
    assert_int_equal(asked, 1);
    assert_null(model);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal_alone_is_smoothed_as_with_the_state),
        cmocka_unit_test(gaps_of_noiseless_models_are_filled_as_by_least_squares),
        cmocka_unit_test(moved_products_are_the_products),
        cmocka_unit_test(building_a_long_autoregression_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
