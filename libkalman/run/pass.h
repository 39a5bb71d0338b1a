/*
 * One run of the general engine: the filter over a stretch of the series with its outputs and
 * records, and the walk back over the blocks that smoothing needs. Private to libkalman.
 */
#ifndef KALMAN_RUN_PASS_H
#define KALMAN_RUN_PASS_H

#include "filter/state.h"
#include "numeric/cancel.h"
#include "run/request.h"

#include <stdbool.h>
#include <stddef.h>

struct general_run {
    const struct run_request *request;
    struct filter_state filter;
    struct filter_element *elements; /* p, of the current step */
    struct cancel_check cancel;      /* when to ask whether to stop */
    size_t at;                       /* the current step, for error reports */
    /* For smoothing only. */
    bool lean;                     /* lean records, for run_signal_back() */
    bool diffuse_missing;          /* a value is missing before the start is determined */
    size_t block;                  /* time points per block */
    struct filter_record *records; /* block of them */
    /* state at the head of each block; NULL: one block holds all */
    struct filter_state *checkpoints;
    double *smooth_arrays;
    double *unit;  /* scratch, 2 x m; not with lean records */
    double *noise; /* scratch of the observation disturbances; not with lean records */
};

/* Filter [from, to). first_pass: write outputs and keep checkpoints. record: keep records, from
 * at index 0. */
enum kalman_status run_stretch(struct general_run *run, size_t from, size_t to, bool first_pass,
                               bool record) KALMAN_MUSTCHECK;

/* Calls `point` for every time point from the last to the first, its record at run->records[t -
 * from], from the head of its block. */
typedef enum kalman_status run_point_back(struct general_run *run, void *smoother, size_t t,
                                          size_t from);
enum kalman_status run_blocks_back(struct general_run *run, run_point_back *point,
                                   void *smoother) KALMAN_MUSTCHECK;

/* Counts a step of either pass, and asks the caller's hook when due: true when the run is to
 * stop. */
bool run_poll_cancel(struct general_run *run);

double run_gap(const struct kalman_series *series, size_t t);
const double *run_inputs(const struct general_run *run, size_t t);

#endif
