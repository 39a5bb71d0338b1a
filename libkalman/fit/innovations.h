/*
 * The likelihood of a season in innovations form (exponential smoothing; ARIMA without an AR
 * part), by least squares on its start. Private to libkalman.
 *
 * Given the start x, innovations follow from the data by one recursion of few operations, and are
 * linear in it: e_t = r_t - z_t'x, z_{t+1} = (F - g z')'z_t. So the likelihood is that of a
 * regression: log|Z'Z| and the squares that are left (diffuse start), or log|I + Z'Z| (a start of
 * innovations). Nearly all of z_t is z_{t-1} moved along by one place, so that Z'Z follows from a
 * few of its rows: n s operations and the Cholesky factor in place of the filter's n s^2. A few
 * gaps are further unknowns, each with its response in the innovations.
 */
#ifndef KALMAN_FIT_INNOVATIONS_H
#define KALMAN_FIT_INNOVATIONS_H

#include "model/layout.h"
#include "numeric/cancel.h"
#include "numeric/gaps.h"
#include "score/score.h"

#include <stdbool.h>
#include <stddef.h>

struct innovations {
    size_t count,
        width;         /* values, elements of the start; 0: this model or series has no such form */
    size_t head;       /* elements before those that move along: level, slope */
    size_t places[64]; /* the others: rows of Z'Z that are summed directly */
    size_t place_count;
    bool is_season, has_mean;
    double alpha, beta, gamma, damping;
    struct gaps gaps;
    double *values; /* n: the data, or their differences */
    double *row, *first, *state,
        *mean;      /* width each: z_t, z_1, the state, its response to a mean */
    double *design; /* width: z */
    /* of the start, then the mean, the gaps, and r, as far as there are such: Z'Z, and its size */
    double *gram;
    size_t size;
    double *column, *diagonal; /* size each */
    double *gap_states;        /* width each: the state's response to a gap */
    double *extra;             /* of this time: the response to the mean, to each gap, and r */
};

/* Elements of the start, 0 where the model has no such form or is small. */
size_t innovations_width(const struct spec_layout *layout);

/* Doubles of workspace; 0 where the model has no such form or is small. */
size_t innovations_doubles(const struct spec_layout *layout, size_t count);

/* Binds it to a scaled series, which is borrowed for this call only; `workspace` as above. */
void innovations_prepare(struct innovations *f, const struct spec_layout *layout,
                         const struct kalman_series *series, double *workspace);

/* The sums of the likelihood, as score_likelihood() has them. False where this form would lose
 * digits, or was cancelled. */
bool innovations_likelihood(struct innovations *f, const struct spec_layout *layout,
                            const struct kalman_spec *spec, struct cancel_check *cancel,
                            struct score_result *ret_result);

/* log|X'X|, as score_information() has it, of exponential smoothing with a season; -inf or NaN
 * where a place in the season was never observed. */
double innovations_information(struct innovations *f, const struct spec_layout *layout,
                               const struct kalman_spec *spec);

#endif
