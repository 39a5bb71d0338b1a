/* One row per kind of model, each defined in the file of its family. */
#ifndef KALMAN_MODEL_BUILDERS_H
#define KALMAN_MODEL_BUILDERS_H

#include "model/system.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

extern const struct model_builder model_builder_level;              /* model/level.c */
extern const struct model_builder model_builder_local_linear_trend; /* model/trend.c, these four */
extern const struct model_builder model_builder_smooth_trend;
extern const struct model_builder model_builder_damped_trend;
extern const struct model_builder model_builder_random_walk_drift;
extern const struct model_builder model_builder_seasonal; /* model/seasonal.c, these two */
extern const struct model_builder model_builder_basic_structural;
extern const struct model_builder model_builder_cycle;                 /* model/cycle.c */
extern const struct model_builder model_builder_arima;                 /* model/arima.c */
extern const struct model_builder model_builder_exponential_smoothing; /* model/ets.c */
extern const struct model_builder model_builder_constant_velocity; /* model/motion.c, these two */
extern const struct model_builder model_builder_constant_acceleration;
extern const struct model_builder model_builder_custom; /* model/custom.c */

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
