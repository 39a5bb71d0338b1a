/* One row per kind of model, each defined in the file of its family. For builders.c alone: a family
 * that included this would use the table that uses it. */
#ifndef KALMAN_MODEL_BUILDERS_H
#define KALMAN_MODEL_BUILDERS_H

#include "model/system.h"

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

#endif
