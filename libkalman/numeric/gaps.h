/*
 * Missing values as unknowns of a regression. Private to libkalman.
 *
 * A series is completed by any values. By how much each of these is wrong is a coefficient with a
 * flat density, and the likelihood of what was observed is that of the complete series with the
 * coefficients integrated out (Gómez, Maravall & Peña 1999). So ways to a likelihood that need a
 * complete series serve one with a few gaps.
 */
#ifndef KALMAN_GAPS_H
#define KALMAN_GAPS_H

#include <stdbool.h>
#include <stddef.h>

enum { GAPS_MAX = 128 };

struct gaps {
    size_t count;
    size_t at[GAPS_MAX]; /* ascending */
    /* lags + 1: what an error of one is in the differences of the series that are used in its
     * place, from that time on */
    double *effect;
    size_t lags;
};

/* So many gaps cost less by regression than by a filter whose state has `reach` elements. */
static inline size_t gaps_served(size_t reach)
{
    static const size_t reach_min = 24, share = 3;
    size_t served = reach < reach_min ? 0 : reach / share;
    return served < GAPS_MAX ? served : GAPS_MAX;
}

/* Lists the gaps of a series and completes it in place, with the values of a period earlier where
 * there are such. False: more gaps than `most`. */
bool gaps_fill(struct gaps *gaps, double *values, size_t count, size_t period, size_t most);

/* Doubles of workspace for differences that take so many lags. */
static inline size_t gaps_doubles(size_t lags)
{
    return 2 * lags + 1;
}

/* The effect on (1 - B)^plain (1 - B^period)^seasonal. */
void gaps_difference(struct gaps *gaps, size_t plain, size_t seasonal, size_t period,
                     double *workspace);

/* Of gap k on difference t. */
static inline double gaps_effect(const struct gaps *gaps, size_t k, size_t t)
{
    size_t end = t + gaps->lags, at = gaps->at[k];
    return end >= at && end - at <= gaps->lags ? gaps->effect[end - at] : 0;
}

/* How many of them have come by difference t. */
static inline size_t gaps_before(const struct gaps *gaps, size_t come, size_t t)
{
    while (come < gaps->count && gaps->at[come] <= t + gaps->lags)
        come++;
    return come;
}

#endif
