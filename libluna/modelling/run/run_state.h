/* run_state.h: one run, between its steps, and what they share. Private to run.c, which computes,
 * and collect.c, which makes the result. */
#ifndef LUNA_MODELLING_RUN_STATE_H
#define LUNA_MODELLING_RUN_STATE_H

#include "luna/modelling/run.h"

#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <stdbool.h>
#include <stddef.h>

struct run {
    const struct luna_request *request;
    struct luna_arena *arena;
    struct luna_faults *faults;
    struct kalman_hook hook;
    const struct luna_run_control *control; /* NULL: none */
    /* an array of n that the processed results may have: the observations', or those transformed;
     * NULL: none */
    double *spare;
    struct kalman_spec asked, spec; /* as the request has it; complete after the fit */
    struct kalman_transform transform;
    struct kalman_series series; /* on the scale of the model */
    struct kalman_fit fit;
    double expected_s; /* of the fit, before it ran; 0: unknown */
    double *kept;      /* what a robust fit used, NaN where it left a value out; NULL: all */
    bool is_fitted;    /* spec comes out of `fit` */
    struct kalman_candidate *candidates; /* of a choice */
    struct kalman_model *model;
    struct kalman_output output;
    struct kalman_forecast forecast;
    double *lower[LUNA_INTERVALS_MAX], *upper[LUNA_INTERVALS_MAX]; /* those of the result */
    struct kalman_summary summary;
    struct luna_result result;
    void *workspace; /* shared by the fit and the run after it */
    size_t workspace_bytes;
};

/* An array of n results, when wanted. False: out of memory. */
bool run_want(struct run *run, bool wanted, size_t n, double **ret_array)
    __attribute__((warn_unused_result));

/* libkalman's status in the service's terms; what the client can fix becomes a fault. */
enum luna_run_status run_explain(struct run *run, enum kalman_status status, size_t bad_index)
    __attribute__((warn_unused_result));

/* Did the fit find a maximum? Then its surroundings say how well, and residuals that do not suit
 * are the model's. */
bool run_has_maximum(const struct run *run);

/* Where the processed results and their variances come from. */
double **run_processed_mean(struct run *run);
double **run_processed_variance(struct run *run);

#endif
