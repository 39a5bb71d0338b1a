/*
 * kalman_run: check, choose the engine, run it.
 */
#include <kalman/run.h>

#include "filter/level.h"
#include "model/series_check.h"
#include "model/system.h"
#include "run/parts.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int run_wants_smoothing(const struct kalman_output *output)
{
    return output->smoothed_mean || output->smoothed_variance || output->smoothed_state ||
           output->smoothed_state_variance || output->observation_disturbance ||
           output->observation_disturbance_variance || output->state_disturbance ||
           output->state_disturbance_variance || output->observation_auxiliary ||
           output->state_auxiliary;
}

double run_last_time(const struct kalman_series *series)
{
    if (series->count == 0)
        return NAN;
    return series->times ? series->times[series->count - 1] : (double)(series->count - 1);
}

int kalman_run_bytes(const struct kalman_model *model, size_t count,
                     const struct kalman_options *options, const struct kalman_output *output,
                     size_t *ret_bytes)
{
    if (!model || !output || count > SIZE_MAX / 64)
        return KALMAN_EINVAL;
    size_t bytes = level_applies(model, options) ? run_level_bytes(count, output)
                                                 : run_general_bytes(model, count, options, output);
    *ret_bytes = (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
    return KALMAN_OK;
}

int kalman_run(const struct kalman_model *model, const struct kalman_series *series,
               const struct kalman_options *options, const struct kalman_output *output,
               void *workspace, size_t workspace_bytes, struct kalman_summary *ret_summary)
{
    static const struct kalman_options defaults = {.engine = KALMAN_ENGINE_FAST};
    if (!model || !series || !output || !ret_summary)
        return KALMAN_EINVAL;
    memset(ret_summary, 0, sizeof *ret_summary);
    ret_summary->steady_at = SIZE_MAX;
    ret_summary->bad_index = SIZE_MAX;
    size_t needed = 0;
    int status = options_check(options);
    if (status == KALMAN_OK)
        status = kalman_run_bytes(model, series->count, options, output, &needed);
    if (status == KALMAN_OK && output->filtered_mean == series->values && series->values &&
        run_wants_smoothing(output))
        status = KALMAN_EINVAL;
    if (status != KALMAN_OK)
        return status;
    if (needed > workspace_bytes ||
        (needed > 0 && (!workspace || (uintptr_t)workspace % KALMAN_ALIGN != 0)))
        return KALMAN_EWORKSPACE;
    status = series_check(model, series, &ret_summary->bad_index);
    if (status == KALMAN_OK)
        status =
            forecast_check(model, run_last_time(series), output->forecast, &ret_summary->bad_index);
    if (status != KALMAN_OK)
        return status;
    struct run_request request = {model, series, options ? options : &defaults, output};
    return level_applies(model, options) ? run_level(&request, workspace, ret_summary)
                                         : run_general(&request, workspace, ret_summary);
}
