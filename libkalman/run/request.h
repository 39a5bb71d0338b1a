/* One call of kalman_run(), as its engines see it. Private to libkalman. */
#ifndef KALMAN_RUN_REQUEST_H
#define KALMAN_RUN_REQUEST_H

#include <kalman/run.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Everything of one call, bundled: all borrowed. options is never NULL here. */
struct run_request {
    const struct kalman_model *model;
    const struct kalman_series *series;
    const struct kalman_options *options;
    const struct kalman_output *output;
};

/* Is anything smoothed among the outputs? */
static inline bool run_wants_smoothing(const struct kalman_output *output)
{
    return output->smoothed_mean || output->smoothed_variance || output->smoothed_state ||
           output->smoothed_state_variance || output->observation_disturbance ||
           output->observation_disturbance_variance || output->state_disturbance ||
           output->state_disturbance_variance || output->observation_auxiliary ||
           output->state_auxiliary;
}

/* The time from which a forecast or stream counts, after the last observation's; NaN if there is
 * no observation. */
static inline double run_last_time(const struct kalman_series *series)
{
    if (series->count == 0)
        return (double)NAN;
    return series->times ? series->times[series->count - 1] : (double)(series->count - 1);
}

#endif
