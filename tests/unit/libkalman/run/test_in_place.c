/* Results written over the observations are the same bits as results in an array of their own. */
#include "random_model.h"
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *kind, *words;
    size_t points; /* of basic_structural more than the backward pass keeps as one block */
} kinds[] = {
    {"local_level", "observation_variance=2 level_variance=0.5", 2500},
    {"local_level", "observation_variance=0 level_variance=0.5", 300},
    {"local_level", "observation_variance=2 level_variance=0", 300},
    {"local_linear_trend", "observation_variance=2 level_variance=0.5 slope_variance=0.01", 300},
    {"damped_trend", "observation_variance=2 level_variance=0.5 slope_variance=0.1 damping=0.8",
     300},
    {"cycle",
     "observation_variance=2 level_variance=0.5 cycle_variance=0.3 cycle_period=9 damping=0.9",
     300},
    {"arima", "p=2 d=1 q=1 innovation_variance=1.5 ar=0.5,-0.2 ma=0.4", 300},
    {"exponential_smoothing", "trend=1 innovation_variance=1.5 alpha=0.4 beta=0.1", 300},
    {"basic_structural",
     "period=12 observation_variance=2 level_variance=0.5 slope_variance=0.01 "
     "seasonal_variance=0.1",
     3000},
    {"random_walk_drift", "level_variance=1.2", 300},
};
enum { KINDS = sizeof kinds / sizeof kinds[0], POINTS_MAX = 3000, HORIZON = 3 };

/* Arrays of struct kalman_output that a pass is asked for besides the mean that goes in place, with
 * a column per element of the observation, or of the disturbances. */
static const size_t filtering[] = {
    offsetof(struct kalman_output, predicted_mean),
    offsetof(struct kalman_output, predicted_variance),
    offsetof(struct kalman_output, filtered_variance),
    offsetof(struct kalman_output, innovations),
    offsetof(struct kalman_output, standardized),
    offsetof(struct kalman_output, innovation_variances),
    offsetof(struct kalman_output, anomaly_scores),
    offsetof(struct kalman_output, robust_weights),
};
static const size_t smoothing[] = {
    offsetof(struct kalman_output, filtered_mean),
    offsetof(struct kalman_output, innovations),
    offsetof(struct kalman_output, smoothed_variance),
    offsetof(struct kalman_output, state_disturbance),
    offsetof(struct kalman_output, state_auxiliary),
};
static const size_t noise[] = {
    offsetof(struct kalman_output, observation_disturbance),
    offsetof(struct kalman_output, observation_disturbance_variance),
    offsetof(struct kalman_output, observation_auxiliary),
    offsetof(struct kalman_output, smoothed_variance),
};
static const struct {
    size_t mean; /* the array that goes in place */
    const size_t *others;
    size_t count;
} wants[] = {
    {offsetof(struct kalman_output, filtered_mean), filtering, 0},
    {offsetof(struct kalman_output, filtered_mean), filtering,
     sizeof filtering / sizeof *filtering},
    {offsetof(struct kalman_output, smoothed_mean), smoothing, 0},
    {offsetof(struct kalman_output, smoothed_mean), smoothing,
     sizeof smoothing / sizeof *smoothing},
    {offsetof(struct kalman_output, smoothed_mean), noise, 1},
    {offsetof(struct kalman_output, smoothed_mean), noise, sizeof noise / sizeof *noise},
};
enum { WANTS = sizeof wants / sizeof wants[0], OTHERS_MAX = 8 };

struct pass {
    double *values, *mean, *others[OTHERS_MAX], forecast[HORIZON * RANDOM_OBSERVED];
    size_t count;
    struct kalman_summary summary;
};

static double *zeros(size_t count)
{
    double *array = calloc(count, sizeof *array);
    assert_non_null(array);
    return array;
}

static void set_output(struct kalman_output *out, size_t member, double *array)
{
    memcpy((char *)out + member, &array, sizeof(double *));
}

