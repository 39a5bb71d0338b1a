/*
 * libkalman: linear Gaussian state-space models in C. Start here.
 *
 * One call does the common thing, for a bare array of numbers:
 *
 *     double level[100];
 *     enum kalman_status status = kalman_filter_simple(nile, 100, level, NULL, NULL);
 *     if (status != KALMAN_OK)
 *         fprintf(stderr, "%s\n", kalman_strerror(status));
 *
 * Everything else goes through four steps, each in its own header:
 *     kalman/spec.h    say what the model is      kalman_spec_init, kalman_spec_set, the
 *       catalogue of kinds
 *     kalman/fit.h     estimate what you left out  kalman_fit            (or give every parameter)
 *     kalman/model.h   build it, immutable         kalman_model_new
 *     kalman/run.h     filter, smooth, forecast    kalman_run            (whole series)
 *     kalman/stream.h  ... one at a time           kalman_stream_push    (online; save and load)
 *     kalman/batch.h   ... many series             kalman_batch_run
 * and kalman/simulate.h, kalman/random.h, kalman/diagnostics.h beside them. kalman/status.h lists
 * what can go wrong.
 *
 * The library has no global state, reads no locale or environment, prints nothing, never exits.
 * Models are immutable and may be used by many threads at once; everything that changes belongs to
 * the caller.
 */
#ifndef KALMAN_KALMAN_H
#define KALMAN_KALMAN_H

#include <kalman/fit.h>
#include <kalman/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library linked, such as "0.1.0". */
KALMAN_API const char *kalman_version(void);

/*
 * Local level with exact diffuse start, signal-to-noise ratio by maximum likelihood: writes the
 * filtered level and, unless NULL, its variance (n each), and the report of the fit (unless NULL).
 * Allocates its workspace on the heap. n = 0 does nothing; n = 1 is the identity; missing values
 * (NaN) are filled by prediction, leading ones stay NaN. KALMAN_EDOMAIN: an infinite value, at
 * ret_fit->bad_index.
 */
KALMAN_API enum kalman_status kalman_filter_simple(const double *values, size_t count,
                                                   double *ret_level, double *ret_variance,
                                                   struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/* The same, but each value given the whole series (fixed-interval smoothing). */
KALMAN_API enum kalman_status kalman_smooth_simple(const double *values, size_t count,
                                                   double *ret_level, double *ret_variance,
                                                   struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

#ifdef __cplusplus
}
#endif

#endif
