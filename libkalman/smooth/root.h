/* The square-root form of the smoother's step (smooth/state.h says where it serves and why).
 * Private to libkalman. */
#ifndef KALMAN_SMOOTH_ROOT_H
#define KALMAN_SMOOTH_ROOT_H

#include "smooth/state.h"

/* From t+1 to t: mean, V, S, U and the disturbances of the transition t -> t+1. now: that
 * transition's matrices, root_Q filled; record: of t; mean_in: the units' factor for c. */
void smooth_root_step(struct smooth_state *smooth, const struct filter_record *record,
                      const struct filter_matrices *now, double mean_in);

#endif
