/*
 * kalman_batch_run: series whose model is a local level share vector registers, a lane each; a lane
 * that comes to the end of its series takes the next one, so ragged lengths keep all lanes busy.
 * Other models go through kalman_run one by one.
 */
#include <kalman/batch.h>

#include "filter/level.h"
#include "filter/summary.h"
#include "model/series_check.h"
#include "model/system.h"
#include "numeric/cancel.h"
#include "numeric/expect.h"
#include "run/batch_complete.h"
#include "run/batch_lanes.h"
#include "run/batch_series.h"
#include "run/general.h"
#include "run/level.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The series that a lane works on. */
struct lane {
    size_t series;  /* SIZE_MAX: idle */
    size_t at, end; /* next element of values, and one past the last */
    double centre;
    struct units units;
    struct likelihood_sum sum;
};

struct batch_run {
    const struct kalman_batch *batch;
    const struct kalman_options *options;
    size_t next_series, next_offset; /* what no lane has taken yet */
    struct lane lane[BATCH_LANES];
    struct batch_lanes lanes;
    struct batch_chunk chunk;
};

static const struct kalman_model *model_of(const struct kalman_batch *batch, size_t series)
{
    EXPECT(batch->model_count == 1 || series < batch->model_count);
    return batch->models[batch->model_count == 1 ? 0 : series];
}

static size_t largest_size(const struct kalman_batch *batch)
{
    size_t largest = 0;
    for (size_t i = 0; i < batch->series_count; i++)
        largest = batch->sizes[i] > largest ? batch->sizes[i] : largest;
    return largest;
}

static enum kalman_status batch_check(const struct kalman_batch *batch)
{
    if (!batch ||
        (batch->series_count > 0 && (!batch->sizes || !batch->models || !batch->statuses)))
        return KALMAN_EINVAL;
    if (batch->series_count > 0 && batch->model_count != 1 &&
        batch->model_count != batch->series_count)
        return KALMAN_EINVAL;
    size_t total = 0;
    for (size_t i = 0; i < batch->series_count; i++) {
        if (!model_of(batch, i) || batch->sizes[i] > SIZE_MAX / 64 - total)
            return KALMAN_EINVAL;
        total += batch->sizes[i];
    }
    return total > 0 && !batch->values ? KALMAN_EINVAL : KALMAN_OK;
}

