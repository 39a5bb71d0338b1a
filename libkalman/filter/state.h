/*
 * The filter for any model: univariate treatment of the observations (DK 6.4) with an exact diffuse
 * start. The same functions serve kalman_run, streams and the smoother's second pass, so they agree
 * bit for bit. Private to libkalman.
 *
 * The diffuse part of the state's variance is kept as a factor, P_inf = A A', A of m x d. An
 * observation with w = A'z != 0 determines one direction: A is turned by a Householder reflection
 * so that the direction is one column, and the column is dropped. Rank falls by exactly one each
 * time; nothing is subtracted and compared with zero, so the diffuse phase ends.
 */
#ifndef KALMAN_FILTER_STATE_H
#define KALMAN_FILTER_STATE_H

#include "filter/augmented.h"
#include "filter/likelihood_sum.h"
#include "filter/units.h"
#include "numeric/cancel.h"
#include "numeric/sparse.h"

#include <kalman/model.h>
#include <kalman/run.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The matrices of one time point: pointers into the model, the caller's custom system, or the
 * scratch below. */
struct filter_matrices {
    const double *Z, *H, *d; /* of the observation at t */
    const double *T, *V, *c; /* of the transition t-1 -> t; V = R Q R' */
    const double *R, *Q;     /* the same transition's */
    const double *root_Q;    /* Q = root_Q root_Q'; made by filter_root_of_noise() */
};

enum filter_kind {
    FILTER_MISSING = 0,
    FILTER_ORDINARY,     /* F > 0, diffuse part not touched */
    FILTER_DIFFUSE,      /* determined one diffuse direction */
    FILTER_UNINFORMATIVE /* F = 0: the value was known already */
};

struct filter_state {
    const struct kalman_model *model;
    struct units units;
    double robust_threshold; /* 0: off */
    bool reference;          /* square-root form at every step */
    bool invariant;          /* the same matrices at every step of the same length */

    /* What a saved state holds, besides the kept arrays. */
    double centre;    /* of the observations: first value seen, for models that allow it; else 0 */
    double steady_dt; /* gap of the steps in the steady run */
    uint64_t count;   /* time points seen */
    uint64_t steady_at; /* or UINT64_MAX */
    uint32_t diffuse_left;
    /* P holds a square root S, P = S S': through the diffuse start and until it has settled,
     * while some directions are known far worse than others and P itself would lose the better
     * ones */
    bool root;
    /* complete observations still to be taken in that form after the diffuse start */
    uint32_t root_left;
    /* a start by regression (filter/augmented.h): until it has settled, P is the variance given
     * delta, and a is not in use; A never is, and diffuse_left is 0 */
    bool augmented;
    struct augmented start;
    /* comparable: P_before is the predicted P of a last step observed in full */
    bool started, steady, comparable;
    struct likelihood_sum sum;

    /* The kept arrays, one block. */
    double *kept;
    size_t kept_count;
    /* m: between predict and update predicted, else filtered; engine units, less the centre */
    double *a;
    double *P_own;    /* m x m: storage of P, or S; while steady the filtered one */
    double *A;        /* m x d, leading dimension d, the first diffuse_left columns in use */
    double *P_before; /* m x m: predicted P of the last step; while steady, of every step */
    double *gain;     /* p x m: while steady, M/F of each element */
    double *F_steady; /* p */

    double *P; /* the current one: P_own, or P_before between predict and update in a steady run */

    /* Scratch, and what can be computed again. */
    struct filter_matrices now;
    struct sparse T;
    uint32_t *noisy; /* the rows of V that are not zero */
    size_t noisy_count;
    double T_dt; /* gap that T and V are for; NaN: none yet */
    double *T_scratch, *Q_scratch, *V_scratch, *H_scratch, *c_scratch;
    double *W, *W2;     /* m x m; W2 has m more columns for the square root's arrays */
    double *y, *h, *L;  /* p, p, p x p: observations decorrelated (H = L D L'), their variances D */
    double *z;          /* p x m: rows of Z, with known inputs, decorrelated likewise */
    uint32_t *z_column; /* p x m: where z is not zero */
    uint32_t *z_count;  /* p */
    double *M, *K0, *w; /* m, m, d of the current element */
    double *start_root; /* m x d, with a start by regression */
    bool z_ready;       /* z, h and their index are those of this step */
};

/* What one element of one observation did. */
struct filter_element {
    enum filter_kind kind;
    double v; /* innovation; NaN when missing or diffuse */
    /* y - z a: equals v where that is a number, and the error of a diffuse element too */
    double error;
    double F;          /* its variance; +inf when diffuse */
    double F_finite;   /* z P z' + h, inflated by 1/weight where a robust bound was passed */
    double F_infinite; /* w'w of a diffuse element, else 0 */
    double weight;     /* 1, or less */
};

