/*
 * The local level over several series at once, one per lane of the vector registers. Private to
 * libkalman.
 *
 * A missing value is an observation with enormous noise, h = 2^1000: then K = P 2^-1000 moves
 * nothing and P h/(P + h) = P, both exactly, and the loop needs no branch.
 */
#ifndef KALMAN_BATCH_LANES_H
#define KALMAN_BATCH_LANES_H

#include <stddef.h>

enum { BATCH_LANES = 16, BATCH_STEPS = 32 };

/* Noise that leaves an observation without information; engine variances are below 4. */
static const double batch_missing_noise = 0x1p1000;

/* The moving parts of the lanes' filters, engine units. */
struct batch_lanes {
    double a[BATCH_LANES], P[BATCH_LANES], H[BATCH_LANES], Q[BATCH_LANES];
    /* of a chunk: sum of v^2/F, product of F over observed steps */
    double squares[BATCH_LANES], product[BATCH_LANES];
};

/* Up to BATCH_STEPS steps, time first, lanes side by side. */
struct batch_chunk {
    double y[BATCH_STEPS][BATCH_LANES]; /* deviations from the centres; 0 where missing */
    double h[BATCH_STEPS][BATCH_LANES]; /* H, or 2^1000 where missing */
    double a_before[BATCH_STEPS][BATCH_LANES], P_before[BATCH_STEPS][BATCH_LANES];
    double a[BATCH_STEPS][BATCH_LANES], P[BATCH_STEPS][BATCH_LANES];
};

/* The full recursion of filter/level.c (DK 2.15) in every lane. */
void batch_lanes_filter(struct batch_lanes *lanes, size_t steps, struct batch_chunk *chunk);

/* squares and product of the chunk just filtered. */
void batch_lanes_likelihood(struct batch_lanes *lanes, size_t steps,
                            const struct batch_chunk *chunk);

#endif
