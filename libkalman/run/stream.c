/* Streams: the engines' steps, one observation at a time. */
#include <kalman/stream.h>

#include "filter/summary.h"
#include "model/series_check.h"
#include "model/system.h"
#include "numeric/expect.h"
#include "run/stream_state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static size_t round_up(size_t bytes)
{
    return (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

static bool is_scalar(const struct kalman_model *model)
{
    return level_applies(model, NULL);
}

enum kalman_status kalman_stream_bytes(const struct kalman_model *model, size_t *ret_bytes)
{
    if (!model)
        return KALMAN_EINVAL;
    size_t bytes = round_up(sizeof(struct kalman_stream));
    /* A local level in the reference engine needs the arrays as well: the size does not depend
     * on options. */
    bytes += round_up(filter_bytes(model)) + round_up(filter_kept_bytes(model)) +
             round_up(model->observed * sizeof(struct filter_element));
    *ret_bytes = bytes;
    return KALMAN_OK;
}

/* The stream over its memory, at its beginning. */
static struct kalman_stream *stream_place(void *memory, const struct kalman_model *model,
                                          const struct kalman_options *options)
{
    EXPECT((uintptr_t)memory % KALMAN_ALIGN == 0);
    struct kalman_stream *stream = memory;
    char *arrays = (char *)memory + round_up(sizeof *stream);
    memset(stream, 0, sizeof *stream);
    stream->model = model;
    if (options)
        stream->options = *options;
    /* A hook is of one call; the stream outlives that. */
    stream->options.hook = (struct kalman_hook){NULL, NULL};
    stream->last_time = NAN;
    stream->scalar = is_scalar(model) && level_applies(model, options);
    if (stream->scalar)
        level_init(&stream->level, model, options);
    filter_init(&stream->filter, model, options, arrays);
    arrays += round_up(filter_bytes(model));
    filter_checkpoint_init(&stream->backup, &stream->filter, (double *)arrays);
    arrays += round_up(filter_kept_bytes(model));
    stream->elements = (struct filter_element *)arrays;
    return stream;
}

enum kalman_status kalman_stream_init(void *memory, size_t memory_bytes,
                                      const struct kalman_model *model,
                                      const struct kalman_options *options,
                                      struct kalman_stream **ret_stream)
{
    size_t needed = 0;
    enum kalman_status status = kalman_stream_bytes(model, &needed);
    if (status == KALMAN_OK)
        status = options_check(options);
    if (status != KALMAN_OK)
        return status;
    if (!memory || memory_bytes < needed || (uintptr_t)memory % KALMAN_ALIGN != 0)
        return KALMAN_EWORKSPACE;
    *ret_stream = stream_place(memory, model, options);
    return KALMAN_OK;
}

void stream_take_level(struct kalman_stream *stream, const struct level_state *state,
                       double last_time)
{
    EXPECT(stream->scalar);
    assert(state->count == 0 || !isnan(last_time));
    stream->level = *state;
    stream->last_time = last_time;
}

void stream_take_filter(struct kalman_stream *stream, const struct filter_state *state,
                        double last_time)
{
    EXPECT(!stream->scalar && stream->model == state->model);
    assert(state->count == 0 || !isnan(last_time));
    filter_copy(&stream->filter, state);
    stream->last_time = last_time;
}

uint64_t kalman_stream_count(const struct kalman_stream *stream)
{
    return stream->scalar ? stream->level.count : stream->filter.count;
}

double kalman_stream_last_time(const struct kalman_stream *stream)
{
    return stream->last_time;
}

void kalman_stream_summary(const struct kalman_stream *stream, struct kalman_summary *ret_summary)
{
    if (stream->scalar)
        level_summary(&stream->level, ret_summary);
    else
        filter_summary(&stream->filter, ret_summary);
}

static void put(double *to, double value)
{
    if (to)
        *to = value;
}

static void level_step_out(const struct level_state *state, const struct level_block *block,
                           const struct kalman_step *step)
{
    assert(state->count > 0);
    const struct units *units = &state->units;
    double mean = level_mean(state, block->a[0]), variance = units_variance(units, block->P[0]);
    double standardised =
        block->F[0] > 0.0 ? block->v[0] * units->mean_to_sd / sqrt(block->F[0]) : (double)NAN;
    put(step->predicted_mean, level_mean(state, block->a_before[0]));
    put(step->predicted_variance, units_variance(units, block->P_before[0]));
    put(step->filtered_mean, mean);
    put(step->filtered_state, mean);
    put(step->filtered_variance, variance);
    put(step->filtered_state_variance, variance);
    put(step->innovation, block->v[0] * units->mean_out);
    put(step->innovation_variance, units_variance(units, block->F[0]));
    put(step->standardized, standardised);
    if (step->anomaly_score)
        *step->anomaly_score = anomaly_score(standardised);
    put(step->robust_weight, block->weight[0]);
}

static enum kalman_status push_level(struct kalman_stream *stream, double value, double gap,
                                     const struct kalman_step *step)
{
    EXPECT(stream->scalar);
    /* On a copy: a value that fails must leave the stream as it was. */
    struct level_state next = stream->level;
    struct level_block block;
    size_t done = 0;
    enum kalman_status status = level_advance(&next, &value, &gap, 1, &block, &done);
    if (status != KALMAN_OK)
        return status;
    stream->level = next;
    if (step)
        level_step_out(&next, &block, step);
    return KALMAN_OK;
}

static void predicted_out(const struct filter_state *filter, const struct kalman_step *step)
{
    for (size_t i = 0;
         (step->predicted_mean || step->predicted_variance) && i < filter->model->observed; i++) {
        double mean = 0.0, variance = 0.0;
        filter_signal(filter, i, &mean, &variance);
        put(step->predicted_mean ? step->predicted_mean + i : NULL, mean);
        put(step->predicted_variance ? step->predicted_variance + i : NULL, variance);
    }
}

static void updated_out(const struct kalman_stream *stream, const struct kalman_step *step)
{
    const struct filter_state *filter = &stream->filter;
    assert(stream->elements && !stream->scalar);
    for (size_t i = 0; i < filter->model->observed; i++) {
        const struct filter_element *e = &stream->elements[i];
        double mean = 0.0, variance = 0.0, standardised = filter_standardised(filter, e);
        if (step->filtered_mean || step->filtered_variance)
            filter_signal(filter, i, &mean, &variance);
        put(step->filtered_mean ? step->filtered_mean + i : NULL, mean);
        put(step->filtered_variance ? step->filtered_variance + i : NULL, variance);
        put(step->innovation ? step->innovation + i : NULL, e->v * filter->units.mean_out);
        put(step->innovation_variance ? step->innovation_variance + i : NULL,
            units_variance(&filter->units, e->F));
        put(step->standardized ? step->standardized + i : NULL, standardised);
        if (step->anomaly_score)
            step->anomaly_score[i] = anomaly_score(standardised);
        put(step->robust_weight ? step->robust_weight + i : NULL, e->weight);
    }
    if (step->filtered_state || step->filtered_state_variance)
        filter_state_moments(filter, step->filtered_state, step->filtered_state_variance);
}

static enum kalman_status push_filter(struct kalman_stream *stream, const double *values,
                                      double gap, const double *inputs,
                                      const struct kalman_step *step)
{
    EXPECT(!stream->scalar);
    struct filter_state *filter = &stream->filter;
    /* A value that fails half way through its elements must leave the stream as it was. */
    filter_copy(&stream->backup, filter);
    enum kalman_status status = filter_predict(filter, gap, inputs);
    if (status == KALMAN_OK && step)
        predicted_out(filter, step);
    if (status == KALMAN_OK)
        status = filter_update(filter, values, stream->elements, NULL);
    if (status != KALMAN_OK)
        filter_copy(filter, &stream->backup);
    else if (step)
        updated_out(stream, step);
    return status;
}

/* The gap before the next point, and its time. NaN means one unit after the last. */
static enum kalman_status next_time(const struct kalman_stream *stream, double time,
                                    double *ret_gap, double *ret_time)
{
    assert(stream->model->builder);
    bool first = kalman_stream_count(stream) == 0;
    *ret_gap = 1.0;
    *ret_time = first ? 0.0 : stream->last_time + 1.0;
    if (isnan(time))
        return KALMAN_OK;
    if (!stream->model->builder->step || isinf(time) ||
        (!first && (!(time > stream->last_time) || isinf(time - stream->last_time))))
        return KALMAN_ETIMES;
    *ret_gap = first ? 1.0 : time - stream->last_time;
    *ret_time = time;
    return KALMAN_OK;
}

enum kalman_status kalman_stream_push(struct kalman_stream *stream, const double *values,
                                      double time, const double *inputs,
                                      const struct kalman_step *step)
{
    if (!stream || !values)
        return KALMAN_EINVAL;
    double gap = 1.0, now = 0.0;
    size_t bad_index = 0;
    enum kalman_status status = values_check(values, stream->model->observed, &bad_index);
    if (status == KALMAN_OK)
        status = next_time(stream, time, &gap, &now);
    if (status == KALMAN_OK)
        status = inputs_check(stream->model, inputs, 1, &bad_index);
    if (status == KALMAN_OK)
        status = stream->scalar ? push_level(stream, values[0], gap, step)
                                : push_filter(stream, values, gap, inputs, step);
    if (status == KALMAN_OK)
        stream->last_time = now;
    return status;
}

enum kalman_status kalman_stream_forecast(const struct kalman_stream *stream,
                                          struct kalman_forecast *forecast, void *workspace,
                                          size_t workspace_bytes)
{
    if (!stream || !forecast)
        return KALMAN_EINVAL;
    size_t needed = 0, bad_index = 0;
    enum kalman_status status = kalman_stream_bytes(stream->model, &needed);
    if (status == KALMAN_OK)
        status = forecast_check(stream->model, stream->last_time, forecast, &bad_index);
    if (status != KALMAN_OK)
        return status;
    if (stream->scalar) {
        level_forecast(&stream->level, stream->last_time, forecast);
        return KALMAN_OK;
    }
    if (!workspace || workspace_bytes < needed || (uintptr_t)workspace % KALMAN_ALIGN != 0)
        return KALMAN_EWORKSPACE;
    EXPECT(workspace != (const void *)stream);
    /* A forecast predicts on in place, so it is made by a copy. The workspace has the size of a
     * stream: one layout serves both. */
    struct kalman_stream *copy = stream_place(workspace, stream->model, &stream->options);
    filter_copy(&copy->filter, &stream->filter);
    return filter_forecast(&copy->filter, stream->last_time, forecast, NULL);
}
