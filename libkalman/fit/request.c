#include "fit/request.h"

#include "model/series_check.h"

#include <math.h>

enum kalman_status fit_series_check(const struct kalman_spec *spec,
                                    const struct kalman_series *series, size_t *bad_index)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    enum kalman_status status =
        series->values ? values_check(series->values, series->count, bad_index) : KALMAN_EINVAL;
    if (status == KALMAN_OK && series->times)
        status = info->accepts_times ? times_check(series->times, series->count, bad_index)
                                     : KALMAN_ETIMES;
    if (status == KALMAN_OK && (series->inputs != NULL) != (spec->input_count > 0))
        return KALMAN_EINPUTS;
    for (size_t i = 0;
         status == KALMAN_OK && series->inputs && i < series->count * spec->input_count; i++)
        if (!isfinite(series->inputs[i])) {
            *bad_index = i;
            status = KALMAN_EDOMAIN;
        }
    return status;
}