/* One time point for the smoother: everything that it needs of the forward pass. A lean record
 * (smooth/signal.h), of a single observation, has no moments: along is not NULL then, and a, P, A,
 * z are. */
struct filter_record {
    bool root; /* the filter was in square-root form here: P is a root */
    /* the start was a regression here: P is the variance given delta, E the regression's m x
     * (d + 1), row the d + 1 numbers of the observation; a and A are not in use */
    bool augmented;
    struct twofold *E, *row;
    /* filtered moments: what the data after this point still improve is all that V is short of P */
    double *a, *P, *A;
    size_t diffuse_left;             /* columns of A */
    struct filter_element *elements; /* p */
    /* p x m: M/F of each ordinary element, its row of Z; lean: K0 of a diffuse one, M of one
     * missing */
    double *K, *z;
    double *along; /* NULL, or m: K1 of a diffuse element, A w of a missing one, else zero */
    double signal; /* lean: z a as predicted */
};

/* Bytes of the arrays behind a filter_state, and the state over them. */
size_t filter_bytes(const struct kalman_model *model);
void filter_init(struct filter_state *filter, const struct kalman_model *model,
                 const struct kalman_options *options, void *arrays);

/* Move to the next time point, dt after the last (1 when there are no times); the first call only
 * sets up the first state. inputs: the row of known inputs at the new point. Leaves predicted
 * moments in a, P, A. KALMAN_EPARAMETER: a custom matrix of this step is not finite. */
enum kalman_status filter_predict(struct filter_state *filter, double dt,
                                  const double *inputs) KALMAN_MUSTCHECK;

/* The matrices of the observation at time point t, without moving any moments. */
enum kalman_status filter_observation_at(struct filter_state *filter, uint64_t t,
                                         const double *inputs) KALMAN_MUSTCHECK;

/* The transition out of time point t alone, dt long. */
enum kalman_status filter_transition_at(struct filter_state *filter, uint64_t t,
                                        double dt) KALMAN_MUSTCHECK;

/* Fill now.root_Q for the transition in now. */
void filter_root_of_noise(struct filter_state *filter);

/* The row of Z that gives element i of the signal at the current point, known inputs included. */
const double *filter_signal_row(const struct filter_state *filter, size_t i);

/* Take in p values (NaN = missing). elements: p results. record: NULL, or where the smoother's copy
 * goes. KALMAN_EMODEL, KALMAN_ERANGE as in run.h. */
enum kalman_status filter_update(struct filter_state *filter, const double *values,
                                 struct filter_element *elements,
                                 struct filter_record *record) KALMAN_MUSTCHECK;

/* The dense variance of the state, from P or S: m x m. */
void filter_variance(const struct filter_state *filter, double *ret_P);

/* Moments of element i of the signal in the caller's units: NaN and +inf while undetermined. */
void filter_signal(const struct filter_state *filter, size_t i, double *ret_mean,
                   double *ret_variance);

/* Moments of the state in the caller's units; either may be NULL. */
void filter_state_moments(const struct filter_state *filter, double *ret_mean,
                          double *ret_variance);

void filter_summary(const struct filter_state *filter, struct kalman_summary *ret_summary);

/* About the multiplications of one step of the filter, or of the smoother behind it. */
size_t filter_step_work(const struct filter_state *filter);

/* Forecast; changes the filter, so pass a copy. cancel: NULL, or what asks whether to stop. */
enum kalman_status filter_forecast(struct filter_state *filter, double last_time,
                                   struct kalman_forecast *forecast,
                                   struct cancel_check *cancel) KALMAN_MUSTCHECK;

/* Copy one filter's moving parts into another over the same model. */
void filter_copy(struct filter_state *to, const struct filter_state *from);

/* A state that only holds kept arrays (filter_kept_bytes() at kept), to be copied to and from
 * with filter_copy. */
size_t filter_kept_bytes(const struct kalman_model *model);
void filter_checkpoint_init(struct filter_state *checkpoint, const struct filter_state *filter,
                            double *kept);

/* Standardised innovation of an element of the current step; NaN where there is none. */
double filter_standardised(const struct filter_state *filter, const struct filter_element *element);

/* Turn A (rows x left, P_inf = A A') so that the direction w = A'z, w'w = square, is one column,
 * and drop that column. */
void filter_drop_direction(double *A, size_t rows, size_t leading, size_t left, const double *w,
                           double square);

/* Is the row x (length m) determined, given the diffuse factor A? Relative: rounding is not
 * information. */
bool filter_determined(const double *A, size_t leading, size_t columns, size_t m, const double *x);

#endif
