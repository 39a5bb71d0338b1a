/* The fit of every other kind, and of a local level with known inputs, by NLopt. Private to
 * libkalman. */
#ifndef KALMAN_FIT_GENERAL_H
#define KALMAN_FIT_GENERAL_H

#include "fit/request.h"

#include <stddef.h>

enum kalman_status fit_general_bytes(const struct kalman_spec *spec,
                                     const struct spec_layout *layout, size_t count,
                                     size_t *ret_bytes) KALMAN_MUSTCHECK;
enum kalman_status fit_general(const struct fit_request *request,
                               struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

#endif
