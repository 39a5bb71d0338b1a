/* Batches: every series as if it were alone, whatever its neighbours are. */
#include "support.h"

#include <kalman/batch.h>
#include <kalman/model.h>
#include <kalman/simulate.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SERIES = 203, VALUES = 60000 };

struct ragged {
    size_t sizes[SERIES];
    double *values;
    size_t total;
};

/* Lengths from 0 to some hundreds, some values missing, sizes from 1e-150 to 1e150. */
static struct ragged ragged_make(uint64_t seed)
{
    struct ragged r = {.values = calloc(VALUES, sizeof(double))};
    struct kalman_random random;
    kalman_random_seed(&random, seed);
    for (size_t s = 0; s < SERIES; s++) {
        r.sizes[s] = s % 17 == 5 ? s % 4 : (size_t)(kalman_random_uniform(&random) * 250.0);
        double level = 0.0, missing = s % 3 == 0 ? 0.3 : 0.0;
        for (size_t t = 0; t < r.sizes[s]; t++) {
            level += kalman_random_normal(&random);
            double y = 1000.0 + level + 2.0 * kalman_random_normal(&random);
            r.values[r.total++] = kalman_random_uniform(&random) < missing ? (double)NAN : y;
        }
        assert_true(r.total + 260 < VALUES);
    }
    return r;
}

static void agrees(double batch, double alone, double size)
{
    assert_true((isnan(batch) && isnan(alone)) || batch == alone ||
                fabs(batch - alone) <= 1e-12 * size);
}

