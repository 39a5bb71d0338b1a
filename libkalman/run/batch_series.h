/* One series of a batch: its outputs, its status, and whether it fits a lane. Private to
 * libkalman. */
#ifndef KALMAN_BATCH_SERIES_H
#define KALMAN_BATCH_SERIES_H

#include <kalman/batch.h>
#include <stdbool.h>
#include <stddef.h>

/* array + index, or NULL for NULL. */
double *batch_at(double *array, size_t index);

/* array[from .. to) = value, unless NULL. */
void batch_fill(double *array, size_t from, size_t to, double value);

/* Outputs that say nothing, for elements from .. to. */
void batch_blank(const struct kalman_batch *batch, size_t from, size_t to, double variance);

/* The status of a series, and blanks for its outputs. */
void batch_series_failed(const struct kalman_batch *batch, size_t series, size_t offset,
                         enum kalman_status status);

/* Can this model run in lanes? Robust bounds and models without noise go one by one. */
bool batch_fits_lanes(const struct kalman_model *model, const struct kalman_options *options);

#endif
