/* The fit of a local level without known inputs. Private to libkalman. */
#ifndef KALMAN_FIT_LEVEL_FIT_H
#define KALMAN_FIT_LEVEL_FIT_H

#include "fit/request.h"

#include <stddef.h>

size_t level_fit_bytes(size_t count);
enum kalman_status level_fit(const struct fit_request *request,
                             struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

#endif
