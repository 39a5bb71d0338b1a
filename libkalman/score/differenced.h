/*
 * The likelihood of a series by its differences (a season in dummy form; a damped trend;
 * ARIMA with an AR part). Private to libkalman.
 *
 * The differences that take the diffuse start away leave a stationary series of few
 * autocovariances, and its density is the diffuse likelihood but for a constant
 * (numeric/stationary.h): n s operations for a season of s steps, where the filter takes n s^2. The
 * constant is found, and the whole is checked, by a pass of the score at the same parameters. A few
 * gaps in a long season are integrated out.
 */
#ifndef KALMAN_SCORE_DIFFERENCED_H
#define KALMAN_SCORE_DIFFERENCED_H

#include "model/layout.h"
#include "numeric/stationary.h"
#include "score/score.h"

#include <stdbool.h>
#include <stddef.h>

enum { DIFFERENCED_AR_MAX = 24 };

struct differenced {
    bool usable;  /* this model and series have such a form, and no check has failed */
    bool checked; /* `constant` is known */
    double constant;
    size_t lags;                                  /* that the differences take */
    double *values, *covariance, *first, *second; /* n; r + 1 each */
    double *moved;      /* n: of a damped trend, whose differences depend on the damping */
    double information; /* of a damped trend: its log|X'X|, after a likelihood */
    double ar[DIFFERENCED_AR_MAX];
    struct gaps gaps;
    struct stationary process;
};

/* Lags of the autocovariances; 0 where the model has no such form. */
size_t differenced_reach(const struct spec_layout *layout);

/* Doubles of workspace; 0 where the model has no such form. */
size_t differenced_doubles(const struct spec_layout *layout, size_t count);

/* Binds it to a series, which is borrowed for this call only; `workspace` as above. */
void differenced_prepare(struct differenced *f, const struct spec_layout *layout,
                         const struct kalman_series *series, double *workspace);

/* Takes the constant from the sums of a pass of the score at the same parameters. Where the two
 * disagree, it is of no use from here on. */
void differenced_check(struct differenced *f, const struct spec_layout *layout,
                       const struct kalman_spec *spec, struct cancel_check *cancel,
                       const struct score_result *exact);

/* The sums of the likelihood, as score_likelihood() has them; after a check. False where this form
 * would lose digits, or was cancelled. */
bool differenced_likelihood(struct differenced *f, const struct spec_layout *layout,
                            const struct kalman_spec *spec, struct cancel_check *cancel,
                            struct score_result *ret_result);

#endif