/* Compares a finished batch with kalman_run on each series. */
static void compare_with_runs(const struct kalman_batch *batch,
                              const struct kalman_options *options)
{
    size_t offset = 0;
    for (size_t s = 0; s < batch->series_count; offset += batch->sizes[s], s++) {
        const struct kalman_model *model = batch->models[batch->model_count == 1 ? 0 : s];
        size_t n = batch->sizes[s], bytes = 0;
        double *mean = calloc(n + 1, sizeof *mean), *variance = calloc(n + 1, sizeof *variance),
               *standard = calloc(n + 1, sizeof *standard);
        struct kalman_output out = {
            .filtered_mean = mean, .predicted_variance = variance, .standardized = standard};
        struct kalman_series series = {.values = batch->values + offset, .count = n};
        struct kalman_summary summary;
        assert_int_equal(kalman_run_bytes(model, n, options, &out, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        assert_int_equal(kalman_run(model, &series, options, &out, workspace, bytes, &summary),
                         batch->statuses[s]);
        for (size_t t = 0; t < n && batch->statuses[s] == KALMAN_OK; t++) {
            agrees(batch->filtered_mean[offset + t], mean[t], 1000.0);
            agrees(batch->predicted_variance[offset + t], variance[t], variance[t]);
            agrees(batch->standardized[offset + t], standard[t], 100.0);
        }
        if (batch->statuses[s] == KALMAN_OK)
            agrees(batch->loglikelihood[s], summary.loglikelihood,
                   1.0 + fabs(summary.loglikelihood));
        free(workspace);
        free(mean);
        free(variance);
        free(standard);
    }
}

static void run_batch(struct kalman_batch *batch, const struct kalman_options *options,
                      size_t total)
{
    size_t bytes = 0;
    batch->filtered_mean = calloc(total + 1, sizeof(double));
    batch->predicted_variance = calloc(total + 1, sizeof(double));
    batch->standardized = calloc(total + 1, sizeof(double));
    batch->loglikelihood = calloc(batch->series_count + 1, sizeof(double));
    batch->statuses = calloc(batch->series_count + 1, sizeof(int));
    assert_int_equal(kalman_batch_bytes(batch, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(kalman_batch_run(batch, options, workspace, bytes), KALMAN_OK);
    free(workspace);
}

static void free_batch(struct kalman_batch *batch)
{
    free(batch->filtered_mean);
    free(batch->predicted_variance);
    free(batch->standardized);
    free(batch->loglikelihood);
    free(batch->statuses);
}

static struct kalman_model *build(const char *kind, const char *words)
{
    struct kalman_spec spec = spec_of(kind, words);
    struct kalman_model *model = NULL;
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    return model;
}

static void shared_model_over_ragged_series_equals_single_runs(void **state)
{
    (void)state;
    const char *const words[] = {
        "observation_variance=4 level_variance=1", "observation_variance=0 level_variance=1",
        "observation_variance=1e-3 level_variance=1e3", "observation_variance=50 level_variance=0"};
    const struct kalman_options choices[] = {{.engine = KALMAN_ENGINE_FAST},
                                             {.robust_threshold = 2.0},
                                             {.engine = KALMAN_ENGINE_REFERENCE}};
    for (size_t w = 0; w < 4; w++)
        for (size_t c = 0; c < 3; c++) {
            struct ragged r = ragged_make(w + 1);
            struct kalman_model *model = build("local_level", words[w]);
            const struct kalman_model *const models[] = {model};
            struct kalman_batch batch = {.series_count = SERIES,
                                         .sizes = r.sizes,
                                         .values = r.values,
                                         .models = models,
                                         .model_count = 1};
            run_batch(&batch, &choices[c], r.total);
            compare_with_runs(&batch, &choices[c]);
            free_batch(&batch);
            kalman_model_free(model);
            free(r.values);
        }
}

/* Series of one length go through wide registers, four steps at a time: every remainder of four,
 * more than a chunk, a gap. */
static void series_of_one_length_equal_single_runs(void **state)
{
    static const size_t lengths[] = {1, 2, 3, 4, 5, 8, 31, 100, 513, 1030};
    enum { count = 37 };
    struct kalman_model *model = build("local_level", "observation_variance=4 level_variance=1");
    const struct kalman_model *const models[] = {model};
    size_t sizes[count];
    (void)state;
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        size_t n = lengths[l], total = n * count;
        double *values = malloc(total * sizeof(double)), *mean = malloc(total * sizeof(double));
        for (size_t i = 0; i < total; i++)
            values[i] = 1e3 * sin((double)(i * i)) + (double)(i % n);
        for (size_t s = 0; s < count; s++)
            sizes[s] = n;
        values[5 * n + n / 2] = NAN;
        struct kalman_batch batch = {.series_count = count,
                                     .sizes = sizes,
                                     .values = values,
                                     .models = models,
                                     .model_count = 1};
        run_batch(&batch, NULL, total);
        compare_with_runs(&batch, NULL);
        struct kalman_batch alone = batch; /* without the sums: the other copy of the loop */
        alone.filtered_mean = mean;
        alone.filtered_variance = alone.predicted_mean = alone.predicted_variance =
            alone.standardized = NULL;
        alone.loglikelihood = NULL;
        size_t bytes = 0;
        assert_int_equal(kalman_batch_bytes(&alone, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, (bytes / KALMAN_ALIGN + 1) * KALMAN_ALIGN);
        assert_int_equal(kalman_batch_run(&alone, NULL, workspace, bytes), KALMAN_OK);
        for (size_t i = 0; i < total; i++)
            assert_true(mean[i] == batch.filtered_mean[i] ||
                        (isnan(mean[i]) && isnan(batch.filtered_mean[i])));
        free(workspace);
        free_batch(&batch);
        free(values);
        free(mean);
    }
    kalman_model_free(model);
}

static void each_series_may_have_its_own_kind(void **state)
{
    (void)state;
    struct ragged r = ragged_make(9);
    struct kalman_model *kinds[] = {
        build("local_level", "observation_variance=4 level_variance=1"),
        build("local_linear_trend", "observation_variance=4 level_variance=1 slope_variance=.1"),
        build("local_level", "observation_variance=1 level_variance=9"),
        build("arima", "p=1 d=1 innovation_variance=3 ar=0.4")};
    const struct kalman_model *models[SERIES];
    for (size_t s = 0; s < SERIES; s++)
        models[s] = kinds[(s * 7) % 4];
    struct kalman_batch batch = {.series_count = SERIES,
                                 .sizes = r.sizes,
                                 .values = r.values,
                                 .models = models,
                                 .model_count = SERIES};
    run_batch(&batch, NULL, r.total);
    compare_with_runs(&batch, NULL);
    free_batch(&batch);
    for (size_t k = 0; k < 4; k++)
        kalman_model_free(kinds[k]);
    free(r.values);
}

static void one_bad_series_does_not_touch_the_others(void **state)
{
    (void)state;
    struct ragged r = ragged_make(11);
    struct kalman_model *model = build("local_level", "observation_variance=4 level_variance=1");
    const struct kalman_model *const models[] = {model};
    size_t bad = 40, offset = 0;
    while (r.sizes[bad] < 20)
        bad++;
    for (size_t s = 0; s < bad; s++)
        offset += r.sizes[s];
    r.values[offset + 11] = INFINITY;
    struct kalman_batch batch = {.series_count = SERIES,
                                 .sizes = r.sizes,
                                 .values = r.values,
                                 .models = models,
                                 .model_count = 1};
    run_batch(&batch, NULL, r.total);
    for (size_t s = 0; s < SERIES; s++)
        assert_int_equal(batch.statuses[s], s == bad ? KALMAN_EDOMAIN : KALMAN_OK);
    assert_true(isnan(batch.filtered_mean[offset]) && isnan(batch.loglikelihood[bad]));
    compare_with_runs(&batch, NULL);
    free_batch(&batch);
    kalman_model_free(model);
    free(r.values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_model_over_ragged_series_equals_single_runs),
        cmocka_unit_test(series_of_one_length_equal_single_runs),
        cmocka_unit_test(each_series_may_have_its_own_kind),
        cmocka_unit_test(one_bad_series_does_not_touch_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
