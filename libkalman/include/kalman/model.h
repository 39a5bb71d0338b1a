/*
 * An immutable model, ready to run: built once, then read by any number of threads, and by
 * processes forked later.
 *
 * Memory is the caller's: ask kalman_model_bytes(), provide that many bytes aligned to KALMAN_ALIGN
 * (aligned_alloc), and discard it freely when no stream uses the model any more.
 * kalman_model_new()/_free() do that on the heap.
 */
#ifndef KALMAN_MODEL_H
#define KALMAN_MODEL_H

#include <kalman/spec.h>
#include <kalman/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kalman_model;

/* Bytes that kalman_model_init() needs for this spec. Errors as kalman_spec_check(). */
KALMAN_API enum kalman_status kalman_model_bytes(const struct kalman_spec *spec,
                                                 size_t *ret_bytes) KALMAN_MUSTCHECK;

/* Build a model from a complete spec in caller's memory. *ret_model points into memory. */
KALMAN_API enum kalman_status kalman_model_init(void *memory, size_t memory_bytes,
                                                const struct kalman_spec *spec,
                                                struct kalman_model **ret_model) KALMAN_MUSTCHECK;

/* The same on the heap. */
KALMAN_API enum kalman_status kalman_model_new(const struct kalman_spec *spec,
                                               struct kalman_model **ret_model) KALMAN_MUSTCHECK;
KALMAN_API void kalman_model_free(struct kalman_model *model); /* NULL is allowed */

KALMAN_API const struct kalman_spec *kalman_model_spec(const struct kalman_model *model);
/* m, coefficients of inputs included */
KALMAN_API size_t kalman_model_states(const struct kalman_model *model);
KALMAN_API size_t kalman_model_observed(const struct kalman_model *model);     /* p */
KALMAN_API size_t kalman_model_disturbances(const struct kalman_model *model); /* r */
/* d: diffuse elements of the first state */
KALMAN_API size_t kalman_model_diffuse(const struct kalman_model *model);

/* Name of state i: "level", "slope", "seasonal_1", "cycle", "input_1", "state_1" ... written to
 * buffer, always terminated, cut to fit. Returns buffer. */
KALMAN_API const char *kalman_model_state_name(const struct kalman_model *model, size_t state,
                                               char *buffer, size_t buffer_bytes);

#ifdef __cplusplus
}
#endif

#endif
