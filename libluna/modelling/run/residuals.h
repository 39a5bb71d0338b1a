/* residuals.h: tests of what a model has left unexplained, and what they say to the client. Private
 * to this library. */
#ifndef LUNA_MODELLING_RESIDUALS_H
#define LUNA_MODELLING_RESIDUALS_H

#include "luna/modelling/result.h"

#include <kalman/spec.h>
#include <kalman/status.h>
#include <stdbool.h>
#include <stddef.h>

struct residuals {
    const double *standardized; /* [count] */
    size_t count, observed;     /* time points; values among them */
    size_t fitted;              /* parameters that were estimated */
    size_t lags;                /* asked for; 0: the default of the model */
    const struct kalman_spec *spec;
};

enum kalman_status residuals_diagnose(const struct residuals *residuals,
                                      struct luna_diagnostics *ret_diagnostics)
    __attribute__((warn_unused_result));

/* Adds a warning for each test that fails clearly (p below 1e-5), with what may help; transformed:
 * the model is not of the data themselves. */
void residuals_warn(const struct luna_diagnostics *diagnostics, bool transformed,
                    struct luna_result *result);

/* Adds a sentence, static or the arena's, where there is room. */
void result_warn(struct luna_result *result, const char *warning);

#endif
