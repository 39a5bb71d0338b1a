/*
 * The way back of the general smoother, one time point at a time. Private to libkalman.
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
#ifndef KALMAN_SMOOTH_GENERAL_H
#define KALMAN_SMOOTH_GENERAL_H

#include "filter/state.h"
#include "numeric/meter.h"

#include <stddef.h>

struct smooth_state {
    const struct kalman_model *model;
    int root; /* which form the point in hand uses; once set (going back) it stays */
    int full; /* V is wanted entire at the point in hand; else smooth_signal_variance() serves */
    /* asked within a long step; what it leaves is worthless once meter->cancelled */
    struct meter *meter;
    int variances; /* 0: only means are wanted, and only the covariance form is in use so far */
    /* The point in hand. */
    double *mean, *V; /* m, m x m: engine units, less the centre */
    double *U; /* m x unresolved: directions of the state that no observation ever determined */
    size_t unresolved; /* at most d */
    /* The transition out of the point in hand: smoothed disturbances, and their variances. */
    double *eta, *eta_variance, *eta_spread; /* r each; spread = Var(E(eta | all)) */
    /* Covariance form. */
    double *r, *N; /* m, m x m */
    double *x, *W; /* scratch: m, m x m */
    /* Square-root form, M = m + r: scratch. */
    /* M x M, M x m, M, M x d, m x d, M, M, M, M */
    double *B, *G, *g, *A, *U_next, *row, *w, *K, *image;
    double *S;      /* m x m: V = S S' at the point in hand */
    double *spread; /* m x (M + m): S before it is square */
};

size_t smooth_doubles(const struct kalman_model *model);
void smooth_init(struct smooth_state *smooth, const struct kalman_model *model, int variances,
                 double *arrays);

/* Start at the last point: its own filtered moments are the smoothed ones. Q: r x r, of the
 * transition after it. */
void smooth_last(struct smooth_state *smooth, const struct filter_record *record, const double *Q);

/* From t+1 to t. now, T: the matrices of the transition t -> t+1; record: of t. c is in the
 * caller's units. */
void smooth_step(struct smooth_state *smooth, const struct filter_record *record,
                 const struct filter_matrices *now, const struct sparse *T, double mean_in);

/* Take r and N back over the observations of the point in hand, whose record this is: last, when
 * its moments have been used. */
void smooth_observation(struct smooth_state *smooth, const struct filter_record *record);

/* x'V x at the point in hand, whose record this is. */
double smooth_signal_variance(struct smooth_state *smooth, const struct filter_record *record,
                              const double *x);

/* Is x'alpha determined by all the data at the point in hand? */
int smooth_determined(const struct smooth_state *smooth, const double *x);

/* The two forms of smooth_step, and of the end. */
void smooth_covariance_step(struct smooth_state *smooth, const struct filter_record *record,
                            const struct filter_matrices *now, const struct sparse *T);
void smooth_root_step(struct smooth_state *smooth, const struct filter_record *record,
                      const struct filter_matrices *now, double mean_in);

#endif
