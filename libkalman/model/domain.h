/* Is a parameter's value one that the catalogue allows? Private to libkalman. */
#ifndef KALMAN_MODEL_DOMAIN_H
#define KALMAN_MODEL_DOMAIN_H

#include <kalman/spec.h>
#include <stdbool.h>
#include <stddef.h>

/* One element: finite and within its bounds. */
bool domain_holds(const struct kalman_parameter_info *info, double value);

/* A whole array, its polynomial too. NaN elements are to be fitted, and leave that open. */
bool domain_holds_array(const struct kalman_parameter_info *info, const double *values,
                        size_t count);

#endif
