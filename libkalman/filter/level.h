/*
 * The scalar filter of the local level (DK 2.2): the same few lines serve kalman_run, streams and
 * batches, so they agree bit for bit. Private to libkalman.
 */
#ifndef KALMAN_LEVEL_FILTER_H
#define KALMAN_LEVEL_FILTER_H

#include "filter/likelihood_sum.h"
#include "filter/units.h"

#include <kalman/model.h>
#include <kalman/run.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct level_state {
    struct units units;
    double H, Q;             /* engine variances; Q per unit of time */
    double robust_threshold; /* 0: off */
    double centre;           /* first observed value, the caller's units */
    double a, P;             /* filtered: deviation from the centre, variance */
    /* P_t of the last step if it was observed with full weight, else NaN */
    double predicted_before;
    double dt;                           /* of the step that predicted_before belongs to */
    double steady_F, steady_K, steady_P; /* constant while steady: F, K, filtered P */
    double steady_scale;                 /* deviation -> standardised innovation */
    uint64_t count;                      /* time points seen */
    uint64_t steady_at;                  /* first of them with constant gain, or UINT64_MAX */
    bool started;                        /* an observation has been seen */
    bool steady;
    struct likelihood_sum sum;
};

/* What a block of steps found, engine units; an entry per time point. */
struct level_block {
    /* predicted; P +inf before the start */
    double a_before[LIKELIHOOD_BLOCK], P_before[LIKELIHOOD_BLOCK];
    double a[LIKELIHOOD_BLOCK], P[LIKELIHOOD_BLOCK]; /* filtered */
    double v[LIKELIHOOD_BLOCK];                      /* NaN where missing or diffuse */
    double F[LIKELIHOOD_BLOCK];                      /* before any robust inflation */
    double weight[LIKELIHOOD_BLOCK];
};

/* Does the scalar filter handle this model and these options? */
bool level_applies(const struct kalman_model *model, const struct kalman_options *options);

void level_init(struct level_state *state, const struct kalman_model *model,
                const struct kalman_options *options);

/* Run count <= LIKELIHOOD_BLOCK observations (not infinite, NaN = missing); dt: gap before each,
 * NULL = one. The first observation of all has no gap. On KALMAN_EMODEL and KALMAN_ERANGE ret_done
 * is the offending index. */
enum kalman_status level_advance(struct level_state *state, const double *values, const double *dt,
                                 size_t count, struct level_block *block, size_t *ret_done);

/* Means of the block in the caller's units: NaN before the start. */
static inline double level_mean(const struct level_state *state, double deviation)
{
    return units_mean(&state->units, state->centre, deviation);
}

void level_summary(const struct level_state *state, struct kalman_summary *ret_summary);

/* Forecasts; times: see struct kalman_forecast, last_time is that of the last observation. */
void level_forecast(const struct level_state *state, double last_time,
                    struct kalman_forecast *forecast);

#endif
