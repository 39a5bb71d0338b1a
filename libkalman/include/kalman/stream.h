/*
 * Online filtering: one observation at a time, any number of them, in constant memory. A stream
 * that has received y_1..y_t holds bit for bit what kalman_run() has after y_1..y_t, however the
 * data were split, saved and loaded between.
 *
 * Memory is the caller's (kalman_stream_bytes, aligned to KALMAN_ALIGN). The model is borrowed and
 * must outlive the stream. One thread at a time per stream. A failed call leaves the stream as it
 * was.
 */
#ifndef KALMAN_STREAM_H
#define KALMAN_STREAM_H

#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kalman_stream;

/* What one push found; arrays of p elements from the caller, NULL = not wanted; meanings as in
 * kalman_output.
 */
struct kalman_step {
    double *predicted_mean, *predicted_variance;
    double *filtered_mean, *filtered_variance;
    double *innovation, *innovation_variance, *standardized, *anomaly_score, *robust_weight;
    double *filtered_state, *filtered_state_variance; /* m, m x m */
};

/* Bytes of a stream over this model, whatever the options. */
KALMAN_API enum kalman_status kalman_stream_bytes(const struct kalman_model *model,
                                                  size_t *ret_bytes) KALMAN_MUSTCHECK;

/* A new stream, before any observation. options may be NULL; its hook is not used. */
KALMAN_API enum kalman_status
kalman_stream_init(void *memory, size_t memory_bytes, const struct kalman_model *model,
                   const struct kalman_options *options,
                   struct kalman_stream **ret_stream) KALMAN_MUSTCHECK;

/* Push p values. time: NaN = one unit after the last (the first at 0), else after the last. inputs:
 * input_count, or NULL. step may be NULL. */
KALMAN_API enum kalman_status kalman_stream_push(struct kalman_stream *stream, const double *values,
                                                 double time, const double *inputs,
                                                 const struct kalman_step *step) KALMAN_MUSTCHECK;

/* Forecast from where the stream stands; the stream does not change. The workspace is that of
 * kalman_stream_bytes() again. */
KALMAN_API enum kalman_status kalman_stream_forecast(const struct kalman_stream *stream,
                                                     struct kalman_forecast *forecast,
                                                     void *workspace,
                                                     size_t workspace_bytes) KALMAN_MUSTCHECK;

/* Counts and log-likelihood so far. */
KALMAN_API void kalman_stream_summary(const struct kalman_stream *stream,
                                      struct kalman_summary *ret_summary);
/* time points pushed */
KALMAN_API uint64_t kalman_stream_count(const struct kalman_stream *stream);
/* NaN before the first */
KALMAN_API double kalman_stream_last_time(const struct kalman_stream *stream);

/* Saved form: "KLMN", version, a digest of the model, then numbers as little-endian IEEE 754, a
 * checksum at the end; the same bytes on every machine. It does not hold the model: save that spec
 * beside it. */
KALMAN_API enum kalman_status kalman_stream_save_bytes(const struct kalman_stream *stream,
                                                       size_t *ret_bytes) KALMAN_MUSTCHECK;
KALMAN_API enum kalman_status kalman_stream_save(const struct kalman_stream *stream, void *buffer,
                                                 size_t buffer_bytes,
                                                 size_t *ret_bytes) KALMAN_MUSTCHECK;

/* Restore over the same model with the same options (their hook is not used). Untrusted bytes are
 * safe: KALMAN_EFORMAT, KALMAN_EVERSION, KALMAN_EMISMATCH.
 */
KALMAN_API enum kalman_status
kalman_stream_load(void *memory, size_t memory_bytes, const struct kalman_model *model,
                   const struct kalman_options *options, const void *saved, size_t saved_bytes,
                   struct kalman_stream **ret_stream) KALMAN_MUSTCHECK;

#ifdef __cplusplus
}
#endif

#endif
