/* What every engine reports in the same way. Private to libkalman. */
#ifndef KALMAN_SUMMARY_H
#define KALMAN_SUMMARY_H

#include "filter/likelihood_sum.h"

#include <kalman/run.h>
#include <stddef.h>
#include <stdint.h>

/* Everything but bad_index, which is set to SIZE_MAX. */
void summary_fill(const struct likelihood_sum *sum, int sd_exponent, uint64_t steady_at,
                  struct kalman_summary *ret_summary);

/* The bounds of row h (one column per call: element) of a forecast with p columns, for each of
 * its levels. */
void forecast_bounds(struct kalman_forecast *forecast, size_t columns, size_t element, double mean,
                     double variance);

/* -log10 P(|N(0,1)| >= |standardised|); NaN for NaN. */
double anomaly_score(double standardised);

#endif
