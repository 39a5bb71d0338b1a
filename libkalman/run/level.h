/* kalman_run() for the scalar local level. Private to libkalman. */
#ifndef KALMAN_RUN_LEVEL_H
#define KALMAN_RUN_LEVEL_H

#include "run/request.h"

#include <stddef.h>

/* Bytes of the workspace for count time points. */
size_t run_level_bytes(size_t count, const struct kalman_output *output);

/* Runs the request; the statuses are those of kalman_run(), the request has been checked. */
enum kalman_status run_level(const struct run_request *request, void *workspace,
                             struct kalman_summary *ret_summary) KALMAN_MUSTCHECK;

#endif
