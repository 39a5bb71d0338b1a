/* kalman_run() for any model. Private to libkalman. */
#ifndef KALMAN_RUN_GENERAL_H
#define KALMAN_RUN_GENERAL_H

#include "run/request.h"

#include <stddef.h>

/* Bytes of the workspace for count time points and these outputs. options may be NULL. */
size_t run_general_bytes(const struct kalman_model *model, size_t count,
                         const struct kalman_options *options, const struct kalman_output *output);

/* Runs the request; the statuses are those of kalman_run(), the request has been checked. */
enum kalman_status run_general(const struct run_request *request, void *workspace,
                               struct kalman_summary *ret_summary) KALMAN_MUSTCHECK;

#endif
