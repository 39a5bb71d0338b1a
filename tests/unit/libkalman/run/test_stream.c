/* Streams: the same bits as a batch run, whatever the split; saved states survive, damaged ones
 * are refused. */
#include "random_model.h"
#include "support.h"

#include <kalman/stream.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS = 120 };

static const struct {
    const char *kind, *words;
} kinds[] = {
    {"local_level", "observation_variance=2 level_variance=0.5"},
    {"local_level", "observation_variance=0 level_variance=0.5"},
    {"local_linear_trend", "observation_variance=2 level_variance=0.5 slope_variance=0.01"},
    {"damped_trend", "observation_variance=2 level_variance=0.5 slope_variance=0.1 damping=0.8"},
    {"basic_structural", "period=4 observation_variance=2 level_variance=0.5 slope_variance=0.01 "
                         "seasonal_variance=0.1"},
    {"cycle",
     "observation_variance=2 level_variance=0.5 cycle_variance=0.3 cycle_period=9 damping=0.9"},
    {"arima", "p=2 d=1 q=1 innovation_variance=1.5 ar=0.5,-0.2 ma=0.4"},
    {"exponential_smoothing", "trend=1 innovation_variance=1.5 alpha=0.4 beta=0.1"},
    {"constant_acceleration", "observation_variance=2 jerk_variance=0.01"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* What a pass over the data says, as bits. */
struct pass {
    double filtered[POINTS], variance[POINTS], predicted[POINTS], innovation[POINTS],
        standardized[POINTS], forecast[3];
    struct kalman_summary summary;
};

static void *memory_for(size_t bytes)
{
    void *memory = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_non_null(memory);
    return memory;
}

static struct kalman_model *build(size_t kind)
{
    struct kalman_spec spec = spec_of(kinds[kind].kind, kinds[kind].words);
    struct kalman_model *model = NULL;
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    return model;
}

static void data_make(double *y, uint64_t seed)
{
    struct kalman_random random;
    kalman_random_seed(&random, seed);
    double level = 50.0;
    for (size_t i = 0; i < POINTS; i++) {
        level += kalman_random_normal(&random);
        y[i] = i > 3 && kalman_random_uniform(&random) < 0.08
                   ? (double)NAN
                   : level + kalman_random_normal(&random);
    }
}

static void pass_batch(const struct kalman_model *model, const double *y,
                       const struct kalman_options *options, struct pass *pass)
{
    struct kalman_forecast forecast = {.horizon = 3, .mean = pass->forecast};
    struct kalman_output out = {.filtered_mean = pass->filtered,
                                .filtered_variance = pass->variance,
                                .predicted_mean = pass->predicted,
                                .innovations = pass->innovation,
                                .standardized = pass->standardized,
                                .forecast = &forecast};
    struct kalman_series series = {.values = y, .count = POINTS};
    size_t bytes = 0;
    assert_int_equal(kalman_run_bytes(model, POINTS, options, &out, &bytes), KALMAN_OK);
    void *workspace = memory_for(bytes);
    assert_int_equal(kalman_run(model, &series, options, &out, workspace, bytes, &pass->summary),
                     KALMAN_OK);
    free(workspace);
}

/* Save into fresh bytes, load into fresh memory. */
static struct kalman_stream *reborn(struct kalman_stream *stream, const struct kalman_model *model,
                                    const struct kalman_options *options)
{
    size_t bytes = 0, saved_bytes = 0, written = 0;
    struct kalman_stream *loaded = NULL;
    assert_int_equal(kalman_stream_bytes(model, &bytes), KALMAN_OK);
    assert_int_equal(kalman_stream_save_bytes(stream, &saved_bytes), KALMAN_OK);
    unsigned char *saved = malloc(saved_bytes);
    assert_int_equal(kalman_stream_save(stream, saved, saved_bytes, &written), KALMAN_OK);
    assert_int_equal(written, saved_bytes);
    memset(stream, 0xa5, bytes);
    free(stream);
    void *memory = memory_for(bytes);
    memset(memory, 0x5a, bytes);
    assert_int_equal(kalman_stream_load(memory, bytes, model, options, saved, saved_bytes, &loaded),
                     KALMAN_OK);
    free(saved);
    assert_ptr_equal(loaded, memory);
    return loaded;
}

/* Push all, saving and loading before each index that is a multiple of every (0: never). */
static void pass_stream(const struct kalman_model *model, const double *y,
                        const struct kalman_options *options, size_t every, struct pass *pass)
{
    size_t bytes = 0;
    struct kalman_stream *stream = NULL;
    assert_int_equal(kalman_stream_bytes(model, &bytes), KALMAN_OK);
    assert_int_equal(kalman_stream_init(memory_for(bytes), bytes, model, options, &stream),
                     KALMAN_OK);
    for (size_t t = 0; t < POINTS; t++) {
        struct kalman_step step = {.filtered_mean = &pass->filtered[t],
                                   .filtered_variance = &pass->variance[t],
                                   .predicted_mean = &pass->predicted[t],
                                   .innovation = &pass->innovation[t],
                                   .standardized = &pass->standardized[t]};
        if (every > 0 && t % every == 0)
            stream = reborn(stream, model, options);
        assert_int_equal(kalman_stream_push(stream, &y[t], NAN, NULL, &step), KALMAN_OK);
    }
    kalman_stream_summary(stream, &pass->summary);
    assert_int_equal(kalman_stream_count(stream), POINTS);
    struct kalman_forecast forecast = {.horizon = 3, .mean = pass->forecast};
    void *workspace = memory_for(bytes);
    assert_int_equal(kalman_stream_forecast(stream, &forecast, workspace, bytes), KALMAN_OK);
    free(workspace);
    free(stream);
}

/* NaN has many bit patterns and means the same: make it one. */
static void canonical(struct pass *pass)
{
    double *const arrays[] = {pass->filtered, pass->variance, pass->predicted, pass->innovation,
                              pass->standardized};
    for (size_t a = 0; a < sizeof arrays / sizeof arrays[0]; a++)
        for (size_t i = 0; i < POINTS; i++)
            if (isnan(arrays[a][i]))
                arrays[a][i] = NAN;
}

static void same(struct pass *a, struct pass *b)
{
    canonical(a);
    canonical(b);
    assert_memory_equal(a->filtered, b->filtered, sizeof a->filtered);
    assert_memory_equal(a->variance, b->variance, sizeof a->variance);
    assert_memory_equal(a->predicted, b->predicted, sizeof a->predicted);
    assert_memory_equal(a->innovation, b->innovation, sizeof a->innovation);
    assert_memory_equal(a->standardized, b->standardized, sizeof a->standardized);
    assert_memory_equal(a->forecast, b->forecast, sizeof a->forecast);
    assert_true(a->summary.loglikelihood == b->summary.loglikelihood);
    assert_int_equal(a->summary.steady_at, b->summary.steady_at);
    assert_int_equal(a->summary.observation_count, b->summary.observation_count);
}

static void stream_has_the_bits_of_the_batch_at_every_split(void **state)
{
    (void)state;
    static struct pass batch, stream;
    double y[POINTS];
    const struct kalman_options choices[] = {{.engine = KALMAN_ENGINE_FAST},
                                             {.robust_threshold = 1.5},
                                             {.engine = KALMAN_ENGINE_REFERENCE}};
    for (size_t i = 0; i < KINDS; i++)
        for (size_t c = 0; c < 3; c++) {
            struct kalman_model *model = build(i);
            data_make(y, i + 10);
            pass_batch(model, y, &choices[c], &batch);
            const size_t splits[] = {0, 1, 2, 3, 7, 50, 97};
            for (size_t s = 0; s < sizeof splits / sizeof splits[0]; s++) {
                pass_stream(model, y, &choices[c], splits[s], &stream);
                same(&batch, &stream);
            }
            kalman_model_free(model);
        }
}

/* Batch over the head, hand over to a stream, push the tail: for every length of the head. */
static void run_hands_over_to_a_stream_at_every_point(void **state)
{
    (void)state;
    static struct pass whole;
    double y[POINTS];
    for (size_t i = 0; i < KINDS; i++) {
        struct kalman_model *model = build(i);
        size_t bytes = 0, run_bytes = 0;
        data_make(y, i + 40);
        pass_batch(model, y, NULL, &whole);
        canonical(&whole);
        assert_int_equal(kalman_stream_bytes(model, &bytes), KALMAN_OK);
        void *memory = memory_for(bytes);
        for (size_t head = 0; head < POINTS; head++) {
            struct kalman_stream *stream = NULL;
            struct kalman_summary summary;
            struct kalman_series series = {.values = y, .count = head};
            assert_int_equal(kalman_stream_init(memory, bytes, model, NULL, &stream), KALMAN_OK);
            struct kalman_output out = {.stream = stream};
            assert_int_equal(kalman_run_bytes(model, head, NULL, &out, &run_bytes), KALMAN_OK);
            void *workspace = memory_for(run_bytes);
            assert_int_equal(kalman_run(model, &series, NULL, &out, workspace, run_bytes, &summary),
                             KALMAN_OK);
            free(workspace);
            for (size_t t = head; t < POINTS; t++) {
                double filtered = 0.0;
                struct kalman_step step = {.filtered_mean = &filtered};
                assert_int_equal(kalman_stream_push(stream, &y[t], NAN, NULL, &step), KALMAN_OK);
                assert_true(filtered == whole.filtered[t] ||
                            (isnan(filtered) && isnan(whole.filtered[t])));
            }
        }
        free(memory);
        kalman_model_free(model);
    }
}

/* Saved at every step of a long complete series: the step at which the gain is frozen is saved
 * with the rest. */
static void saving_at_every_step_does_not_move_the_steady_state(void **state)
{
    (void)state;
    enum { LONG = 300 };
    double y[LONG], filtered[LONG];
    struct kalman_random random;
    kalman_random_seed(&random, 77);
    for (size_t t = 0; t < LONG; t++)
        y[t] = 5.0 + kalman_random_normal(&random);
    const size_t chosen[] = {0, 2, 5};
    for (size_t c = 0; c < sizeof chosen / sizeof chosen[0]; c++) {
        struct kalman_model *model = build(chosen[c]);
        struct kalman_stream *stream = NULL;
        struct kalman_series series = {.values = y, .count = LONG};
        struct kalman_output out = {.filtered_mean = filtered};
        struct kalman_summary batch, online;
        size_t bytes = 0;
        assert_int_equal(kalman_run_bytes(model, LONG, NULL, &out, &bytes), KALMAN_OK);
        void *workspace = memory_for(bytes);
        assert_int_equal(kalman_run(model, &series, NULL, &out, workspace, bytes, &batch),
                         KALMAN_OK);
        free(workspace);
        assert_true(batch.steady_at < LONG);
        assert_int_equal(kalman_stream_bytes(model, &bytes), KALMAN_OK);
        assert_int_equal(kalman_stream_init(memory_for(bytes), bytes, model, NULL, &stream),
                         KALMAN_OK);
        for (size_t t = 0; t < LONG; t++) {
            double mean = 0.0;
            struct kalman_step step = {.filtered_mean = &mean};
            stream = reborn(stream, model, NULL);
            assert_int_equal(kalman_stream_push(stream, &y[t], NAN, NULL, &step), KALMAN_OK);
            assert_true(mean == filtered[t]);
        }
        kalman_stream_summary(stream, &online);
        assert_int_equal(online.steady_at, batch.steady_at);
        assert_true(online.loglikelihood == batch.loglikelihood);
        free(stream);
        kalman_model_free(model);
    }
}

static void failed_push_leaves_the_stream_as_it_was(void **state)
{
    (void)state;
    double y[POINTS], infinite = INFINITY, after[2];
    for (size_t i = 0; i < KINDS; i++) {
        struct kalman_model *model = build(i);
        struct kalman_stream *stream = NULL;
        size_t bytes = 0, saved_bytes = 0, written = 0;
        data_make(y, i + 70);
        assert_int_equal(kalman_stream_bytes(model, &bytes), KALMAN_OK);
        assert_int_equal(kalman_stream_init(memory_for(bytes), bytes, model, NULL, &stream),
                         KALMAN_OK);
        for (size_t t = 0; t < 60; t++)
            assert_int_equal(kalman_stream_push(stream, &y[t], NAN, NULL, NULL), KALMAN_OK);
        assert_int_equal(kalman_stream_save_bytes(stream, &saved_bytes), KALMAN_OK);
        unsigned char *before = malloc(saved_bytes), *now = malloc(saved_bytes);
        assert_int_equal(kalman_stream_save(stream, before, saved_bytes, &written), KALMAN_OK);
        assert_int_equal(kalman_stream_push(stream, &infinite, NAN, NULL, NULL), KALMAN_EDOMAIN);
        assert_int_equal(kalman_stream_push(stream, &y[60], 1.0, NULL, NULL), KALMAN_ETIMES);
        assert_int_equal(kalman_stream_push(stream, &y[60], NAN, after, NULL), KALMAN_EINPUTS);
        assert_int_equal(kalman_stream_save(stream, now, saved_bytes, &written), KALMAN_OK);
        assert_memory_equal(before, now, saved_bytes);
        free(before);
        free(now);
        free(stream);
        kalman_model_free(model);
    }
}

static void damaged_or_foreign_states_are_refused(void **state)
{
    (void)state;
    double y[POINTS];
    struct kalman_model *model = build(2), *other = build(3);
    struct kalman_stream *stream = NULL, *loaded = NULL;
    size_t bytes = 0, saved_bytes = 0, written = 0, other_bytes = 0;
    data_make(y, 5);
    assert_int_equal(kalman_stream_bytes(model, &bytes), KALMAN_OK);
    assert_int_equal(kalman_stream_bytes(other, &other_bytes), KALMAN_OK);
    assert_int_equal(kalman_stream_init(memory_for(bytes), bytes, model, NULL, &stream), KALMAN_OK);
    for (size_t t = 0; t < 30; t++)
        assert_int_equal(kalman_stream_push(stream, &y[t], NAN, NULL, NULL), KALMAN_OK);
    assert_int_equal(kalman_stream_save_bytes(stream, &saved_bytes), KALMAN_OK);
    unsigned char *saved = malloc(saved_bytes);
    void *memory = memory_for(bytes), *other_memory = memory_for(other_bytes);
    assert_int_equal(kalman_stream_save(stream, saved, saved_bytes - 1, &written),
                     KALMAN_EWORKSPACE);
    assert_int_equal(kalman_stream_save(stream, saved, saved_bytes, &written), KALMAN_OK);
    assert_memory_equal(saved, "KLMN\1\0\0\0", 8);
    for (size_t i = 0; i < saved_bytes; i++) { /* every single bit of damage is seen */
        saved[i] ^= (unsigned char)(1u << (i % 8));
        int status = kalman_stream_load(memory, bytes, model, NULL, saved, saved_bytes, &loaded);
        assert_true(status == KALMAN_EFORMAT || status == KALMAN_EVERSION);
        saved[i] ^= (unsigned char)(1u << (i % 8));
    }
    for (size_t length = 0; length < saved_bytes; length++)
        assert_int_equal(kalman_stream_load(memory, bytes, model, NULL, saved, length, &loaded),
                         KALMAN_EFORMAT);
    assert_int_equal(
        kalman_stream_load(other_memory, other_bytes, other, NULL, saved, saved_bytes, &loaded),
        KALMAN_EMISMATCH);
    struct kalman_options robust = {.robust_threshold = 3.0};
    assert_int_equal(kalman_stream_load(memory, bytes, model, &robust, saved, saved_bytes, &loaded),
                     KALMAN_EMISMATCH);
    assert_int_equal(kalman_stream_load(memory, bytes, model, NULL, saved, saved_bytes, &loaded),
                     KALMAN_OK);
    free(saved);
    free(memory);
    free(other_memory);
    free(stream);
    kalman_model_free(model);
    kalman_model_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_has_the_bits_of_the_batch_at_every_split),
        cmocka_unit_test(run_hands_over_to_a_stream_at_every_point),
        cmocka_unit_test(saving_at_every_step_does_not_move_the_steady_state),
        cmocka_unit_test(failed_push_leaves_the_stream_as_it_was),
        cmocka_unit_test(damaged_or_foreign_states_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
