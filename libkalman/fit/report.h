/* What every fit reports in the same way. Private to libkalman. */
#ifndef KALMAN_FIT_REPORT_H
#define KALMAN_FIT_REPORT_H

#include <kalman/fit.h>

/* An empty report for this spec, nothing found yet. */
void fit_report_init(const struct kalman_spec *spec, struct kalman_fit *ret_fit);

/* Fills aic, aicc, bic from loglikelihood, parameter_count, diffuse_count and observation_count. */
void fit_information_criteria(struct kalman_fit *fit);

#endif
