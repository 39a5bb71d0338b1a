/*
 * Filter, smoother, forecasts, residuals and likelihood over a whole series in one call:
 * kalman_run().
 *
 * The caller names what it wants by giving arrays: a NULL pointer in kalman_output means "not
 * wanted", and costs nothing. Shapes: n = series.count, p = observations per time point, m =
 * states, r = disturbances; all arrays are row-major, time first. Moments of the signal Z_t a_t
 * (the denoised observation) have p columns and the p diagonal variances.
 *
 * Values: NaN observation = missing; +-inf is refused (KALMAN_EDOMAIN, the index in
 * kalman_summary.bad_index). Where a mean is not determined yet (diffuse start, leading missing
 * values) it is NaN and its variance +inf. Variances no double can hold overflow to +inf or
 * underflow to 0; means never do.
 *
 * Exactness: y -> 2^k y gives outputs times 2^k bit for bit; y -> c + y is exact up to one rounding
 * of y - y_first. Filtering takes O(1) memory beyond the outputs; smoothing stores the filter's
 * pass in the workspace. Any thread may call with its own workspace and outputs. No allocation, no
 * I/O, no locale.
 *
 * In place: filtered_mean, or smoothed_mean, may be the same array as series.values, whose
 * observations are gone after the call then, also when it fails. Nothing else may overlap, and the
 * filter in place excludes everything smoothed (KALMAN_EINVAL): the backward pass reads the
 * observations once more.
 */
#ifndef KALMAN_RUN_H
#define KALMAN_RUN_H

#include <kalman/model.h>
#include <kalman/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The data. Everything borrowed. */
struct kalman_series {
    const double *values; /* n x p, NaN = missing; may be written over: in place, above */
    size_t count;         /* n; 0 is allowed and gives empty results */
    /* n strictly increasing, or NULL: one unit apart. Only kinds with accepts_times */
    const double *times;
    const double *inputs; /* n x input_count, finite; NULL when the model has none */
};

/* Asked after about every millisecond of work, whatever the size of the model; true stops the
 * call with KALMAN_ECANCELLED. */
struct kalman_hook {
    bool (*cancelled)(void *context); /* NULL: never asked */
    void *context;
};

enum kalman_engine {
    KALMAN_ENGINE_FAST = 0, /* specialised recursions, steady-state shortcut */
    /* square-root form, full recursion at every step: slower, for comparison */
    KALMAN_ENGINE_REFERENCE
};

/* Zero-initialised means defaults. */
struct kalman_options {
    struct kalman_hook hook;
    enum kalman_engine engine;
    /* 0: off. Else (0.1 to 1e6, say 3): a standardised innovation beyond this many standard
     * deviations has its influence bounded there (Huber), by inflating that observation's
     * variance */
    double robust_threshold;
};

/* h-step forecasts from the end of the data. The caller sets the inputs and the arrays it wants. */
struct kalman_forecast {
    size_t horizon;       /* h */
    const double *times;  /* h times after the last one, or NULL: one unit apart */
    const double *inputs; /* h x input_count */
    const double *levels; /* level_count coverages in (0, 1), such as 0.95 */
    size_t level_count;
    double *mean;            /* h x p */
    double *variance;        /* h x p, of a future OBSERVATION */
    double *signal_variance; /* h x p, of the signal alone */
    double *lower, *upper;   /* level_count x h x p, of an observation */
};

/* What is wanted. Means are in the units of the observations, variances in their square. */
struct kalman_output {
    double *predicted_mean, *predicted_variance; /* n x p: signal at t given y_1..t-1 */
    double *filtered_mean, *filtered_variance;   /* n x p: signal at t given y_1..t */
    double *smoothed_mean, *smoothed_variance;   /* n x p: signal at t given all */
    /* n x p: v_t and F_t (DK 4.13); elements of a vector are treated one after another (DK 6.4),
     * so they are independent */
    double *innovations, *innovation_variances;
    double *standardized; /* n x p: v/sqrt(F); NaN where missing or diffuse */
    /* n x p: -log10 of the two-sided tail probability of standardized: 3 means "one in a
     * thousand"; NaN where standardized is */
    double *anomaly_scores;
    double *robust_weights; /* n x p: 1, or less where robust_threshold bounded the influence */

