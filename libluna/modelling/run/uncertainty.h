/* uncertainty.h: the errors of fitted parameters, by the names of the answer. Private to this
 * library. */
#ifndef LUNA_MODELLING_UNCERTAINTY_H
#define LUNA_MODELLING_UNCERTAINTY_H

#include "luna/base/arena.h"
#include "luna/modelling/result.h"

#include <kalman/fit.h>
#include <stdbool.h>

struct uncertainty_inquiry {
    const struct kalman_spec *asked, *fitted; /* of the fit, which has found a maximum */
    struct kalman_series series;              /* that it used */
    struct kalman_hook hook;
    bool covariance; /* wanted too */
};

/* KALMAN_ENOMEM: the arena is full. */
enum kalman_status uncertainty_find(const struct uncertainty_inquiry *inquiry,
                                    struct luna_arena *arena,
                                    const struct luna_uncertainty **ret_uncertainty)
    __attribute__((warn_unused_result));

#endif
