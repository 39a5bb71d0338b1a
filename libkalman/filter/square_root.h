/*
 * The square-root form that the fast filter is tested against: P = S S' is never formed, so it
 * cannot lose definiteness, and errors are relative to the standard deviations (Bierman 1977;
 * Kaminski, Bryson & Schmidt 1971). Private to libkalman.
 */
#ifndef KALMAN_SQUARE_ROOT_H
#define KALMAN_SQUARE_ROOT_H

#include "filter/state.h"
#include "numeric/cancel.h"

/* Lower triangular root (r x r) of a semidefinite Q by Cholesky; a pivot lost to rounding counts
 * as zero. */
void square_root_of(const double *Q, size_t r, double *root);

/* S (m x m) with S S' = B B' for B of m x k, m <= k <= 3 KALMAN_STATES_MAX. Spoils B.
 * cancel: NULL, or what asks whether to stop; S is worthless then. */
void square_root_compress(double *B, size_t m, size_t k, double *S, struct cancel_check *cancel);

/* S <- root of T S S' T' + R Q R'. root_Q: room for r x r; array: room for m x (m + r). */
void square_root_predict(const struct sparse *T, size_t r, const double *R, const double *Q,
                         double *S, double *root_Q, double *array);

/* S <- root of S (I - w w' / F) S', w = S'z, F = w'w + h: with the columns turned so that w lies in
 * the first, that one shrinks by sqrt(h / F). */
void square_root_update(double *S, size_t m, const double *w, double F, double h);

/* The diffuse update: S <- root of (I - K0 z') S S' (I - K0 z')' + h K0 K0'; w = S'z. array:
 * room for m x (m + 1). */
void square_root_diffuse(double *S, size_t m, const double *w, const double *K0, double h,
                         double *array);

#endif
