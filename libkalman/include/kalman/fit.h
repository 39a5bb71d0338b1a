/*
 * Maximum-likelihood fits: the parameters that are NaN in a spec are estimated, the others stay as
 * given.
 *
 * Local level: the concentrated diffuse likelihood in q = level_variance / observation_variance
 * over the closed interval [0, inf]: grid, Brent, then a polish on the analytic score; both ends
 * are evaluated. No start values.
 *
 * Other kinds: the common scale concentrated out, several fixed starts, NLopt's SLSQP, Newton to
 * the top (of the best summits, for polynomials of two and more and for dampings), variances tried
 * at zero; gradients by the score where it has a closed form, else by differences. Where a free
 * parameter moves the diffuse part (a damped slope, the period of a cycle without damping) it is
 * the marginal likelihood that is maximised, and the diffuse one that is reported.
 *
 * KALMAN_AUTO: candidates compared by AICc on the density of the same values given the same first
 * ones, for diffuse likelihoods of models with different diffuse parts are densities of different
 * things. spec is the winner, reason and candidates[] say why. With options.logarithms the scale
 * is chosen as well: for KALMAN_AUTO by the changes over a season, or a step, before the candidates
 * are fitted; for any other kind by fits to both, as two candidates. Log densities of logarithms
 * are compared as those of the data, less the sum of the logarithms.
 *
 * All of it is deterministic: the same data give the same fit, to the bit. So do data times a power
 * of two, variances scaled alike.
 *
 * Workspace from the caller; NLopt allocates on its own heap. Any thread may call with its own
 * workspace.
 */
#ifndef KALMAN_FIT_H
#define KALMAN_FIT_H

#include <kalman/run.h>
#include <kalman/spec.h>
#include <kalman/status.h>
#include <kalman/transform.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(enumerator, wire name, sentence) */
#define KALMAN_FIT_STATUS_MAP(X)                                                                   \
    X(KALMAN_FIT_FIXED, "fixed", "every parameter was given; nothing was fitted")                  \
    X(KALMAN_FIT_INTERIOR, "interior", "maximum inside the parameter space")                       \
    X(KALMAN_FIT_BOUNDARY_LOW, "boundary_low",                                                     \
      "maximum on the edge: a component has no variance, or a coefficient is at its limit")        \
    X(KALMAN_FIT_BOUNDARY_HIGH, "boundary_high",                                                   \
      "maximum at the upper bound: the data look free of noise")                                   \
    X(KALMAN_FIT_DEGENERATE_CONSTANT, "degenerate_constant",                                       \
      "the data fit without error: variances are zero, or of the size of rounding")                \
    X(KALMAN_FIT_UNIDENTIFIED_DEFAULT, "unidentified_default",                                     \
      "too few observations to estimate; defaults used")                                           \
    X(KALMAN_FIT_NOT_CONVERGED, "not_converged",                                                   \
      "the optimiser stopped before convergence; the best point is used")

enum kalman_fit_status {
#define KALMAN_FIT_STATUS_ENUM(name, wire, text) name,
    KALMAN_FIT_STATUS_MAP(KALMAN_FIT_STATUS_ENUM)
#undef KALMAN_FIT_STATUS_ENUM
        KALMAN_FIT_STATUS_COUNT
};

enum { KALMAN_CANDIDATES_MAX = 24 };

struct kalman_candidate {
    struct kalman_spec spec;           /* fitted */
    struct kalman_transform transform; /* to what */
    /* natural log density of the values after those that any diffuse start consumes: of the models
     * without a season, or of all; +inf where the data fit without error */
    double loglikelihood;
    /* of that, counting fitted parameters; comparable: with a season, that of the best model
     * without, plus the difference of both on the same values. -inf without error */
    double aicc;
    enum kalman_fit_status status;
};

/* Zero-initialised means defaults. */
struct kalman_fit_options {
    struct kalman_hook hook;
    size_t evaluations_max; /* of the likelihood; 0: the default of the kind */
    size_t starts;          /* starting points; 0: the default of the kind */
    /* NULL, or room for series.count values: the logarithms of the data are taken there, if all are
     * positive, and the scale is chosen too. If kalman_fit.transform says KALMAN_TRANSFORM_LOG, the
     * spec is a model of these values, in that transform's unit. */
    double *logarithms;
};

struct kalman_fit {
    struct kalman_spec spec;           /* complete: build a model of it */
    struct kalman_transform transform; /* of the values that it is a model of */
    enum kalman_fit_status status;
    double loglikelihood; /* as in kalman_summary, of the transformed values */
    double loglikelihood_marginal;
    /* aic = -2 log L + 2 k, bic = -2 log L + k log n, aicc = aic + 2 k (k + 1)/(n - k - 1) (Hurvich
     * and Tsai 1989; DK 7.4), k = fitted parameters + diffuse elements, n = observed values */
    double aicc, aic, bic;
    size_t parameter_count; /* fitted ones */
    size_t observation_count, diffuse_count;
    size_t evaluations;     /* of the likelihood, in all fits of a choice */
    double signal_to_noise; /* local level: q, +inf at boundary_high; NaN for other kinds */
    size_t bad_index;       /* as in kalman_summary */
    const char *reason;     /* of a choice: one static English sentence, else NULL */
    size_t candidate_count; /* of a choice, else 0: written to the caller's candidates array */
};

