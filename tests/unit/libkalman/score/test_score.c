/*
 * The fit's kernel by itself: its gradient is the derivative of its likelihood, its two ways of
 * summing agree.
 */
#include "score/score.h"
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct kalman_model *model;
    struct score score;
    void *work;
};

static struct bench bench_new(const struct kalman_spec *spec, const struct kalman_series *series)
{
    struct bench b = {.model = NULL};
    assert_int_equal(kalman_model_new(spec, &b.model), KALMAN_OK);
    b.work = malloc(score_bytes(b.model->states, b.model->disturbances,
                                b.model->collinear ? b.model->diffuse : 0, series->count, true));
    score_prepare(&b.score, b.model, series, true, b.work);
    return b;
}

static void bench_free(struct bench *b)
{
    kalman_model_free(b->model);
    free(b->work);
}

static double likelihood_at(const struct kalman_spec *spec, const struct kalman_series *series)
{
    struct bench b = bench_new(spec, series);
    struct score_result sums;
    score_likelihood(&b.score, &sums);
    bench_free(&b);
    return -0.5 * (sums.log_determinant + sums.quadratic);
}

/* dL/dlog V by four points. */
static double numeric(struct kalman_spec spec, const struct kalman_series *series, size_t parameter)
{
    const double h = 1e-3;
    double kept = spec.parameters[parameter], value[4];
    static const double moves[4] = {-2, -1, 1, 2};
    for (int i = 0; i < 4; i++) {
        spec.parameters[parameter] = kept * exp(moves[i] * h);
        value[i] = likelihood_at(&spec, series);
    }
    return (8 * (value[2] - value[1]) - (value[3] - value[0])) / (12 * h);
}

static void gradient_agrees(const char *kind, const char *words, const struct kalman_series *series,
                            size_t slope_at)
{
    struct kalman_spec spec = spec_of(kind, words);
    spec.input_count = series->inputs ? 1 : 0;
    struct bench b = bench_new(&spec, series);
    struct score_result sums;
    double quadratic[64], trace[64], by_parameter[4] = {0};
    score_gradient(&b.score, &sums, quadratic, trace);
    by_parameter[0] = 0.5 * b.model->H[0] * (sums.observation_quadratic - sums.observation_trace);
    size_t count = kalman_spec_parameter_count(&spec), r = b.model->disturbances;
    for (size_t k = 0; k < r; k++) {
        size_t parameter = k + 1 < count ? k + 1 : count - 1;
        if (spec.kind == KALMAN_SMOOTH_TREND)
            parameter = slope_at;
        by_parameter[parameter] += 0.5 * b.model->Q[k * r + k] * (quadratic[k] - trace[k]);
    }
    for (size_t i = 0; i < count; i++)
        assert_within(by_parameter[i], numeric(spec, series, i),
                      1e-7 * (1 + fabs(by_parameter[i])));
    bench_free(&b);
}

static void gradient_is_the_derivative(void **state)
{
    (void)state;
    struct kalman_series series = {.values = NULL};
    series.values = vector("johnsonjohnson", &series.count);
    double *gappy = malloc(series.count * sizeof(double)),
           *input = malloc(series.count * sizeof(double));
    for (size_t t = 0; t < series.count; t++) {
        gappy[t] = t == 1 || t % 9 == 4 ? (double)NAN : series.values[t];
        input[t] = t < 20 ? 0 : sin((double)t);
    }
    for (int gaps = 0; gaps < 2; gaps++) {
        gradient_agrees("local_level", "observation_variance=.3 level_variance=.2", &series, 0);
        gradient_agrees("local_linear_trend",
                        "observation_variance=.3 level_variance=.2 slope_variance=.01", &series, 0);
        gradient_agrees("smooth_trend", "observation_variance=.3 slope_variance=.01", &series, 1);
        gradient_agrees("seasonal",
                        "period=4 observation_variance=.3 level_variance=.2 seasonal_variance=.05",
                        &series, 0);
        gradient_agrees(
            "seasonal",
            "period=6 harmonics=2 observation_variance=.3 level_variance=.2 seasonal_variance=.05",
            &series, 0);
        gradient_agrees("seasonal",
                        "period=48 harmonics=3 observation_variance=.3 level_variance=.2 "
                        "seasonal_variance=.05",
                        &series, 0);
        gradient_agrees("basic_structural",
                        "period=4 observation_variance=.003 level_variance=.2 slope_variance=.01 "
                        "seasonal_variance=.05",
                        &series, 0);
        series.inputs = input;
        gradient_agrees("local_level", "observation_variance=.3 level_variance=.2", &series, 0);
        series.inputs = NULL;
        series.values = gappy;
    }
    free(gappy);
    free(input);
}

