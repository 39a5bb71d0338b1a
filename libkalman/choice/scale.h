/* The choice between the data and their logarithms. Private to libkalman. */
#ifndef KALMAN_CHOICE_SCALE_H
#define KALMAN_CHOICE_SCALE_H

#include "fit/request.h"

#include <stdbool.h>
#include <stddef.h>

/* Workspace of scale_choose(). */
size_t scale_bytes(size_t count);

/* log |dz/dy| of the observed values after the first `burn`, z = transform(y): what makes the log
 * density of z one of y. */
double scale_jacobian(const struct kalman_transform *transform, const struct kalman_series *series,
                      size_t burn);

/*
 * Does the size of the changes grow with the level? Tells the scale before any candidate of
 * KALMAN_AUTO is fitted, since fits to both would take twice as long: by a local level of the
 * changes over a season, which lets the season follow the data at once, and by the changes from
 * step to step, each season's with a fixed mean. What fits best is between the two. Without a
 * season, by the changes from step to step alone. Of a series that is long enough, the latter half
 * is judged by.
 */
enum kalman_status scale_choose(const struct fit_request *request,
                                const struct kalman_series *logarithms,
                                const struct kalman_transform *transform,
                                bool *ret_logarithmic) KALMAN_MUSTCHECK;

/* Fits the request's kind to the data and to their logarithms, and reports the better fit. The
 * report has been set up by fit_report_init().
 * candidates: as in fit_auto(). The densities are given the first values, as many as the model's
 * start consumes. */
enum kalman_status scale_fit_both(const struct fit_request *request,
                                  const struct kalman_series *logarithms,
                                  const struct kalman_transform *transform,
                                  struct kalman_candidate *candidates,
                                  struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

#endif
