/* The table of kinds: who builds what. */
#include "model/builders.h"
#include "numeric/expect.h"

#include <assert.h>

static const struct model_builder *const builders[KALMAN_KIND_COUNT] = {
    [KALMAN_LOCAL_LEVEL] = &model_builder_level,
    [KALMAN_LOCAL_LINEAR_TREND] = &model_builder_local_linear_trend,
    [KALMAN_SMOOTH_TREND] = &model_builder_smooth_trend,
    [KALMAN_DAMPED_TREND] = &model_builder_damped_trend,
    [KALMAN_SEASONAL] = &model_builder_seasonal,
    [KALMAN_BASIC_STRUCTURAL] = &model_builder_basic_structural,
    [KALMAN_CYCLE] = &model_builder_cycle,
    [KALMAN_ARIMA] = &model_builder_arima,
    [KALMAN_EXPONENTIAL_SMOOTHING] = &model_builder_exponential_smoothing,
    [KALMAN_CONSTANT_VELOCITY] = &model_builder_constant_velocity,
    [KALMAN_CONSTANT_ACCELERATION] = &model_builder_constant_acceleration,
    [KALMAN_RANDOM_WALK_DRIFT] = &model_builder_random_walk_drift,
    [KALMAN_CUSTOM] = &model_builder_custom,
};

const struct model_builder *model_builder_for(enum kalman_kind kind)
{
    assert((unsigned)kind >= KALMAN_KIND_COUNT || !builders[kind] || builders[kind]->kind == kind);
    return (unsigned)kind < KALMAN_KIND_COUNT ? builders[kind] : NULL;
}