/* log p(y) = log p(first ones) + log p(rest | first ones): the conditional sum has no diffuse
 * part. */
static void conditional_density_has_no_unit_of_the_start(void **state)
{
    (void)state;
    struct kalman_series series = {.values = NULL}, head = series;
    series.values = vector("nile", &series.count);
    head = series;
    head.count = 10;
    struct kalman_spec spec = spec_of(
        "local_linear_trend", "observation_variance=15099 level_variance=1469.1 slope_variance=10");
    struct bench b = bench_new(&spec, &series);
    struct score_result sums;
    score_likelihood(&b.score, &sums);
    assert_int_equal(score_consumed(&b.score), 2);
    double expected = likelihood_at(&spec, &series) - likelihood_at(&spec, &head) -
                      45 * log(2 * 3.14159265358979323846);
    size_t counted = 0;
    assert_relative(score_after(&b.score, 10, &counted), expected, 1e-13);
    assert_int_equal(counted, 90);
    bench_free(&b);
}

/* Steps of constant gain give what the square-root engine gives, which takes every step in full;
 * so they do around gaps. */
static void steady_steps_change_nothing(void **state)
{
    static const char *const models[][2] = {
        {"local_level", "observation_variance=1 level_variance=.5"},
        {"local_linear_trend", "observation_variance=1 level_variance=.2 slope_variance=.01"},
        {"basic_structural", "period=4 observation_variance=.3 level_variance=.2 "
                             "slope_variance=.01 seasonal_variance=.05"},
        {"arima", "p=1 d=1 q=1 innovation_variance=2 ar=.5 ma=.3"},
        {"exponential_smoothing", "innovation_variance=1 alpha=.4"}};
    enum { count = 3000 };
    static double values[count];
    (void)state;
    for (size_t t = 0; t < count; t++)
        values[t] =
            t == 1500 || t == 1501 ? (double)NAN : sin((double)(t * t)) + sin(0.01 * (double)t);
    struct kalman_series series = {.values = values, .count = count};
    const struct kalman_options full = {.engine = KALMAN_ENGINE_REFERENCE};
    const struct kalman_output none = {.filtered_mean = NULL};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct kalman_spec spec = spec_of(models[i][0], models[i][1]);
        struct bench b = bench_new(&spec, &series);
        struct score_result sums;
        struct kalman_summary summary;
        size_t bytes = 0;
        score_likelihood(&b.score, &sums);
        if (!b.score.steady)
            fail_msg("%s", models[i][0]);
        assert_int_equal(kalman_run_bytes(b.model, count, &full, &none, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        assert_int_equal(kalman_run(b.model, &series, &full, &none, workspace, bytes, &summary),
                         KALMAN_OK);
        double constants = (double)sums.observed * log(2 * 3.14159265358979323846);
        assert_relative(-0.5 * (constants + sums.log_determinant + sums.quadratic),
                        summary.loglikelihood, 1e-12);
        free(workspace);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_is_the_derivative),
        cmocka_unit_test(steady_steps_change_nothing),
        cmocka_unit_test(conditional_density_has_no_unit_of_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
