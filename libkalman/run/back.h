/* The backward passes of the general engine, over the whole series, after its forward pass. Private
 * to libkalman. */
#ifndef KALMAN_RUN_BACK_H
#define KALMAN_RUN_BACK_H

#include "run/pass.h"

/* States, disturbances and auxiliary residuals (run/smooth.c). */
enum kalman_status run_smooth_back(struct general_run *run) KALMAN_MUSTCHECK;

/* The signal alone, from lean records (run/signal.c). */
enum kalman_status run_signal_back(struct general_run *run) KALMAN_MUSTCHECK;

#endif
