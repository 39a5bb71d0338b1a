/*
 * A fit as a function of a few coordinates. Private to libkalman.
 *
 * What is NaN in a spec becomes a coordinate x in a closed box on which the likelihood is smooth:
 *     variance       log of it (of the whole cycle's, for a cycle: damping -> 1 then has a
 *       limit); -INFINITY is the variance zero, a point of the domain like any other
 *     interval       itself, or its share of what another parameter leaves it (exponential
 *       smoothing)
 *     period         log of it
 *     AR, MA arrays  partial autocorrelations (lag_from_partial), so that the box is the
 *       whole valid region, and of each its inverse hyperbolic tangent: beside a unit root the
 *       likelihood has its summit in a layer that may be 1e-6 thin
 * When every variance of the model is free, only their ratios are coordinates that matter: the
 * common scale is concentrated out in closed form (DK 2.10.2), and one variance is held while the
 * others move.
 *
 * The series is centred and divided by a power of two first, so that nothing below meets a unit.
 */
#ifndef KALMAN_FIT_PROBLEM_H
#define KALMAN_FIT_PROBLEM_H

#include "fit/innovations.h"
#include "numeric/cancel.h"
#include "score/differenced.h"
#include "score/score.h"

#include <kalman/fit.h>
#include <stdbool.h>
#include <stddef.h>

enum fit_coordinate_kind {
    FIT_VARIANCE,
    FIT_LINEAR,
    FIT_LOGARITHM,
    /* x to the power 1 / pace: what is left after one average step, while the parameter is per
     * unit */
    FIT_POWER,
    FIT_PARTIAL,
    FIT_SHARE_OF,     /* x times parameter limit_at */
    FIT_SHARE_OF_REST /* x times (1 - parameter limit_at) */
};

struct fit_coordinate {
    enum fit_coordinate_kind kind;
    enum parameter_id id; /* of the parameter that it is an element of */
    size_t at, limit_at;  /* indices into spec.parameters */
    double lower, upper;  /* closed bounds of x */
};

/* An array of which every element is a FIT_PARTIAL coordinate. */
struct fit_array {
    size_t at, count;
    double sign; /* +1: 1 - x1 B - ..; -1: 1 + x1 B + .. */
};

struct fit_problem {
    /* fixed variances in units of the scaled series; variance_exponent 0 */
    struct kalman_spec spec;
    struct spec_layout layout; /* of spec, and of every spec that x stands for */
    struct fit_coordinate coordinates[KALMAN_PARAMETERS_MAX];
    size_t count;
    struct fit_array arrays[4];
    size_t array_count;
    /* the coordinate of cycle_variance is the log of cycle_variance / (1 - damping^2) */
    bool stationary_cycle;
    size_t cycle_at;  /* its index in spec.parameters */
    bool concentrate; /* every variance is free */
    size_t scale_at;  /* the coordinate that is nothing but the concentrated scale, or SIZE_MAX */
    bool has_score;   /* fit_has_score() */
    bool marginal;    /* a coordinate moves the diffuse part: see assemble() */

    struct kalman_series series; /* scaled, in the workspace */
    int data_exponent;           /* scaled = (value - centre) * 2^-data_exponent */
    double span;                 /* last time - first time */
    double pace;                 /* average step, 1 without times */
    int time_exponent; /* times are divided by 2^time_exponent in continuous-time models, else 0 */
    double start_log;  /* what scaling inputs and times took from the diffuse likelihood */

    struct innovations innovations; /* width 0: the likelihood is that of the score */
    struct differenced differenced; /* where usable, it is by differences */
    struct score score;
    struct kalman_model *model; /* of the last evaluation */
    void *model_memory;
    size_t model_bytes;
    double *disturbance_quadratic, *disturbance_trace;
    /* V times the trace in dL/dV = 1/2 (quadratic - trace), closed form only */
    double trace[KALMAN_PARAMETERS_MAX];

    struct score_result last; /* sums of the last evaluation */
    double information;       /* and its log|X'X|, where marginal */
    double scale;             /* concentrated scale of the last evaluation, else 1 */
    size_t evaluations, evaluations_max;
    struct cancel_check cancel;
    /* a status other than "no likelihood here", such as KALMAN_ENOMEM; else KALMAN_OK */
    enum kalman_status failure;
};

/* The partial autocorrelation that the coordinate of one stands for: one at the end of the box, a
 * little less for an AR part, which has no variance to start from there. And reversed. */
double fit_partial(double x);
double fit_partial_coordinate(double partial);

/* Has the score of a kind a closed form? timed: the series has times. */
bool fit_has_score(enum kalman_kind kind, bool timed);

/* Workspace for fit_problem_prepare. */
enum kalman_status fit_problem_bytes(const struct kalman_spec *spec,
                                     const struct spec_layout *layout, size_t count,
                                     size_t *ret_bytes) KALMAN_MUSTCHECK;

/* Scales the series, lists the coordinates, lays out the workspace. The series has been checked. */
enum kalman_status fit_problem_prepare(struct fit_problem *problem, const struct kalman_spec *spec,
                                       const struct spec_layout *layout,
                                       const struct kalman_series *series,
                                       const struct kalman_fit_options *options, void *workspace,
                                       size_t workspace_bytes);

/* A spec with something valid in place of every NaN: for sizes, and when the data cannot say. */
void fit_defaults(const struct spec_layout *layout, const struct kalman_spec *spec,
                  struct kalman_spec *ret_spec);

/* The model of a complete scaled spec, and its likelihood into problem->last; what
 * problem->differenced says is checked by it. KALMAN_ECANCELLED, or the status of model_init(). */
enum kalman_status fit_problem_evaluate(struct fit_problem *problem,
                                        const struct kalman_spec *spec) KALMAN_MUSTCHECK;

/* Writes the parameters that x stands for, variances multiplied by scale. */
void fit_decode(const struct fit_problem *problem, const double *x, double scale,
                struct kalman_spec *ret_spec);

/* The x of a complete spec in the units of the scaled series: fit_decode() reversed. A polynomial
 * with a root on the circle is moved 1e-7 inside. */
void fit_encode(const struct fit_problem *problem, const struct kalman_spec *scaled, double *ret_x);

/* Log-likelihood of the scaled series (concentrated or not); -INFINITY where there is none. */
double fit_value(struct fit_problem *problem, const double *x);

/*
 * Value and gradient; ret_gradient[i] is 0 for variances at zero. `step` is that of finite
 * differences where the score has no closed form: two points each way when `fine`, else one.
 */
double fit_gradient(struct fit_problem *problem, const double *x, double step, bool fine,
                    double *ret_gradient);

/* Is that the score's closed form? Where the differences tell the likelihood, slopes by differences
 * of it cost less than a pass backwards. */
static inline bool fit_is_analytic(const struct fit_problem *problem)
{
    return problem->has_score && !problem->differenced.usable;
}

/* The step of a difference at x of coordinate i: shorter near the end of a box, beside which the
 * likelihood of a share changes with the share's logarithm. */
double fit_step(const struct fit_problem *problem, size_t i, double x, double step);

/* A variance of the scaled problem times 2^this is the caller's. */
int fit_variance_exponent(const struct fit_problem *problem, enum parameter_id id);

/* Asks the caller's hook. False: cancelled, failed or out of evaluations. */
bool fit_check_limits(struct fit_problem *problem);

#endif
