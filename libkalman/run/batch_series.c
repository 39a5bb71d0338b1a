#include "run/batch_series.h"

#include "filter/level.h"
#include "model/system.h"
#include "numeric/expect.h"

#include <math.h>

double *batch_at(double *array, size_t index)
{
    return array ? array + index : NULL;
}

void batch_fill(double *array, size_t from, size_t to, double value)
{
    assert(from <= to);
    for (size_t i = from; array && i < to; i++)
        array[i] = value;
}

/* Outputs that say nothing: of a series that failed, or of values before the first observed one. */
void batch_blank(const struct kalman_batch *batch, size_t from, size_t to, double variance)
{
    batch_fill(batch->filtered_mean, from, to, (double)NAN);
    batch_fill(batch->filtered_variance, from, to, variance);
    batch_fill(batch->predicted_mean, from, to, (double)NAN);
    batch_fill(batch->predicted_variance, from, to, variance);
    batch_fill(batch->standardized, from, to, (double)NAN);
}

void batch_series_failed(const struct kalman_batch *batch, size_t series, size_t offset,
                         enum kalman_status status)
{
    EXPECT(series < batch->series_count && status != KALMAN_OK);
    batch->statuses[series] = status;
    batch_blank(batch, offset, offset + batch->sizes[series], (double)NAN);
    batch_fill(batch->loglikelihood, series, series + 1, (double)NAN);
}

bool batch_fits_lanes(const struct kalman_model *model, const struct kalman_options *options)
{
    /* A robust bound is a branch in every step, and H = 0 a division of zero by zero. */
    return level_applies(model, options) && !(options && options->robust_threshold > 0.0) &&
           model->H[0] > 0.0;
}
