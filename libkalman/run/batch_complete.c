#include "run/batch_complete.h"

#include "filter/summary.h"
#include "model/system.h"
#include "numeric/cancel.h"
#include "numeric/expect.h"
#include "run/batch_gain.h"
#include "run/batch_series.h"
#include "run/request.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

struct complete_run {
    const struct kalman_batch *batch;
    const struct kalman_model *model;
    struct gain_table table;
    size_t next_series, next_offset;
    size_t lanes; /* in use */
    /* series SIZE_MAX: idle; element indices of values */
    size_t series[GAIN_LANES], start[GAIN_LANES], at[GAIN_LANES];
    struct gain_lane lane[GAIN_LANES];
    double nothing[GAIN_STEPS]; /* zeros: data and gains of idle lanes */
    double dump[GAIN_STEPS];    /* outputs that nobody wants */
};

static size_t longest_of(const struct kalman_batch *batch, size_t *ret_total)
{
    size_t longest = 0, total = 0;
    for (size_t i = 0; i < batch->series_count; i++) {
        longest = batch->sizes[i] > longest ? batch->sizes[i] : longest;
        total += batch->sizes[i];
    }
    *ret_total = total;
    return longest;
}

static bool same_sizes(const struct kalman_batch *batch)
{
    for (size_t i = 1; i < batch->series_count; i++)
        if (batch->sizes[i] != batch->sizes[0])
            return false;
    return true;
}

/* The table costs about as much as a series of its length: worth it when there are several. */
bool batch_complete_applies(const struct kalman_batch *batch, const struct kalman_options *options)
{
    size_t total = 0, longest = longest_of(batch, &total);
    if (batch->predicted_mean && !batch->filtered_mean)
        return false;
    return batch->model_count == 1 && batch_fits_lanes(batch->models[0], options) &&
           total / 4 > longest;
}

size_t batch_complete_bytes(const struct kalman_batch *batch)
{
    size_t total = 0;
    return sizeof(struct complete_run) +
           gain_table_doubles(longest_of(batch, &total)) * sizeof(double);
}

/* The first value is a step like the others, with a gain of one: what it is the centre of. */
static void series_start(struct complete_run *run, size_t k, size_t series, size_t offset)
{
    EXPECT(k < GAIN_LANES && series < run->batch->series_count);
    const struct kalman_batch *batch = run->batch;
    size_t n = batch->sizes[series];
    double first = batch->values[offset];
    EXPECT(n > 0 && n <= run->table.count);
    assert(isfinite(first));
    run->series[k] = series;
    run->start[k] = offset;
    run->at[k] = offset;
    run->lane[k] = (struct gain_lane){.centre = first, .left = n};
    if (batch->filtered_variance)
        memcpy(batch->filtered_variance + offset, run->table.filtered_variance, n * sizeof(double));
    if (batch->predicted_variance)
        memcpy(batch->predicted_variance + offset, run->table.predicted_variance,
               n * sizeof(double));
}

/* The predicted mean of a local level is the filtered one before it; batch_complete_applies()
 * saw that both are there. */
static void series_finish(struct complete_run *run, size_t k)
{
    EXPECT(k < GAIN_LANES && run->series[k] < run->batch->series_count);
    const struct kalman_batch *batch = run->batch;
    size_t series = run->series[k], n = batch->sizes[series], offset = run->start[k];
    batch_fill(batch->predicted_mean, offset, offset + 1, (double)NAN);
    batch_fill(batch->standardized, offset, offset + 1, (double)NAN);
    if (batch->predicted_mean)
        memcpy(batch->predicted_mean + offset + 1, batch->filtered_mean + offset,
               (n - 1) * sizeof(double));
    batch->statuses[series] = KALMAN_OK;
    if (!batch->loglikelihood)
        return;
    struct likelihood_sum sum = likelihood_sum_empty();
    struct kalman_summary summary;
    EXPECT(n > 0 && n <= run->table.count);
    sum.count = n - 1;
    sum.diffuse = 1;
    sum.squares = run->lane[k].squares;
    sum.diffuse_log = run->table.log_F[n - 1]; /* logarithms already taken */
    summary_fill(&sum, run->model->sd_exponent, UINT64_MAX, &summary);
    batch->loglikelihood[series] = summary.loglikelihood;
}

