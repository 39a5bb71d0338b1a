#include "model/series_check.h"

#include "model/system.h"
#include "numeric/expect.h"

#include <math.h>
#include <stdint.h>

enum kalman_status values_check(const double *values, size_t count, size_t *ret_bad_index)
{
    EXPECT(count == 0 || values);
    *ret_bad_index = SIZE_MAX;
    for (size_t i = 0; i < count; i++)
        if (isinf(values[i])) {
            *ret_bad_index = i;
            return KALMAN_EDOMAIN;
        }
    return KALMAN_OK;
}

enum kalman_status times_check(const double *times, size_t count, size_t *ret_bad_index)
{
    EXPECT(count == 0 || times);
    *ret_bad_index = SIZE_MAX;
    /* The engine works with gaps, and takes them as positive: that between two finite times may
     * still overflow. */
    for (size_t i = 0; i < count; i++)
        if (!isfinite(times[i]) ||
            (i > 0 && (!(times[i] > times[i - 1]) || isinf(times[i] - times[i - 1])))) {
            *ret_bad_index = i;
            return KALMAN_ETIMES;
        }
    return KALMAN_OK;
}

/* Known inputs must be numbers everywhere: there is no such thing as a missing regressor. */
enum kalman_status inputs_check(const struct kalman_model *model, const double *inputs,
                                size_t count, size_t *ret_bad_index)
{
    EXPECT(model->input_count <= model->states);
    *ret_bad_index = SIZE_MAX;
    if (count > 0 && (inputs != NULL) != (model->input_count > 0))
        return KALMAN_EINPUTS;
    for (size_t i = 0; inputs && i < count * model->input_count; i++)
        if (!isfinite(inputs[i])) {
            *ret_bad_index = i;
            return KALMAN_EDOMAIN;
        }
    return KALMAN_OK;
}

enum kalman_status series_check(const struct kalman_model *model,
                                const struct kalman_series *series, size_t *ret_bad_index)
{
    assert(model->builder);
    *ret_bad_index = SIZE_MAX;
    if (series->count > 0 && !series->values)
        return KALMAN_EINVAL;
    if (series->times && !model->builder->step)
        return KALMAN_ETIMES;
    enum kalman_status status =
        values_check(series->values, series->count * model->observed, ret_bad_index);
    if (status == KALMAN_OK && series->times)
        status = times_check(series->times, series->count, ret_bad_index);
    if (status == KALMAN_OK)
        status = inputs_check(model, series->inputs, series->count, ret_bad_index);
    return status;
}

bool series_is_plain(const struct kalman_series *series)
{
    return !series->times && !series->inputs;
}

size_t series_missing(const struct kalman_series *series)
{
    size_t missing = 0;
    for (size_t t = 0; t < series->count; t++)
        missing += isnan(series->values[t]) ? 1u : 0u;
    return missing;
}

enum kalman_status forecast_check(const struct kalman_model *model, double last_time,
                                  const struct kalman_forecast *forecast, size_t *ret_bad_index)
{
    *ret_bad_index = SIZE_MAX;
    if (!forecast || forecast->horizon == 0)
        return KALMAN_OK;
    if (forecast->times && !model->builder->step)
        return KALMAN_ETIMES;
    for (size_t i = 0; i < forecast->level_count; i++)
        if (!(forecast->levels[i] > 0.0 && forecast->levels[i] < 1.0))
            return KALMAN_EINVAL;
    enum kalman_status status = KALMAN_OK;
    if (forecast->times) {
        status = times_check(forecast->times, forecast->horizon, ret_bad_index);
        /* NaN, of a series without points, compares false: any time is after it. */
        if (status == KALMAN_OK && forecast->times[0] <= last_time) {
            *ret_bad_index = 0;
            status = KALMAN_ETIMES;
        }
    }
    if (status == KALMAN_OK)
        status = inputs_check(model, forecast->inputs, forecast->horizon, ret_bad_index);
    return status;
}

enum kalman_status options_check(const struct kalman_options *options)
{
    if (!options)
        return KALMAN_OK;
    if (options->engine != KALMAN_ENGINE_FAST && options->engine != KALMAN_ENGINE_REFERENCE)
        return KALMAN_EINVAL;
    double bound = options->robust_threshold;
    return bound == 0.0 || (bound >= 0.1 && bound <= 1e6) ? KALMAN_OK : KALMAN_EINVAL;
}
