/* The search behind the local level's fit: one dimension, a closed interval. Private to
 * libkalman. */
#ifndef KALMAN_LEVEL_SEARCH_H
#define KALMAN_LEVEL_SEARCH_H

#include "filter/level_likelihood.h"
#include "numeric/cancel.h"

#include <kalman/run.h>
#include <stddef.h>

enum level_mode {
    LEVEL_BOTH_FREE,   /* scale concentrated out */
    LEVEL_FIXED_NOISE, /* H given */
    LEVEL_FIXED_LEVEL  /* Q given */
};

struct level_problem {
    struct level_data data; /* the largest is between 1 and 2 in size */
    enum level_mode mode;
    double given; /* the given variance, in squared data units */
    /* its logarithm, right even where given itself had to be held inside the doubles */
    double log_given;
    double innovations; /* observed - 1 */
    struct cancel_check cancel;
    size_t evaluations;
};

/* A ratio q = Q/H (0 and +inf allowed) as the pair whose larger member is 1. */
void level_ratio_pair(double q, double *ret_H, double *ret_Q);

/* Factor s with (H, Q) = s (pair): from the given variance, or the best one when both are free. */
double level_problem_scale(const struct level_problem *problem, double H, double Q, double squares);

/* Log-likelihood without its constants, from the sums at a pair. */
double level_problem_value(const struct level_problem *problem, double H, double Q, double squares,
                           double logs);

/* The q in [0, +inf] with the largest likelihood. problem->cancel says whether the hook ended the
 * search. */
double level_search(struct level_problem *problem);

#endif
