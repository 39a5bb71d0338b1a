/* A fit of one given kind, by the engine that suits it. Private to libkalman. */
#ifndef KALMAN_FIT_SINGLE_H
#define KALMAN_FIT_SINGLE_H

#include "fit/request.h"

#include <stdbool.h>
#include <stddef.h>

/* Workspace, a multiple of KALMAN_ALIGN, for a spec that has been checked. KALMAN_ESETTING: the
 * kind has too many states under these settings. */
enum kalman_status fit_single_bytes(const struct kalman_spec *spec,
                                    const struct spec_layout *layout, size_t count,
                                    size_t *ret_bytes) KALMAN_MUSTCHECK;

/* Fits, and fills the report, which fit_report_init() has set up for the same spec. */
enum kalman_status fit_single(const struct fit_request *request,
                              struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/* The same for another series of the same length, spec and layout, its report from the start. */
enum kalman_status fit_single_series(const struct fit_request *request,
                                     const struct kalman_series *series,
                                     const struct kalman_spec *spec,
                                     const struct spec_layout *layout,
                                     struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/* Was there a maximum of the likelihood to find? */
bool fit_is_maximum(enum kalman_fit_status status);

#endif
