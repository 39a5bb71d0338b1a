/* What the two passes of the score share. Private to libkalman. */
#ifndef KALMAN_SCORE_PREPARE_H
#define KALMAN_SCORE_PREPARE_H

#include "score/score.h"

#include <stdbool.h>

enum step_kind { STEP_MISSING, STEP_DIFFUSE, STEP_ORDINARY, STEP_EXACT };

/* The non-zeros of a transition and of its noise. */
void score_load_transition(struct score *score, const double *transition, const double *noise);

/* T and R Q R' of the step from t to t + 1, where times are given. */
void score_load_step(struct score *score, size_t t);

/* The non-zeros of Z with room for the known inputs, and the inputs at t. */
void score_load_design(struct score *score);
void score_load_inputs(struct score *score, size_t t);

/* mean = T mean + c. */
void score_transport(struct score *score);

/* Where entry i, j of a symmetric matrix is, of which the lower triangle is kept: so are all
 * variances of a pass. */
static inline size_t score_lower(size_t m, size_t i, size_t j)
{
    return i > j ? i * m + j : j * m + i;
}

/* Counts so many steps; true when the caller wants the pass to stop. */
bool score_poll_cancel(const struct score *score, size_t steps);

#endif
