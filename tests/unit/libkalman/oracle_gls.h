/*
 * An independent answer for linear-Gaussian state-space models: generalised least squares on the
 * whole sample at once, dense, O(n^3), in long double; in 113 bits under the name
 * oracle_gls_wide(), compiled with ORACLE_WIDE. It shares no line and no recursion with
 * libkalman, which is its purpose.
 *
 *   alpha_1 ~ a1 + A delta + N(0, P1),  delta diffuse          alpha_{t+1} = T_t alpha_t + c_t +
 *     R_t eta_t
 *   y_t = Z_t alpha_t + d_t + eps_t,    eps_t ~ N(0, H_t)      eta_t ~ N(0, Q_t)
 *
 * Stacked, y = mu + X delta + e with e ~ N(0, Sigma). The diffuse likelihood is the limit kappa ->
 * infinity of the likelihood with delta ~ N(0, kappa I), plus (d/2) log kappa (Durbin and Koopman
 * 2012, section 7.2):
 *   -N/2 log 2pi - 1/2 log|Sigma| - 1/2 log|X' Sigma^-1 X| - 1/2 (y - mu - X delta^)' Sigma^-1 (y
 *     - mu - X
 * delta^).
 */
#ifndef ORACLE_GLS_H
#define ORACLE_GLS_H

#include <stddef.h>

/* All matrices row-major. A step of 0 between time points means the matrix is the same at every
 * time. */
struct oracle_model {
    size_t states;
    size_t observations; /* per time point */
    size_t disturbances;
    const double *transition; /* states x states */
    const double *design;     /* observations x states */
    const double *selection;  /* states x disturbances */
    const double *state_variance;
    const double *observation_variance;
    const double *state_intercept;       /* or NULL */
    const double *observation_intercept; /* or NULL */
    size_t transition_step, design_step, selection_step, state_variance_step,
        observation_variance_step;
    size_t state_intercept_step, observation_intercept_step;
    const double *initial_mean;     /* states, or NULL for 0 */
    const double *initial_variance; /* states x states, or NULL for 0 */
    /* states x states, the square P_inf, or NULL: its range is the diffuse space */
    const double *diffuse;
};

struct oracle_result {
    double loglikelihood; /* every observation bears -1/2 log 2pi */
    size_t diffuse_count; /* dimension of delta */
    size_t observed_count;
    double *smoothed_mean;     /* n x states; caller's memory */
    double *smoothed_variance; /* n x states x states; caller's memory */
};

/* y: n x observations, NaN where missing. Returns 0; 1 if Sigma is singular or the data do not
 * determine delta. */
int oracle_gls(const struct oracle_model *model, const double *y, size_t n,
               struct oracle_result *ret_result);

/* The same likelihood of y ~ N(x delta, sigma), given x (n x d) and sigma (n x n) outright. */
int oracle_regression(const double *y, size_t n, const double *x, size_t d, const double *sigma,
                      double *ret_loglikelihood);

#endif
