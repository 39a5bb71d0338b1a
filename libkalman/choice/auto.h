/* KALMAN_AUTO: the choice among kinds. Private to libkalman. */
#ifndef KALMAN_CHOICE_AUTO_H
#define KALMAN_CHOICE_AUTO_H

#include "fit/request.h"

#include <stddef.h>

enum kalman_status fit_auto_bytes(const struct kalman_spec *spec, const struct spec_layout *layout,
                                  size_t count, size_t *ret_bytes) KALMAN_MUSTCHECK;

/* logarithms: the series with its logarithms by `transform` for values; or NULL, both: only the
 * data are compared. candidates: room for KALMAN_CANDIDATES_MAX, filled best first, or NULL. */
enum kalman_status fit_auto(const struct fit_request *request,
                            const struct kalman_series *logarithms,
                            const struct kalman_transform *transform,
                            struct kalman_candidate *candidates,
                            struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

#endif
