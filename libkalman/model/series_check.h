/* Is this data what the model and the contract accept? Private to libkalman. */
#ifndef KALMAN_SERIES_CHECK_H
#define KALMAN_SERIES_CHECK_H

#include <kalman/model.h>
#include <kalman/run.h>
#include <stdbool.h>

/* Values not infinite, times finite and increasing and allowed, inputs finite and present exactly
 * when the model has them; the forecast's too when there is one. *ret_bad_index is the element at
 * fault, or SIZE_MAX. */
enum kalman_status series_check(const struct kalman_model *model,
                                const struct kalman_series *series,
                                size_t *ret_bad_index) KALMAN_MUSTCHECK;
enum kalman_status forecast_check(const struct kalman_model *model, double last_time,
                                  const struct kalman_forecast *forecast,
                                  size_t *ret_bad_index) KALMAN_MUSTCHECK;
enum kalman_status inputs_check(const struct kalman_model *model, const double *inputs,
                                size_t count, size_t *ret_bad_index) KALMAN_MUSTCHECK;
enum kalman_status options_check(const struct kalman_options *options) KALMAN_MUSTCHECK;

/* What the data alone can say, for callers that have no model yet. */
enum kalman_status values_check(const double *values, size_t count,
                                size_t *ret_bad_index) KALMAN_MUSTCHECK;
enum kalman_status times_check(const double *times, size_t count,
                               size_t *ret_bad_index) KALMAN_MUSTCHECK;

/* In steps of one length and without known inputs? */
bool series_is_plain(const struct kalman_series *series);

/* How many values are missing? */
size_t series_missing(const struct kalman_series *series);

#endif
