/*
 * The fit's kernel: diffuse log-likelihood of a univariate model and its derivative by each
 * disturbance variance, in one forward and one backward pass (Koopman and Shephard 1992; DK 7.3.3,
 * with the exact diffuse
 * start of DK 5.2 and 6.4): dlogL/dH = 1/2 sum (u_t^2 - D_t),     dlogL/dQ_ii = 1/2 sum (r_t'
 * R)_i^2 - (R' N_t R)_ii. In the diffuse phase only r^(0) and N^(0) enter these, so the recursions
 * for r^(1), N^(1), N^(2) are not needed.
 *
 * It is separate from the filter that users run because a fit wants other things: sparse
 * transitions, no outputs, sums kept apart so that a common scale can be concentrated out. The two
 * are tested against each other.
 */
#ifndef KALMAN_SCORE_H
#define KALMAN_SCORE_H

#include "filter/augmented.h"
#include "model/system.h"
#include "numeric/cancel.h"
#include "numeric/sparse.h"

#include <kalman/run.h>
#include <stdbool.h>
#include <stddef.h>

/* A non-zero of a matrix row. */
struct score_entry {
    unsigned column;
    double value;
};

struct score {
    const struct kalman_model *model; /* univariate; set it, of the same sizes, before every pass */
    const double *values;             /* n, NaN = missing */
    const double *times;              /* n, or NULL: one unit apart */
    const double *inputs;             /* n x input_count, or NULL */
    size_t count, states, disturbances, diffuse_states, input_count;
    double unit; /* what observations are multiplied by to be in the model's units */
    /* Carved from the workspace by score_prepare. */
    double *mean, *variance, *diffuse, *gain, *diffuse_gain, *product, *spare, *variance_before,
        *backward_mean, *backward_variance, *update_root;
    double *step_transition, *step_noise, *step_q;
    double *step_v, *step_f, *step_gain;
    /* gains are kept for every step only where the pass backwards will want them */
    size_t gain_step;
    const double *noise; /* R Q R' of this step */
    uint32_t *noisy;     /* its rows that are not zero */
    size_t noisy_count;
    unsigned char *step_kind;
    struct sparse T;
    struct score_entry *design;
    unsigned design_count;
    double steady_log; /* log of the innovation variance of a steady run */
    /* variance_before is the predicted variance one step earlier, and that was an ordinary step */
    bool comparable;
    bool before_kept; /* variance_before is that of one step earlier */
    /* the variance still has to lose update_root update_root', by the last observation */
    bool pending;
    /* set by the owner of many passes: Z, T and A1 are the same in all, and the gains are kept */
    bool same_start;
    bool start_known; /* so the diffuse steps and their gains are those of the pass before */
    bool steady;      /* from here on gain and innovation variance stay what they are */
    /* NULL: cannot be cancelled. Else what a pass leaves is worthless once cancel->cancelled */
    struct cancel_check *cancel;
    size_t rank; /* columns of the diffuse factor not yet used up */
    /* A start by regression (filter/augmented.h): its place, whether the pass is in it still, and
     * how many time points were. rank is 0 then. */
    struct augmented start;
    bool augmented;
    size_t augmented_until;
    double *dense_design, *solved;  /* m, d: scratch */
    double *settled_root;           /* m x d: what delta added to the variance where it settled */
    struct twofold *step_row;       /* n x (d + 1), for a gradient: V and v of each point, */
    double *step_noise_f;           /* n: and their F; 0 where a row was eliminated */
    double *cross, *spread, *shift; /* m x d, d x d, d: of the pass backwards */
};

/* The likelihood as sums: logL = -1/2 (observed log 2 pi + log_determinant + quadratic), in
 * units of the observations. */
struct score_result {
    double log_determinant;
    double quadratic; /* sum v^2/F outside the diffuse phase */
    /* numbers observed, and those of them that the diffuse start consumed */
    size_t observed, diffuse;
    bool determined; /* the diffuse phase ended */
    bool possible;   /* false: an observation with F = 0 was missed, the likelihood is zero */
    double observation_quadratic; /* sum u^2 */
    double observation_trace;     /* sum D */
};

/* Bytes for models of these sizes and a series of count time points; gradient:
 * score_gradient will be called; augmented: the diffuse elements where the model has a collinear
 * start, else 0. */
size_t score_bytes(size_t states, size_t disturbances, size_t augmented, size_t count,
                   bool gradient);

/* Binds a series to its workspace (aligned as double). The series is borrowed. */
void score_prepare(struct score *score, const struct kalman_model *model,
                   const struct kalman_series *series, bool gradient, void *workspace);

/* Forward pass only. */
void score_likelihood(struct score *score, struct score_result *ret_result);

/*
 * Forward and backward, for models with diagonal Q and no times. ret_quadratic and ret_trace, one
 * per disturbance: the two sums of dlogL/dQ_ii, in the model's units: dlogL/dQ_ii = 1/2 (quadratic
 * - trace).
 */
void score_gradient(struct score *score, struct score_result *ret_result, double *ret_quadratic,
                    double *ret_trace);

/* log|X'X|, X the observed values' dependence on the diffuse elements (n x d); NaN where they do
 * not determine them. Between passes; it overwrites what a pass has left. */
double score_information(struct score *score);

/* After a pass: how many values were observed up to the end of the diffuse phase. */
size_t score_consumed(const struct score *score);

/* After a pass: log density of the observed values after the first `burn` of them, given those;
 * burn is at least score_consumed(). Exact observations (F = 0) have no density and are left
 * out of the sum and of ret_counted. */
double score_after(const struct score *score, size_t burn, size_t *ret_counted);

/* After a pass: the autocorrelation of the standardised innovations at a lag, over the pairs that
 * there are; NaN without one. */
double score_autocorrelation(const struct score *score, size_t lag, size_t *ret_pairs);

#endif
