/* The backward pass of a run that wants only the smoothed signal of a long season. */
#include "run/back.h"

#include "model/system.h"
#include "numeric/expect.h"
#include "smooth/signal.h"

#include <math.h>

static enum kalman_status point_back(struct general_run *run, void *smoother, size_t t, size_t from)
{
    EXPECT(t >= from && t - from < run->block);
    struct smooth_signal *smooth = smoother;
    struct filter_state *f = &run->filter;
    const struct kalman_series *series = run->request->series;
    const struct kalman_output *out = run->request->output;
    const struct filter_record *record = &run->records[t - from];
    /* The moments before r and N go over the observation of the same point: they are taken after
     * it. */
    double mean = 0.0, variance = 0.0;
    bool last = t + 1 == series->count;
    enum kalman_status status = filter_transition_at(f, t, last ? 1.0 : run_gap(series, t + 1));
    if (status == KALMAN_OK && !last)
        smooth_signal_transition(smooth, &f->T);
    if (status == KALMAN_OK)
        status = filter_observation_at(f, t, run_inputs(run, t));
    if (status != KALMAN_OK)
        return status;
    const double *z = filter_signal_row(f, 0);
    bool known = smooth_signal_moments(smooth, record, z, f->now.H[0], &mean, &variance);
    mean += f->now.d[0] * f->units.mean_in;
    if (out->smoothed_mean)
        out->smoothed_mean[t] = known ? units_mean(&f->units, f->centre, mean) : (double)NAN;
    if (out->smoothed_variance)
        out->smoothed_variance[t] = known ? units_variance(&f->units, variance) : (double)INFINITY;
    smooth_signal_observation(smooth, record, z);
    return KALMAN_OK;
}

enum kalman_status run_signal_back(struct general_run *run)
{
    struct smooth_signal smooth;
    bool unresolved = run->filter.diffuse_left > 0;
    /* What is left undetermined shows in the variances alone. */
    assert(run->lean && run->filter.model->observed == 1);
    bool variances =
        run->request->output->smoothed_variance || (run->diffuse_missing && unresolved);
    smooth_signal_init(&smooth, run->filter.model->states, variances, run->smooth_arrays);
    smooth.diffuse_missing = run->diffuse_missing;
    smooth.unresolved = unresolved;
    return run_blocks_back(run, point_back, &smooth);
}
