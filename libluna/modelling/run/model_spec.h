/*
 * model_spec.h: the model that a request names → libkalman's kalman_spec, or the faults. Private to
 * this library.
 *
 * Knows no model by itself: names, settings, parameters, ranges all come from libkalman's
 * catalogue.
 */
#ifndef LUNA_MODELLING_MODEL_SPEC_H
#define LUNA_MODELLING_MODEL_SPEC_H

#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

#include <kalman/spec.h>
#include <stdbool.h>

/* False when faults were added; *ret_spec is then without meaning. */
bool model_spec_build(const struct luna_request *request, struct luna_faults *faults,
                      struct kalman_spec *ret_spec) __attribute__((warn_unused_result));

/* The fault of a parameter or setting that libkalman refuses when it runs, name from its catalogue
 * (NULL: the model). */
void model_spec_fault(const struct luna_request *request, struct luna_faults *faults,
                      const char *name, const char *msg);

#endif
