/*
 * Many univariate series at once: values laid end to end (ragged), each filtered with its own or
 * one shared model. Local-level models run interleaved, several series per vector register, by the
 * full recursion (DK 2.15): the results are those of kalman_run() on each series to rounding, for
 * kalman_run() freezes the gain once it has converged. One bad series gets its own status and never
 * stops the others.
 */
#ifndef KALMAN_BATCH_H
#define KALMAN_BATCH_H

#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Everything is borrowed for the call. Means are in the units of the values, variances in their
 * square; NaN and +inf as in struct kalman_output. */
struct kalman_batch {
    size_t series_count;
    const size_t *sizes;  /* series_count lengths; their sum is the length of values */
    const double *values; /* series after series, NaN = missing */
    /* model_count of them, univariate, without times and inputs */
    const struct kalman_model *const *models;
    size_t model_count;                        /* 1: shared by all; else series_count */
    double *filtered_mean, *filtered_variance; /* laid out as values; NULL = not wanted */
    double *predicted_mean, *predicted_variance;
    double *standardized;
    double *loglikelihood; /* series_count; NULL = not wanted */
    enum kalman_status
        *statuses; /* series_count, required; outputs of a series that failed are NaN */
};

/* Workspace of kalman_batch_run(). KALMAN_EINVAL: an array or a model is missing, or model_count is
 * neither 1 nor series_count. */
KALMAN_API enum kalman_status kalman_batch_bytes(const struct kalman_batch *batch,
                                                 size_t *ret_bytes) KALMAN_MUSTCHECK;

/* KALMAN_OK when the batch ran, whatever the single statuses; KALMAN_ECANCELLED leaves later
 * statuses at that code. */
KALMAN_API enum kalman_status kalman_batch_run(const struct kalman_batch *batch,
                                               const struct kalman_options *options,
                                               void *workspace,
                                               size_t workspace_bytes) KALMAN_MUSTCHECK;

#ifdef __cplusplus
}
#endif

#endif