/* Workspace of kalman_fit() for a series of count time points. */
KALMAN_API enum kalman_status kalman_fit_bytes(const struct kalman_spec *spec, size_t count,
                                               size_t *ret_bytes) KALMAN_MUSTCHECK;

/* Fit. options may be NULL. candidates (room for KALMAN_CANDIDATES_MAX, may be NULL) is filled,
 * best first, where there is a choice: KALMAN_AUTO, options.logarithms. count 0 is
 * KALMAN_ETOOSHORT. Custom models have nothing to fit: KALMAN_EUNSUPPORTED. */
KALMAN_API enum kalman_status
kalman_fit(const struct kalman_spec *spec, const struct kalman_series *series,
           const struct kalman_fit_options *options, void *workspace, size_t workspace_bytes,
           struct kalman_candidate *candidates, struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/*
 * About how many multiplications a fit takes, from the sizes of the model and the series alone: an
 * ordinary processor core does 2.5e9 of them in a second. Fits of one kind differ by a factor of
 * five either way; a robust fit repeats them a few times. 0 where there is nothing to fit.
 */
KALMAN_API enum kalman_status kalman_fit_work(const struct kalman_spec *spec,
                                              const struct kalman_series *series,
                                              double *ret_work) KALMAN_MUSTCHECK;

/* Workspace of kalman_fit_robust(). */
KALMAN_API enum kalman_status kalman_fit_robust_bytes(const struct kalman_spec *spec, size_t count,
                                                      size_t *ret_bytes) KALMAN_MUSTCHECK;

/*
 * kalman_fit() that a few wrong values do not reach, for a filter with robust_threshold (see
 * kalman/run.h). It fits, runs the robust filter, leaves out what lies more than 4/3 threshold
 * standard deviations from its prediction, and fits again, until nothing changes. The standard
 * deviation is that of the median, so that the wrong values do not hide themselves. Runs of four
 * and more on one side are a shift of the level and are kept, and no more than a fifth is left out;
 * what determines a diffuse start has no prediction and is kept. With every parameter given it is
 * kalman_fit(). ret_kept: n values, those used on the scale of the fit, NaN where one was left out;
 * ret_left_out: how many.
 * The filter's workspace and model are on the heap.
 */
KALMAN_API enum kalman_status
kalman_fit_robust(const struct kalman_spec *spec, const struct kalman_series *series,
                  const struct kalman_fit_options *options, double threshold, void *workspace,
                  size_t workspace_bytes, struct kalman_candidate *candidates, double *ret_kept,
                  size_t *ret_left_out, struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/*
 * What the data say of the estimated parameters besides their values: the inverse of the observed
 * information (minus the second derivatives of the likelihood that was maximised), carried to the
 * parameters by the delta method. Variances are in the unit of the fitted spec's. NaN: not known,
 * because the estimate lies on the edge of the parameter space, beside which the others' errors
 * are those given that edge, or because the likelihood is not curved there.
 */
struct kalman_uncertainty {
    size_t count;                     /* estimated parameters, elements of arrays one by one */
    size_t at[KALMAN_PARAMETERS_MAX]; /* their indices in spec.parameters, ascending */
    double standard_error[KALMAN_PARAMETERS_MAX];
    /* symmetric on the scale of the parameter: the logarithm of a variance or a period, the logit
     * of what has two limits, a coefficient itself */
    double lower[KALMAN_PARAMETERS_MAX], upper[KALMAN_PARAMETERS_MAX];
};

/* Workspace of kalman_uncertainty(). */
KALMAN_API enum kalman_status kalman_uncertainty_bytes(const struct kalman_spec *fitted,
                                                       size_t count,
                                                       size_t *ret_bytes) KALMAN_MUSTCHECK;

/*
 * The uncertainty of a fit that found a maximum. `asked` and the rest are those of its call,
 * `fitted` the spec that it returned; KALMAN_AUTO has estimated every parameter. coverage: of the
 * intervals, in (0, 1). ret_covariance: NULL, or count x count, row-major;
 * kalman_spec_parameter_count() squared doubles hold it. It takes about 4 k^2 likelihoods for k
 * parameters.
 */
KALMAN_API enum kalman_status
kalman_uncertainty(const struct kalman_spec *asked, const struct kalman_spec *fitted,
                   const struct kalman_series *series, const struct kalman_fit_options *options,
                   double coverage, void *workspace, size_t workspace_bytes, double *ret_covariance,
                   struct kalman_uncertainty *ret_uncertainty) KALMAN_MUSTCHECK;

/* "interior" ...; never NULL */
KALMAN_API const char *kalman_fit_status_name(enum kalman_fit_status status);
/* the sentence; never NULL */
KALMAN_API const char *kalman_fit_status_text(enum kalman_fit_status status);

#ifdef __cplusplus
}
#endif

#endif
