/*
 * The state's own smoother over one time point after another, last to first: the covariance form,
 * and the choice between it and the square-root form (smooth/root.h). Private to libkalman.
 */
#ifndef KALMAN_SMOOTH_GENERAL_H
#define KALMAN_SMOOTH_GENERAL_H

#include "smooth/state.h"

#include <stdbool.h>
#include <stddef.h>

size_t smooth_doubles(const struct kalman_model *model);
void smooth_init(struct smooth_state *smooth, const struct kalman_model *model, bool variances,
                 double *arrays);

/* Start at the last point: its own filtered moments are the smoothed ones. Q: r x r, of the
 * transition after it. */
void smooth_last(struct smooth_state *smooth, const struct filter_record *record, const double *Q);

/* From t+1 to t. now, T: the matrices of the transition t -> t+1; record: of t. c is in the
 * caller's units. */
void smooth_step(struct smooth_state *smooth, const struct filter_record *record,
                 const struct filter_matrices *now, const struct sparse *T, double mean_in);

/* Take r and N back over the observations of the current point, whose record this is: last, when
 * its moments have been used. */
void smooth_observation(struct smooth_state *smooth, const struct filter_record *record);

/* x'V x at the current point, whose record this is. */
double smooth_signal_variance(struct smooth_state *smooth, const struct filter_record *record,
                              const double *x);

/* Is x'alpha determined by all the data at the current point? */
bool smooth_determined(const struct smooth_state *smooth, const double *x);

#endif
