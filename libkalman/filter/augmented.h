/*
 * The diffuse start as a regression: the augmented filter (de Jong 1991; DK 5.7). Private to
 * libkalman.
 *
 * The state is alpha_t = a_t + B_t delta + N(0, P_t), where P is that of the proper part alone. The
 * filter runs on the data and on each column of B with the same gains: what observation t says is
 * the row v = V delta + N(0, F). These rows are a least-squares problem for delta, kept triangular
 * as R delta = q. So no direction of the start is determined by the first values that touch it, and
 * then extrapolated: all values share in it. For harmonics of a period much longer than the data
 * that is the difference between an answer and none.
 *
 * B, R and q are numbers of twice the precision: five harmonics of 8,760 are columns that 70 values
 * tell apart in the 21st digit only. Gains and F are doubles: their rounding is that of a slightly
 * different noise, which moves no digit that matters.
 *
 *     log L = -1/2 (n log 2 pi + sum log F + log|R'R| + squares of what the rows leave of v)
 *
 * is the likelihood of the exact diffuse start (DK 7.2). Once delta is known about as well as one
 * observation, the start has settled: P + B (R'R)^-1 B' is an ordinary variance from there on.
 */
#ifndef KALMAN_FILTER_AUGMENTED_H
#define KALMAN_FILTER_AUGMENTED_H

#include "numeric/sparse.h"
#include "numeric/twofold.h"

#include <kalman/spec.h>
#include <stdbool.h>
#include <stddef.h>

struct augmented {
    size_t states, diffuse; /* m, d */
    size_t columns;         /* the elements of delta that are not eliminated: the first ones */
    /* m x (d + 1): what the filter makes of each column: -B for delta, and a in the last place */
    struct twofold *E;
    struct twofold *R; /* d x (d + 1): R, q in the last place; row k is in use where R_kk > 0 */
    double *size;      /* d: the sums of squares of all rows' elements */
    struct twofold *row, *work; /* d + 1: V, v of the current observation; scratch */
};

/* What an observation did. */
struct augmented_step {
    bool direction;  /* it determined a direction of delta, and has no innovation */
    double residual; /* else its innovation over its standard deviation */
    double growth;   /* what it multiplied |R'R| by: the innovation's variance is F times that */
};

/* Doubles of what is a state of the filter (E, R, size), and of scratch, which several may share:
 * NULL leaves it where it is. */
size_t augmented_kept_doubles(size_t states, size_t diffuse);
size_t augmented_scratch_doubles(size_t diffuse);
void augmented_carve(struct augmented *augmented, size_t states, size_t diffuse, double *kept,
                     double *scratch);

/* The start: A1 (m x d), and the mean of the proper part (m) in the unit of the data. */
void augmented_start(struct augmented *augmented, const double *A1, const double *mean);

/* row <- V, v of the observation y = z alpha + noise; z: m. */
void augmented_observe(struct augmented *augmented, const double *z, double y);

/* Take the current row in, of variance F > 0 and gain K = P z/F. */
struct augmented_step augmented_take(struct augmented *augmented, const double *K, double F);

/* Take in the current row, of variance zero: a combination of delta is known exactly, and leaves
 * delta. K0: how the state moves with the value; ret_square: V V'. False, with nothing changed,
 * where the row says nothing of delta. */
bool augmented_eliminate(struct augmented *augmented, double *ret_K0, double *ret_square);

/* E <- T E; c, in units that `unit` turns into those of the data, is added to the mean. */
void augmented_transition(struct augmented *augmented, const struct sparse *T, const double *c,
                          double unit);

/* Is all of delta determined? */
bool augmented_determined(const struct augmented *augmented);

/* c = R'^-1 x for a row x such as V, so that x delta^ = c'q, and its variance is c'c. False where
 * it is not determined. */
bool augmented_solve(struct augmented *augmented, const struct twofold *x, double *ret_c);

/* c of a row, and its error v - V delta^ for q + shift in place of q (shift may be NULL). False
 * where V delta is not determined. */
bool augmented_error(struct augmented *augmented, const struct twofold *row, const double *shift,
                     double *ret_c, double *ret_error);

/* The mean of z alpha and its c, from E (of any point) and q + shift. Overwrites row. False where
 * it is not determined. */
bool augmented_signal(struct augmented *augmented, const struct twofold *E, const double *z,
                      const double *shift, double *ret_c, double *ret_mean);

/* The same of each state: means (m), and their c as rows (m x d): a root of what delta adds to
 * their variance. */
bool augmented_states(struct augmented *augmented, const struct twofold *E, const double *shift,
                      double *ret_mean, double *ret_root);

/* Is it worth asking whether the start has settled? count: time points seen. */
bool augmented_due(const struct augmented *augmented, size_t count);

/* Has it? What delta adds to each state's variance, whose root is given, is of the size of F. */
bool augmented_settled(const struct augmented *augmented, const double *root, double F);

#endif