static size_t round_up(size_t bytes)
{
    return (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

enum kalman_status kalman_batch_bytes(const struct kalman_batch *batch, size_t *ret_bytes)
{
    enum kalman_status status = batch_check(batch);
    if (status != KALMAN_OK)
        return status;
    const struct kalman_output none = {.filtered_mean = NULL};
    if (batch->series_count == 0) {
        *ret_bytes = round_up(sizeof(struct batch_run));
        return KALMAN_OK;
    }
    size_t largest = 0, longest = largest_size(batch);
    for (size_t i = 0; i < batch->model_count; i++) {
        size_t bytes = run_general_bytes(batch->models[i], longest, NULL, &none),
               level = run_level_bytes(longest, &none);
        bytes = level > bytes ? level : bytes;
        largest = bytes > largest ? bytes : largest;
    }
    if (batch->model_count == 1 && batch_complete_bytes(batch) > largest)
        largest = batch_complete_bytes(batch);
    *ret_bytes = round_up(sizeof(struct batch_run)) + round_up(largest);
    return KALMAN_OK;
}

static void run_alone(const struct batch_run *run, size_t series, size_t offset, void *workspace,
                      size_t workspace_bytes)
{
    const struct kalman_batch *batch = run->batch;
    const struct kalman_model *model = model_of(batch, series);
    struct kalman_series data = {.values = batch->values + offset, .count = batch->sizes[series]};
    struct kalman_output output = {.filtered_mean = batch_at(batch->filtered_mean, offset),
                                   .filtered_variance = batch_at(batch->filtered_variance, offset),
                                   .predicted_mean = batch_at(batch->predicted_mean, offset),
                                   .predicted_variance =
                                       batch_at(batch->predicted_variance, offset),
                                   .standardized = batch_at(batch->standardized, offset)};
    struct kalman_summary summary;
    enum kalman_status status =
        model->observed == 1
            ? kalman_run(model, &data, run->options, &output, workspace, workspace_bytes, &summary)
            : KALMAN_EUNSUPPORTED;
    if (status != KALMAN_OK) {
        batch_series_failed(batch, series, offset, status);
        return;
    }
    batch->statuses[series] = KALMAN_OK;
    batch_fill(batch->loglikelihood, series, series + 1, summary.loglikelihood);
}

static void lane_idle(struct batch_run *run, size_t k)
{
    EXPECT(k < BATCH_LANES);
    /* Any numbers that stay finite: an idle lane computes along, for a branch would cost more. */
    run->lane[k] = (struct lane){.series = SIZE_MAX};
    run->lanes.a[k] = 0.0;
    run->lanes.P[k] = 1.0;
    run->lanes.H[k] = 1.0;
    run->lanes.Q[k] = 0.0;
}

static void lane_finish(struct batch_run *run, size_t k)
{
    EXPECT(k < BATCH_LANES && run->lane[k].series < run->batch->series_count);
    const struct lane *lane = &run->lane[k];
    struct kalman_summary summary;
    assert(lane->at == lane->end);
    /* Once infinite or NaN, a stays so: one look at the end finds an overflow anywhere. */
    if (!isfinite(run->lanes.a[k])) {
        batch_series_failed(run->batch, lane->series, lane->end - run->batch->sizes[lane->series],
                            KALMAN_ERANGE);
        return;
    }
    /* Lanes have no steady state; only the likelihood of the summary is used. */
    summary_fill(&lane->sum, lane->units.sd_exponent, UINT64_MAX, &summary);
    run->batch->statuses[lane->series] = KALMAN_OK;
    batch_fill(run->batch->loglikelihood, lane->series, lane->series + 1, summary.loglikelihood);
}

/* The first observed value sets the centre and leaves variance H; what precedes it is blank. */
static void lane_start(struct batch_run *run, size_t k, size_t series, size_t offset)
{
    EXPECT(k < BATCH_LANES && series < run->batch->series_count);
    const struct kalman_batch *batch = run->batch;
    const struct kalman_model *model = model_of(batch, series);
    struct lane *lane = &run->lane[k];
    assert(model->states == 1 && model->H[0] > 0.0);
    size_t end = offset + batch->sizes[series], first = offset;
    while (first < end && isnan(batch->values[first]))
        first++;
    batch_blank(batch, offset, first < end ? first + 1 : end, (double)INFINITY);
    *lane = (struct lane){
        .series = series, .at = end, .end = end, .units = units_of(model->sd_exponent)};
    lane->sum = likelihood_sum_empty();
    run->lanes.a[k] = 0.0;
    run->lanes.P[k] = run->lanes.H[k] = model->H[0];
    run->lanes.Q[k] = model->Q[0];
    if (first == end)
        return;
    lane->at = first + 1;
    lane->centre = batch->values[first];
    /* a = 0, its own centre, and P = H: the exact diffuse start of a local level (DK 2.9). */
    lane->sum.diffuse = 1;
    batch_fill(batch->filtered_mean, first, first + 1, lane->centre);
    batch_fill(batch->filtered_variance, first, first + 1,
               units_variance(&lane->units, model->H[0]));
}

/* Give lane k something to do, or leave it idle. Series that do not fit a lane are run here. */
static void lane_refill(struct batch_run *run, size_t k, void *workspace, size_t workspace_bytes)
{
    const struct kalman_batch *batch = run->batch;
    lane_idle(run, k);
    while (run->next_series < batch->series_count) {
        size_t series = run->next_series++, offset = run->next_offset, bad_index = 0;
        run->next_offset += batch->sizes[series];
        if (batch->statuses[series] == KALMAN_OK)
            continue; /* complete: done by batch_complete_run() */
        enum kalman_status status =
            values_check(batch->values + offset, batch->sizes[series], &bad_index);
        if (status != KALMAN_OK) {
            batch_series_failed(batch, series, offset, status);
        } else if (!batch_fits_lanes(model_of(batch, series), run->options)) {
            run_alone(run, series, offset, workspace, workspace_bytes);
        } else {
            lane_start(run, k, series, offset);
            if (run->lane[k].at < run->lane[k].end)
                return;
            lane_finish(run, k);
            lane_idle(run, k);
        }
    }
}

/* Values of the lanes' series side by side, in engine units. */
static void chunk_load(struct batch_run *run, size_t steps)
{
    EXPECT(steps <= BATCH_STEPS);
    for (size_t k = 0; k < BATCH_LANES; k++) {
        const struct lane *lane = &run->lane[k];
        const double *values = run->batch->values + lane->at, H = run->lanes.H[k];
        for (size_t t = 0; t < steps; t++) {
            double y = lane->series == SIZE_MAX
                           ? 0.0
                           : units_deviation(&lane->units, values[t], lane->centre);
            bool missing = isnan(y);
            run->chunk.y[t][k] = missing ? 0.0 : y;
            run->chunk.h[t][k] = missing ? batch_missing_noise : H;
        }
    }
}

static void write_means(const struct lane *lane, const double (*a)[BATCH_LANES], size_t k,
                        size_t steps, double *to)
{
    for (size_t t = 0; to && t < steps; t++)
        to[lane->at + t] = units_mean(&lane->units, lane->centre, a[t][k]);
}

static void write_variances(const struct lane *lane, const double (*P)[BATCH_LANES], size_t k,
                            size_t steps, double *to)
{
    for (size_t t = 0; to && t < steps; t++)
        to[lane->at + t] = units_variance(&lane->units, P[t][k]);
}

static void write_standardized(const struct batch_run *run, size_t k, size_t steps)
{
    EXPECT(k < BATCH_LANES && steps <= BATCH_STEPS);
    const struct lane *lane = &run->lane[k];
    const struct batch_chunk *chunk = &run->chunk;
    for (size_t t = 0; run->batch->standardized && t < steps; t++) {
        double v = chunk->y[t][k] - chunk->a_before[t][k],
               F = chunk->P_before[t][k] + chunk->h[t][k];
        double standardised = v * lane->units.mean_to_sd / sqrt(F);
        run->batch->standardized[lane->at + t] =
            chunk->h[t][k] < batch_missing_noise ? standardised : (double)NAN;
    }
}

/* The chunk's likelihood into the lane's sum; squares there are in deviations, the sum's in
 * standard deviations. */
static void lane_count(struct batch_run *run, size_t k, size_t steps)
{
    EXPECT(k < BATCH_LANES);
    struct lane *lane = &run->lane[k];
    double unit = lane->units.mean_to_sd;
    for (size_t t = 0; t < steps; t++)
        lane->sum.count += run->chunk.h[t][k] < batch_missing_noise;
    /* v is in deviations and F in variances of the model's unit: their squares differ by a power of
     * two. The product of 32 factors F does not leave a double's range: each is at least the
     * larger of H and Q, which is at least 1, and at most 4 (n + 2). */
    lane->sum.block = run->lanes.squares[k] * unit * unit;
    likelihood_sum_fold(&lane->sum);
    lane->sum.mantissa *= run->lanes.product[k];
    likelihood_sum_renormalise(&lane->sum);
}

static void chunk_store(struct batch_run *run, size_t steps)
{
    EXPECT(steps <= BATCH_STEPS);
    const struct kalman_batch *batch = run->batch;
    for (size_t k = 0; k < BATCH_LANES; k++) {
        struct lane *lane = &run->lane[k];
        if (lane->series == SIZE_MAX)
            continue;
        write_means(lane, run->chunk.a, k, steps, batch->filtered_mean);
        write_variances(lane, run->chunk.P, k, steps, batch->filtered_variance);
        write_means(lane, run->chunk.a_before, k, steps, batch->predicted_mean);
        write_variances(lane, run->chunk.P_before, k, steps, batch->predicted_variance);
        EXPECT(steps <= lane->end - lane->at);
        write_standardized(run, k, steps);
        if (batch->loglikelihood)
            lane_count(run, k, steps);
        lane->at += steps;
    }
}

/* Steps that every busy lane still has, at most a chunk; 0 when none is busy. */
static size_t chunk_steps(const struct batch_run *run)
{
    size_t steps = 0;
    for (size_t k = 0; k < BATCH_LANES; k++) {
        assert(run->lane[k].at <= run->lane[k].end);
        size_t left = run->lane[k].end - run->lane[k].at;
        if (run->lane[k].series != SIZE_MAX && (steps == 0 || left < steps))
            steps = left;
    }
    return steps < BATCH_STEPS ? steps : BATCH_STEPS;
}

static enum kalman_status lanes_run(struct batch_run *run, void *workspace, size_t workspace_bytes)
{
    struct cancel_check cancel = cancel_check_of(run->options);
    for (size_t k = 0; k < BATCH_LANES; k++)
        lane_refill(run, k, workspace, workspace_bytes);
    size_t work = CANCEL_NOW;
    for (size_t steps = chunk_steps(run); steps > 0; steps = chunk_steps(run)) {
        if (cancel_poll(&cancel, work))
            return KALMAN_ECANCELLED;
        work = (size_t)BATCH_STEPS * CANCEL_LEVEL_POINT;
        chunk_load(run, steps);
        batch_lanes_filter(&run->lanes, steps, &run->chunk);
        if (run->batch->loglikelihood)
            batch_lanes_likelihood(&run->lanes, steps, &run->chunk);
        chunk_store(run, steps);
        for (size_t k = 0; k < BATCH_LANES; k++)
            if (run->lane[k].series != SIZE_MAX && run->lane[k].at == run->lane[k].end) {
                lane_finish(run, k);
                lane_refill(run, k, workspace, workspace_bytes);
            }
    }
    return KALMAN_OK;
}

enum kalman_status kalman_batch_run(const struct kalman_batch *batch,
                                    const struct kalman_options *options, void *workspace,
                                    size_t workspace_bytes)
{
    size_t needed = 0;
    enum kalman_status status = kalman_batch_bytes(batch, &needed);
    if (status == KALMAN_OK)
        status = options_check(options);
    if (status != KALMAN_OK)
        return status;
    if (!workspace || workspace_bytes < needed || (uintptr_t)workspace % KALMAN_ALIGN != 0)
        return KALMAN_EWORKSPACE;
    if (batch->series_count == 0)
        return KALMAN_OK;
    struct batch_run *run = workspace;
    char *rest = (char *)workspace + round_up(sizeof *run);
    memset(run, 0, sizeof *run);
    run->batch = batch;
    run->options = options;
    /* So that a call that is cancelled half way says which series it did not get to. */
    for (size_t i = 0; i < batch->series_count; i++)
        batch->statuses[i] = KALMAN_ECANCELLED;
    if (batch_complete_applies(batch, options))
        status = batch_complete_run(batch, options, rest);
    if (status != KALMAN_OK)
        return status;
    return lanes_run(run, rest, workspace_bytes - round_up(sizeof *run));
}