    double *predicted_state, *predicted_state_variance; /* n x m, n x m x m */
    double *filtered_state, *filtered_state_variance;
    /* These, and the disturbances below, are unreliable for a model without measurement noise
     * (ARIMA, ETS): rounding errors grow on the backward pass through its moving average.
     * smoothed_mean and smoothed_variance are computed differently there. */
    double *smoothed_state, *smoothed_state_variance;

    /* n x p: E(e_t | all), Var(e_t | all) */
    double *observation_disturbance, *observation_disturbance_variance;
    /* n x r: E(n_t | all), diagonal of Var(n_t | all) */
    double *state_disturbance, *state_disturbance_variance;
    double *observation_auxiliary; /* n x p: E(e|all)/sd(E(e|all)) (DK 2.12) */
    double *state_auxiliary;       /* n x r */

    struct kalman_forecast *forecast; /* NULL: none */
    /* NULL, or a stream of this model (kalman/stream.h): left as after the last observation,
     * ready to push on */
    struct kalman_stream *stream;
};

struct kalman_summary {
    /* diffuse, every observation gets -log(2 pi)/2 (DK 7.2, statsmodels, Stata) */
    double loglikelihood;
    /* the d diffuse ones do not (KFAS, R's arima, EViews) = + d log(2 pi)/2 */
    double loglikelihood_marginal;
    size_t observation_count; /* observed (not missing) values */
    /* values that the diffuse start consumed; fewer than kalman_model_diffuse(): the data never
     * determined the rest, and what depends on it is NaN with variance +inf */
    size_t diffuse_count;
    size_t steady_at; /* first index with constant gain, or SIZE_MAX */
    /* KALMAN_EDOMAIN, ETIMES, ERANGE, EMODEL: element of values/times/inputs; else SIZE_MAX */
    size_t bad_index;
};

/* Workspace for kalman_run() with the same model, count, options and the same arrays wanted. */
KALMAN_API enum kalman_status kalman_run_bytes(const struct kalman_model *model, size_t count,
                                               const struct kalman_options *options,
                                               const struct kalman_output *output,
                                               size_t *ret_bytes) KALMAN_MUSTCHECK;

/* Run. options may be NULL. ret_summary (required) is filled as far as it goes on errors too. */
KALMAN_API enum kalman_status kalman_run(const struct kalman_model *model,
                                         const struct kalman_series *series,
                                         const struct kalman_options *options,
                                         const struct kalman_output *output, void *workspace,
                                         size_t workspace_bytes,
                                         struct kalman_summary *ret_summary) KALMAN_MUSTCHECK;

/* The summary alone: log-likelihood and counts, by the fastest method for the model (local
 * level: several times the speed of kalman_run() with no outputs, to whose figures it agrees within
 * rounding). KALMAN_EDIFFUSE: the observations never determine the diffuse start, so that this is
 * no likelihood to compare with another; ret_summary is filled. */
KALMAN_API enum kalman_status kalman_loglikelihood_bytes(const struct kalman_model *model,
                                                         size_t count,
                                                         size_t *ret_bytes) KALMAN_MUSTCHECK;
KALMAN_API enum kalman_status
kalman_loglikelihood(const struct kalman_model *model, const struct kalman_series *series,
                     void *workspace, size_t workspace_bytes,
                     struct kalman_summary *ret_summary) KALMAN_MUSTCHECK;

/* The z with P(|N(0,1)| <= z) = coverage; NaN outside (0, 1). Relative error below 1e-14. */
KALMAN_API double kalman_normal_coverage(double coverage);

/* Symmetric interval of this coverage: writes n bounds each; variance +inf gives -inf, +inf. */
KALMAN_API enum kalman_status kalman_interval(const double *mean, const double *variance,
                                              size_t count, double coverage, double *ret_lower,
                                              double *ret_upper) KALMAN_MUSTCHECK;

#ifdef __cplusplus
}
#endif

#endif