/* width: columns of every array, enough for observations and disturbances. */
static void pass_make(struct pass *pass, const struct kalman_model *model,
                      const struct kalman_series *given, size_t width,
                      const struct kalman_options *options, size_t wanted, int in_place)
{
    size_t n = given->count * width, bytes = 0;
    struct kalman_forecast forecast = {.horizon = HORIZON, .mean = pass->forecast};
    struct kalman_output out = {.forecast = &forecast};
    pass->values = zeros(n);
    memcpy(pass->values, given->values, n * sizeof(double));
    pass->mean = in_place ? pass->values : zeros(n);
    set_output(&out, wants[wanted].mean, pass->mean);
    pass->count = wants[wanted].count;
    for (size_t i = 0; i < pass->count; i++) {
        pass->others[i] = zeros(given->count * RANDOM_STATES * 4);
        set_output(&out, wants[wanted].others[i], pass->others[i]);
    }
    struct kalman_series series = *given;
    series.values = pass->values;
    assert_int_equal(kalman_run_bytes(model, series.count, options, &out, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_non_null(workspace);
    assert_int_equal(kalman_run(model, &series, options, &out, workspace, bytes, &pass->summary),
                     KALMAN_OK);
    free(workspace);
}

static void pass_free(struct pass *pass)
{
    for (size_t i = 0; i < pass->count; i++)
        free(pass->others[i]);
    if (pass->mean != pass->values)
        free(pass->mean);
    free(pass->values);
}

/* Both ways, for everything that can be asked for. */
static void compare(const struct kalman_model *model, const struct kalman_series *series,
                    size_t width, const struct kalman_options *options)
{
    for (size_t wanted = 0; wanted < WANTS; wanted++) {
        struct pass apart = {.count = 0}, in_place = {.count = 0};
        pass_make(&apart, model, series, width, options, wanted, 0);
        pass_make(&in_place, model, series, width, options, wanted, 1);
        assert_memory_equal(apart.values, series->values, series->count * width * sizeof(double));
        assert_memory_equal(in_place.mean, apart.mean, series->count * width * sizeof(double));
        for (size_t i = 0; i < apart.count; i++)
            assert_memory_equal(in_place.others[i], apart.others[i],
                                series->count * RANDOM_STATES * 4 * sizeof(double));
        assert_memory_equal(in_place.forecast, apart.forecast, sizeof apart.forecast);
        assert_memory_equal(&in_place.summary, &apart.summary, sizeof apart.summary);
        pass_free(&apart);
        pass_free(&in_place);
    }
}

static const struct kalman_options option_sets[] = {
    {.engine = KALMAN_ENGINE_FAST},
    {.engine = KALMAN_ENGINE_FAST, .robust_threshold = 2.0},
    {.engine = KALMAN_ENGINE_REFERENCE},
};
enum { OPTIONS = sizeof option_sets / sizeof option_sets[0] };

/* A walk that begins with missing values, and has more of them, and outliers. */
static void data_make(double *y, size_t count)
{
    struct kalman_random random;
    kalman_random_seed(&random, count);
    double level = 50.0;
    for (size_t i = 0; i < count; i++) {
        level += kalman_random_normal(&random);
        double share = kalman_random_uniform(&random);
        y[i] = i < 2 || share < 0.05
                   ? (double)NAN
                   : level + (share > 0.97 ? 9.0 : 1.0) * kalman_random_normal(&random);
    }
}

static void every_kind_writes_over_its_observations(void **state)
{
    (void)state;
    static double y[POINTS_MAX];
    for (size_t k = 0; k < KINDS; k++) {
        struct kalman_spec spec = spec_of(kinds[k].kind, kinds[k].words);
        struct kalman_model *model = NULL;
        assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
        data_make(y, kinds[k].points);
        struct kalman_series series = {.values = y, .count = kinds[k].points};
        for (size_t o = 0; o < OPTIONS; o++)
            compare(model, &series, 1, &option_sets[o]);
        kalman_model_free(model);
    }
}

static void vectors_of_observations_are_written_over_too(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 11);
    for (size_t i = 0; i < 60; i++) {
        struct random_model x;
        random_model_make(
            &x, &random,
            (struct random_kind){.vector_observations = 1, .diffuse = 1, .missing = i % 2 != 0});
        struct kalman_series series = {.values = x.y, .count = x.n};
        for (size_t o = 0; o < OPTIONS; o += 2)
            compare(x.model, &series, x.p, &option_sets[o]);
        kalman_model_free(x.model);
    }
}

/* Irregular times: the level's backward pass meets blocks of equal variances, and others. */
static void times_far_and_near_are_smoothed_in_place(void **state)
{
    (void)state;
    enum { POINTS = 1500 };
    static double y[POINTS], times[POINTS];
    struct kalman_spec spec = spec_of("local_level", kinds[0].words);
    struct kalman_model *model = NULL;
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    data_make(y, POINTS);
    for (size_t i = 1; i < POINTS; i++)
        times[i] = times[i - 1] + (i % 400 < 200 ? 1.0 : 1.0 + (double)(i % 7));
    struct kalman_series series = {.values = y, .count = POINTS, .times = times};
    compare(model, &series, 1, &option_sets[0]);
    kalman_model_free(model);
}

static void a_filter_in_place_with_a_smoother_is_refused(void **state)
{
    (void)state;
    double y[4] = {1.0, 2.0, 3.0, 4.0}, smoothed[4];
    struct kalman_spec spec = spec_of("local_level", kinds[0].words);
    struct kalman_model *model = NULL;
    struct kalman_summary summary;
    size_t bytes = 0;
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    struct kalman_output out = {.filtered_mean = y, .smoothed_mean = smoothed};
    struct kalman_series series = {.values = y, .count = 4};
    assert_int_equal(kalman_run_bytes(model, 4, NULL, &out, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(kalman_run(model, &series, NULL, &out, workspace, bytes, &summary),
                     KALMAN_EINVAL);
    assert_true(y[0] == 1.0 && y[3] == 4.0);
    free(workspace);
    kalman_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_writes_over_its_observations),
        cmocka_unit_test(vectors_of_observations_are_written_over_too),
        cmocka_unit_test(times_far_and_near_are_smoothed_in_place),
        cmocka_unit_test(a_filter_in_place_with_a_smoother_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