/* The next series that begins with a number into lane k; the others are passed over. Whether it
 * is complete shows as it runs: after a missing, infinite or overflowing value the level stays
 * NaN or infinite. */
static void refill(struct complete_run *run, size_t k)
{
    EXPECT(k < GAIN_LANES);
    const struct kalman_batch *batch = run->batch;
    run->series[k] = SIZE_MAX;
    run->lane[k] = (struct gain_lane){.left = SIZE_MAX};
    while (run->next_series < batch->series_count) {
        size_t series = run->next_series++, offset = run->next_offset, n = batch->sizes[series];
        run->next_offset += n;
        if (n == 0 || !isfinite(batch->values[offset]))
            continue;
        series_start(run, k, series, offset);
        return;
    }
}

/* Point the lanes at what comes next; idle ones at nothing, with gains that keep in step with
 * another's. */
static void aim(struct complete_run *run)
{
    const struct kalman_batch *batch = run->batch;
    size_t busy = 0;
    while (busy + 1 < run->lanes && run->series[busy] == SIZE_MAX)
        busy++;
    for (size_t k = 0; k < run->lanes; k++) {
        struct gain_lane *lane = &run->lane[k];
        bool idle = run->series[k] == SIZE_MAX;
        assert(idle || run->at[k] - run->start[k] < run->table.count);
        size_t like = idle ? busy : k, step = run->at[like] - run->start[like], at = run->at[k];
        lane->y = idle ? run->nothing : batch->values + at;
        lane->gain = run->table.gain + step;
        lane->inverse_sd = run->table.inverse_sd + step;
        lane->mean = idle || !batch->filtered_mean ? run->dump : batch->filtered_mean + at;
        lane->standardized = idle || !batch->standardized ? run->dump : batch->standardized + at;
    }
}

static size_t steps_together(const struct complete_run *run)
{
    /* Idle lanes have SIZE_MAX left: they never are the shortest. */
    size_t steps = GAIN_STEPS, busy = 0;
    for (size_t k = 0; k < run->lanes; k++) {
        steps = run->lane[k].left < steps ? run->lane[k].left : steps;
        busy += run->series[k] != SIZE_MAX;
    }
    return busy > 0 ? steps : 0;
}

enum kalman_status batch_complete_run(const struct kalman_batch *batch,
                                      const struct kalman_options *options, void *workspace)
{
    EXPECT(workspace && batch->model_count == 1);
    assert(batch_complete_applies(batch, options));
    struct cancel_check cancel = cancel_check_of(options);
    const bool sums = batch->loglikelihood || batch->standardized;
    size_t total = 0;
    struct complete_run *run = workspace;
    memset(run, 0, sizeof *run);
    run->batch = batch;
    run->model = batch->models[0];
    gain_table_make(&run->table, run->model, longest_of(batch, &total), (double *)(run + 1));
    run->lanes = same_sizes(batch) ? GAIN_LANES : GAIN_LANES_RAGGED;
    for (size_t k = 0; k < run->lanes; k++)
        refill(run, k);
    size_t work = CANCEL_NOW;
    for (size_t steps = steps_together(run); steps > 0; steps = steps_together(run)) {
        if (cancel_poll(&cancel, work))
            return KALMAN_ECANCELLED;
        work = steps * CANCEL_LEVEL_POINT;
        aim(run);
        gain_lanes_advance(run->lane, run->lanes, steps, sums);
        for (size_t k = 0; k < run->lanes; k++) {
            run->at[k] += steps;
            run->lane[k].left -= run->series[k] == SIZE_MAX ? 0 : steps;
            /* a NaN or an infinity in the data stays in a, for a <- a + K v with K > 0 */
            if (!isfinite(run->lane[k].a)) {
                refill(run, k); /* its status stays: the lanes take it */
            } else if (run->lane[k].left == 0) {
                series_finish(run, k);
                refill(run, k);
            }
        }
    }
    return KALMAN_OK;
}
