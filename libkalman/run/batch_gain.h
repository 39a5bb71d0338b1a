/*
 * Many complete series under one local level: gains and variances do not depend on the data, so
 * they are computed once and what is left per value is a += K_t (y - a). Several series advance
 * side by side to hide the latency of that chain; those of one length stay in step and share their
 * gains too, which is what vector registers want. Private to libkalman.
 */
#ifndef KALMAN_BATCH_GAIN_H
#define KALMAN_BATCH_GAIN_H

#include "filter/level.h"

#include <stdbool.h>
#include <stddef.h>

/* Sixteen lanes where all series have one length, which is when they stay in step; else eight. */
enum { GAIN_LANES = 16, GAIN_LANES_RAGGED = 8, GAIN_STEPS = 512 };

/* Entry t: of the observation t steps after the first (entry 0: the first itself). Caller's
 * units but for gain and log_F. */
struct gain_table {
    size_t count;
    double *gain;               /* K_t; 1 at the start */
    double *filtered_variance;  /* entry 0: H */
    double *predicted_variance; /* entry 0: +inf */
    double *inverse_sd;         /* 1/sqrt(F_t) per unit of data; 0 at the start */
    double *log_F;              /* sum of log F_1 .. log F_t, engine units */
};

/* Doubles for a table of count entries. */
size_t gain_table_doubles(size_t count);
void gain_table_make(struct gain_table *table, const struct kalman_model *model, size_t count,
                     double *memory);

/* One series in progress; all pointers at its next value. */
struct gain_lane {
    const double *y, *gain, *inverse_sd;
    double *mean, *standardized;
    double centre, a; /* deviation of the filtered level from the centre */
    double squares;   /* sum of standardised innovations squared */
    size_t left;
};

/* Take in the next `steps` values in each of `count` lanes (GAIN_LANES or GAIN_LANES_RAGGED): a and
 * mean; with sums, squares and standardized too. Pointers and left stay: the caller moves them. */
void gain_lanes_advance(struct gain_lane *lanes, size_t count, size_t steps, bool sums);

#endif
