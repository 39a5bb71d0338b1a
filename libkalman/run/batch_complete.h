/* Series without missing values under one shared local level. Private to libkalman. */
#ifndef KALMAN_BATCH_COMPLETE_H
#define KALMAN_BATCH_COMPLETE_H

#include <kalman/batch.h>
#include <stdbool.h>
#include <stddef.h>

/* Is the batch of that sort, with enough series for a table of gains to pay? */
bool batch_complete_applies(const struct kalman_batch *batch, const struct kalman_options *options);

/* Bytes of the workspace of batch_complete_run(). */
size_t batch_complete_bytes(const struct kalman_batch *batch);

/* Runs what is complete, and sets its statuses to KALMAN_OK; the statuses of the other series stay
 * as they are. KALMAN_ECANCELLED if the hook says so. */
enum kalman_status batch_complete_run(const struct kalman_batch *batch,
                                      const struct kalman_options *options,
                                      void *workspace) KALMAN_MUSTCHECK;

#endif
