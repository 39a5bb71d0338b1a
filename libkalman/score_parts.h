/* What the two passes of the score share. Private to libkalman. */
#ifndef KALMAN_SCORE_PARTS_H
#define KALMAN_SCORE_PARTS_H

#include "score.h"

enum step_kind { STEP_MISSING, STEP_DIFFUSE, STEP_ORDINARY, STEP_EXACT };

/* The non-zeros of a matrix by rows; row_step and column_step are 1 and m to read its transpose. */
void score_load_sparse(struct kalman_sparse *sparse, size_t m, const double *matrix, size_t row_step,
                       size_t column_step);

/* T and R Q R' of the step from t to t + 1, where times are given. */
void score_load_step(struct kalman_score *score, size_t t);

/* The non-zeros of Z with room for the known inputs, and the inputs at t. */
void score_load_design(struct kalman_score *score);
void score_load_inputs(struct kalman_score *score, size_t t);

/* *matrix = T *matrix T' (+ noise), symmetric. */
void score_congruence(struct kalman_score *score, const struct kalman_sparse *T, double **matrix,
                      const double *noise);

/* vector = T vector (+ intercept). */
void score_transport(struct kalman_score *score, const struct kalman_sparse *T, const double *intercept,
                     double *vector);

/* Counts so many steps; true when the caller wants the pass to stop. */
bool score_stopped(const struct kalman_score *score, size_t steps);

#endif
