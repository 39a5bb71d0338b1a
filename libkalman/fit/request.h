/* One call of kalman_fit(), as its engines see it. Private to libkalman. */
#ifndef KALMAN_FIT_REQUEST_H
#define KALMAN_FIT_REQUEST_H

#include "model/layout.h"

#include <kalman/fit.h>
#include <stddef.h>

/* Everything of one call, all borrowed. options is never NULL here; the spec and the series have
 * been checked. */
struct fit_request {
    const struct kalman_spec *spec;
    const struct spec_layout *layout; /* of spec */
    const struct kalman_series *series;
    const struct kalman_fit_options *options;
    void *workspace; /* the bytes that the kind asked for, aligned to KALMAN_ALIGN */
};

/* The data by themselves; what the kind allows is in the catalogue. */
enum kalman_status fit_series_check(const struct kalman_spec *spec,
                                    const struct kalman_series *series,
                                    size_t *bad_index) KALMAN_MUSTCHECK;

#endif
