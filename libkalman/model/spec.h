/* What the models read from a spec beside the public functions. Private to libkalman. */
#ifndef KALMAN_MODEL_SPEC_H
#define KALMAN_MODEL_SPEC_H

#include <kalman/spec.h>

/* A parameter by name as it stands in the spec; 0 when the kind or its settings have none. */
double spec_parameter(const struct kalman_spec *spec, const char *name);

/* Exponent of the sd unit for a spec: floor(log2(largest variance)/2); 0 if every variance is
 * zero. */
int spec_sd_exponent(const struct kalman_spec *spec);

#endif
