/* The way back of the general smoother, one time point at a time. Private to libkalman. */
#ifndef KALMAN_SMOOTH_GENERAL_H
#define KALMAN_SMOOTH_GENERAL_H

#include "filter_state.h"

#include <stddef.h>

/* r and N of DK 6.4.4 and 5.3: index 0 is the proper part, 1 and 2 exist while the start was diffuse. */
struct smooth_state {
    const struct kalman_model *model;
    int variances;        /* 0: only means are wanted */
    size_t unresolved;    /* columns of C: diffuse directions that no observation ever determined */
    double *r0, *r1;      /* m */
    double *N0, *N1, *N2; /* m x m */
    double *C;            /* d x d: unresolved directions in terms of A's columns at this time */
    double *x, *y, *K1;   /* scratch, m each */
    double *W, *W2;       /* scratch, m x m */
};

size_t smooth_doubles(const struct kalman_model *model);
void smooth_init(struct smooth_state *smooth, const struct kalman_model *model, int variances,
                 size_t unresolved, double *arrays);

/* Back over the elements of one time point: from after its update to before it. diffuse_after: columns of A after it. */
void smooth_observation(struct smooth_state *smooth, const struct filter_record *record,
                        size_t diffuse_after);

/* Back over a transition by T (sparse). */
void smooth_transition(struct smooth_state *smooth, const struct filter_sparse *T);

/* Mean (engine units) and variance of the state at the record's time, given all data. variance may be NULL. */
void smooth_moments(struct smooth_state *smooth, const struct filter_record *record, double *ret_mean,
                    double *ret_variance);

/* Is x'a determined by all data at the record's time? */
int smooth_determined(struct smooth_state *smooth, const struct filter_record *record, const double *x);

#endif
