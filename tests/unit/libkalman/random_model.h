/* Random linear Gaussian models and data for property tests. */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include "oracle_gls.h"

#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/simulate.h>
#include <stddef.h>

enum { RANDOM_STATES = 5, RANDOM_OBSERVED = 3, RANDOM_POINTS = 24 };

/* What a random model may have. */
struct random_kind {
    int vector_observations; /* up to RANDOM_OBSERVED, with correlated noise */
    int varying;             /* matrices that change with time */
    int diffuse;             /* some of the first state unknown */
    int missing;             /* some observations missing */
    /* any Z and T, so that a diffuse direction may be seen only through a needle's eye; else
     * every state is seen clearly within a few steps */
    int wild;
};

/* One of each that the tests go through. */
enum { RANDOM_KINDS = 10 };
extern const struct random_kind random_kinds[RANDOM_KINDS];

struct random_model {
    size_t n, p, m, r;
    double Z[RANDOM_POINTS * RANDOM_OBSERVED * RANDOM_STATES],
        H[RANDOM_POINTS * RANDOM_OBSERVED * RANDOM_OBSERVED];
    double T[RANDOM_POINTS * RANDOM_STATES * RANDOM_STATES], R[RANDOM_STATES * RANDOM_STATES];
    double Q[RANDOM_POINTS * RANDOM_STATES * RANDOM_STATES], c[RANDOM_STATES], d[RANDOM_OBSERVED];
    double a1[RANDOM_STATES], P1[RANDOM_STATES * RANDOM_STATES], diffuse[RANDOM_STATES],
        P_inf[RANDOM_STATES * RANDOM_STATES];
    double y[RANDOM_POINTS * RANDOM_OBSERVED];
    struct kalman_system system;
    struct kalman_spec spec;
    struct kalman_model *model; /* kalman_model_free */
};

/* Fills everything; the data are random too, roughly on the model's scale. */
void random_model_make(struct random_model *model, struct kalman_random *random,
                       struct random_kind kind);

/* kalman_run over the model's data with as much workspace as it asks for; fails the test unless
 * it succeeds. */
struct kalman_summary random_model_run(const struct random_model *model, const double *y,
                                       const struct kalman_options *options,
                                       const struct kalman_output *output);

/* The same model for the oracle; it borrows the arrays. */
struct oracle_model random_model_oracle(const struct random_model *model, int varying);

/* The largest difference of two arrays (n x width), relative to the largest entry of each time
 * point's block; NaN counts as infinite. */
double random_model_worst(const double *ours, const double *theirs, size_t n, size_t width);

#endif
