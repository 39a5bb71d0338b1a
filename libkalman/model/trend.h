/* What the kinds with a level and a slope share. */
#ifndef KALMAN_MODEL_TREND_H
#define KALMAN_MODEL_TREND_H

#include "model/system.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

/* 1 - damping^power. By expm1() and log1p(), for the difference itself keeps no digit next to
 * damping 1; damping - 1 is exact from 1/2 on. damping in [0, 1], power > 0. */
static inline double model_damped_away(double damping, double power)
{
    assert(damping >= 0.0 && damping <= 1.0 && power > 0.0);
    return damping > 0.0 ? -expm1(power * log1p(damping - 1.0)) : 1.0;
}

/* Writes the level and slope that several families begin with: states 0 and (with_slope) 1,
 * diffuse, disturbances 0 and 1 with these variances, Z = 1 on the level, level_state 0. */
void model_fill_trend(struct kalman_model *model, bool with_slope, double level_variance,
                      double slope_variance, double damping);

#endif
