/*
 * The backward pass of the general smoother, one time point at a time. Private to libkalman.
 *
 * Two forms. Where the filter ran in covariance form: r and N of the univariate treatment (DK
 * 6.4.4), taken after the observations of the point, with its filtered moments (the same numbers as
 * from predicted ones, DK 4.4),
 *     alpha^ = a + P r,  V = P - P N P.
 * A predicted P may be 10^5 times V only because the point's own observation was not in it; a
 * filtered one is of its size. Where it ran in square-root form (the diffuse start, the reference
 * engine) that difference would lose everything: P may be 10^10 times V. There each step conditions
 * the pair (alpha_t, eta_t) on alpha_{t+1} = T alpha_t + c + R eta_t, taken as m exact observations
 * of the filtered state:
 *     x | alpha_{t+1} ~ N(g + G alpha_{t+1}, B B'),   so   x^ = g + G alpha^_{t+1},   Var = B B'
 *       + G V_{t+1} G',
 * sums of squares only, and V_{t+1} goes back as a root: G may be the inverse of a nearly singular
 * T, which magnifies what is lost of a small direction of V by its square. It is the fixed-interval
 * smoother of Rauch, Tung & Striebel (1965) in square-root form, and the diffuse start needs
 * nothing of its own: a diffuse direction is determined by alpha_{t+1} like any other.
 */
#ifndef KALMAN_SMOOTH_STATE_H
#define KALMAN_SMOOTH_STATE_H

#include "filter/state.h"
#include "numeric/cancel.h"

#include <stdbool.h>
#include <stddef.h>

struct smooth_state {
    const struct kalman_model *model;
    bool root; /* which form the current point uses; once set (going back) it stays */
    bool full; /* V is wanted entire at the current point; else smooth_signal_variance() serves */
    /* asked within a long step; what it leaves is worthless once cancel->cancelled */
    struct cancel_check *cancel;
    bool
        variances; /* false: only means are wanted, and only the covariance form is in use so far */
    /* The current point. */
    double *mean, *V; /* m, m x m: engine units, less the centre */
    double *U; /* m x unresolved: directions of the state that no observation ever determined */
    size_t unresolved; /* at most d */
    /* The transition out of the current point: smoothed disturbances, and their variances. */
    double *eta, *eta_variance, *eta_spread; /* r each; spread = Var(E(eta | all)) */
    /* Covariance form. */
    double *r, *N; /* m, m x m */
    double *x, *W; /* scratch: m, m x m */
    /* A start by regression (smooth/augmented.h): whether the current point is in it, and whether
     * the data never determined all of it; R and q; m x d twice, d x d, and d. */
    bool in_start, start_open;
    struct augmented start;
    double *root_of_start, *cross, *spread_of_start, *shift;
    double *c, *weighted, *along, *image_of_row; /* scratch: d, d, m, m */
    /* Square-root form, M = m + r: scratch. */
    /* M x M, M x m, M, M x d, m x d, M, M, M, M */
    double *B, *G, *g, *A, *U_next, *row, *w, *K, *image;
    double *S;      /* m x m: V = S S' at the current point */
    double *spread; /* m x (M + m): S before it is square */
};

#endif
