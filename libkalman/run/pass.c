#include "run/pass.h"

#include "filter/summary.h"
#include "model/system.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* Between predict and update, for the filter holds predicted and filtered moments in the same
 * arrays. */
static void write_prediction(const struct general_run *run, size_t t)
{
    assert(t < run->request->series->count);
    const struct kalman_output *out = run->request->output;
    size_t p = run->filter.model->observed, m = run->filter.model->states;
    for (size_t i = 0; (out->predicted_mean || out->predicted_variance) && i < p; i++) {
        double mean = 0.0, variance = 0.0;
        filter_signal(&run->filter, i, &mean, &variance);
        if (out->predicted_mean)
            out->predicted_mean[t * p + i] = mean;
        if (out->predicted_variance)
            out->predicted_variance[t * p + i] = variance;
    }
    if (out->predicted_state || out->predicted_state_variance)
        filter_state_moments(
            &run->filter, out->predicted_state ? out->predicted_state + t * m : NULL,
            out->predicted_state_variance ? out->predicted_state_variance + t * m * m : NULL);
}

static void write_filtered(const struct general_run *run, size_t t)
{
    assert(t < run->request->series->count);
    const struct kalman_output *out = run->request->output;
    size_t p = run->filter.model->observed, m = run->filter.model->states;
    for (size_t i = 0; (out->filtered_mean || out->filtered_variance) && i < p; i++) {
        double mean = 0.0, variance = 0.0;
        filter_signal(&run->filter, i, &mean, &variance);
        if (out->filtered_mean)
            out->filtered_mean[t * p + i] = mean;
        if (out->filtered_variance)
            out->filtered_variance[t * p + i] = variance;
    }
    if (out->filtered_state || out->filtered_state_variance)
        filter_state_moments(&run->filter, out->filtered_state ? out->filtered_state + t * m : NULL,
                             out->filtered_state_variance ? out->filtered_state_variance + t * m * m
                                                          : NULL);
}

static void write_innovations(const struct general_run *run, size_t t)
{
    const struct kalman_output *out = run->request->output;
    const struct filter_state *f = &run->filter;
    size_t p = f->model->observed;
    for (size_t i = 0; i < p; i++) {
        /* v and F are as predicted given the elements before this one (DK 6.4.1); F before any
         * robust inflation is what the caller is given, the weight says by how much. */
        const struct filter_element *e = &run->elements[i];
        double standardised = filter_standardised(f, e);
        if (out->innovations)
            out->innovations[t * p + i] = e->v * f->units.mean_out;
        if (out->innovation_variances)
            out->innovation_variances[t * p + i] = units_variance(&f->units, e->F);
        if (out->standardized)
            out->standardized[t * p + i] = standardised;
        if (out->anomaly_scores)
            out->anomaly_scores[t * p + i] = anomaly_score(standardised);
        if (out->robust_weights)
            out->robust_weights[t * p + i] = e->weight;
    }
}

double run_gap(const struct kalman_series *series, size_t t)
{
    EXPECT(t < series->count);
    assert(!series->times || t == 0 || series->times[t] > series->times[t - 1]);
    return series->times && t > 0 ? series->times[t] - series->times[t - 1] : 1.0;
}

const double *run_inputs(const struct general_run *run, size_t t)
{
    EXPECT(t < run->request->series->count);
    const double *inputs = run->request->series->inputs;
    return inputs ? inputs + t * run->filter.model->input_count : NULL;
}

bool run_poll_cancel(struct general_run *run)
{
    size_t work = filter_step_work(&run->filter);
    return cancel_poll(&run->cancel, work);
}

enum kalman_status run_stretch(struct general_run *run, size_t from, size_t to, bool first_pass,
                               bool record)
{
    EXPECT(from <= to && to <= run->request->series->count);
    EXPECT(!record || (run->records && to - from <= run->block));
    assert(!first_pass || from == 0);
    const struct kalman_series *series = run->request->series;
    size_t p = run->filter.model->observed;
    enum kalman_status status = KALMAN_OK;
    for (size_t t = from; t < to && status == KALMAN_OK; t++) {
        run->at = t;
        if (run_poll_cancel(run))
            return KALMAN_ECANCELLED;
        struct filter_record *kept = record ? &run->records[t - from] : NULL;
        /* A signal with a diffuse part that is missing here needs the deeper orders of the signal's
         * smoother, which serves models of a single observation: the first element is all. */
        run->diffuse_missing =
            run->diffuse_missing || (run->filter.diffuse_left > 0 && isnan(series->values[t * p]));
        /* Before the prediction: the second pass over the block repeats it. */
        if (first_pass && run->checkpoints && t % run->block == 0)
            filter_copy(&run->checkpoints[t / run->block], &run->filter);
        status = filter_predict(&run->filter, run_gap(series, t), run_inputs(run, t));
        if (status != KALMAN_OK)
            break;
        if (first_pass)
            write_prediction(run, t);
        status = filter_update(&run->filter, series->values + t * p, run->elements, kept);
        if (kept) /* run->elements are overwritten by the next step */
            memcpy(kept->elements, run->elements, p * sizeof *kept->elements);
        if (first_pass && status == KALMAN_OK) {
            write_filtered(run, t);
            write_innovations(run, t);
        }
    }
    return status;
}

enum kalman_status run_blocks_back(struct general_run *run, run_point_back *point, void *smoother)
{
    EXPECT(run->records && run->block > 0);
    const struct kalman_series *series = run->request->series;
    const double centre = run->filter.centre; /* blocks before the first value do not know it yet */
    size_t end = series->count;
    assert(run->checkpoints || end <= run->block);
    while (end > 0) {
        size_t from = run->checkpoints ? (end - 1) / run->block * run->block : 0;
        enum kalman_status status = KALMAN_OK;
        if (run->checkpoints) {
            /* Filtered again from the state at the head of the block: the same operations on the
             * same numbers, so the same bits as in the first pass. */
            filter_copy(&run->filter, &run->checkpoints[from / run->block]);
            status = run_stretch(run, from, end, 0, 1);
            run->filter.centre = centre;
        }
        for (size_t t = end; status == KALMAN_OK && t-- > from;) {
            if (run_poll_cancel(run))
                return KALMAN_ECANCELLED;
            status = point(run, smoother, t, from);
        }
        if (status != KALMAN_OK)
            return status;
        end = from;
    }
    /* A smoother that the hook stopped in the middle of a step has no status to say so. */
    return run->cancel.cancelled ? KALMAN_ECANCELLED : KALMAN_OK;
}
