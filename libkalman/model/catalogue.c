/*
 * The catalogue: every kind with its settings and parameters. Order here is the order in
 * kalman_spec's arrays.
 */
#include "model/catalogue.h"

#include <assert.h>
#include <kalman/spec.h>
#include <math.h>
#include <string.h>

#define END_SETTING                                                                                \
    {                                                                                              \
        NULL, NULL, 0, 0, 0, false                                                                 \
    }
#define END_PARAMETER                                                                              \
    {                                                                                              \
        NULL, NULL, KALMAN_DOMAIN_REAL, 0.0, 0.0, NULL, NULL                                       \
    }
#define VARIANCE(name, text)                                                                       \
    {                                                                                              \
        name, text, KALMAN_DOMAIN_VARIANCE, 0.0, INFINITY, NULL, NULL                              \
    }
#define OBSERVATION_VARIANCE                                                                       \
    VARIANCE("observation_variance",                                                               \
             "Variance of the measurement noise, in squared units of the data")
#define LEVEL_VARIANCE                                                                             \
    VARIANCE("level_variance",                                                                     \
             "Variance of the level's change per step, in squared units of the data")
#define SLOPE_VARIANCE                                                                             \
    VARIANCE("slope_variance",                                                                     \
             "Variance of the slope's change per step, in squared units of the data")
#define SEASONAL_VARIANCE                                                                          \
    VARIANCE("seasonal_variance", "Variance of the seasonal pattern's change per step")
static const struct kalman_setting_info no_settings[] = {END_SETTING};

static const struct kalman_setting_info seasonal_settings[] = {
    {"period", "Steps in one season, such as 12 for months; at most 366 without harmonics", 2, 8784,
     0, true},
    {"harmonics", "0: dummy form; else trigonometric with this many harmonics, at most period/2", 0,
     183, 0, false},
    END_SETTING};

static const struct kalman_setting_info arima_settings[] = {
    {"p", "Autoregressive order", 0, 24, 0, false},
    {"d", "Order of differencing", 0, 2, 0, false},
    {"q", "Moving-average order", 0, 24, 0, false},
    {"P", "Seasonal autoregressive order", 0, 4, 0, false},
    {"D", "Order of seasonal differencing", 0, 2, 0, false},
    {"Q", "Seasonal moving-average order", 0, 4, 0, false},
    {"period", "Steps in one season; needed when P, D or Q is not 0", 0, 366, 0, false},
    {"mean", "1: an unknown mean (or drift, when differenced once) is estimated", 0, 1, 0, false},
    END_SETTING};

static const struct kalman_setting_info ets_settings[] = {
    {"trend", "0: none; 1: additive trend", 0, 1, 0, false},
    {"damped", "1: the trend is damped (needs trend = 1)", 0, 1, 0, false},
    {"period", "0: no season; else steps in one season (additive)", 0, 366, 0, false},
    END_SETTING};

static const struct kalman_setting_info auto_settings[] = {
    {"period", "0: no season; else steps in one season, such as 12 for months", 0, 366, 0, false},
    END_SETTING};

static const struct kalman_parameter_info level_parameters[] = {OBSERVATION_VARIANCE,
                                                                LEVEL_VARIANCE, END_PARAMETER};

static const struct kalman_parameter_info trend_parameters[] = {
    OBSERVATION_VARIANCE, LEVEL_VARIANCE, SLOPE_VARIANCE, END_PARAMETER};

static const struct kalman_parameter_info smooth_trend_parameters[] = {
    OBSERVATION_VARIANCE, SLOPE_VARIANCE, END_PARAMETER};

static const struct kalman_parameter_info damped_parameters[] = {
    OBSERVATION_VARIANCE,
    LEVEL_VARIANCE,
    SLOPE_VARIANCE,
    {"damping", "Share of the slope that is left after one step", KALMAN_DOMAIN_INTERVAL, 0.0, 1.0,
     NULL, NULL},
    END_PARAMETER};

static const struct kalman_parameter_info seasonal_parameters[] = {
    OBSERVATION_VARIANCE, LEVEL_VARIANCE, SEASONAL_VARIANCE, END_PARAMETER};

static const struct kalman_parameter_info structural_parameters[] = {
    OBSERVATION_VARIANCE, LEVEL_VARIANCE, SLOPE_VARIANCE, SEASONAL_VARIANCE, END_PARAMETER};

static const struct kalman_parameter_info cycle_parameters[] = {
    OBSERVATION_VARIANCE,
    LEVEL_VARIANCE,
    VARIANCE("cycle_variance", "Variance of the cycle's disturbances per step"),
    {"cycle_period", "Length of one cycle, in steps (in units of the times where given)",
     KALMAN_DOMAIN_POSITIVE, 2.0, INFINITY, NULL, NULL},
    {"damping", "Share of the cycle's amplitude that is left after one step",
     KALMAN_DOMAIN_INTERVAL, 0.0, 1.0, NULL, NULL},
    END_PARAMETER};

static const struct kalman_parameter_info arima_parameters[] = {
    VARIANCE("innovation_variance", "Variance of the innovations, in squared units of the data"),
    {"ar", "Autoregressive coefficients", KALMAN_DOMAIN_STATIONARY, -INFINITY, INFINITY, "p", NULL},
    {"ma", "Moving-average coefficients (sign as in 1 + ma B)", KALMAN_DOMAIN_INVERTIBLE, -INFINITY,
     INFINITY, "q", NULL},
    {"seasonal_ar", "Seasonal autoregressive coefficients", KALMAN_DOMAIN_STATIONARY, -INFINITY,
     INFINITY, "P", NULL},
    {"seasonal_ma", "Seasonal moving-average coefficients", KALMAN_DOMAIN_INVERTIBLE, -INFINITY,
     INFINITY, "Q", NULL},
    END_PARAMETER};

static const struct kalman_parameter_info ets_parameters[] = {
    VARIANCE("innovation_variance",
             "Variance of the one-step errors, in squared units of the data"),
    {"alpha", "Smoothing of the level", KALMAN_DOMAIN_INTERVAL, 0.0, 1.0, NULL, NULL},
    {"beta", "Smoothing of the trend, at most alpha", KALMAN_DOMAIN_INTERVAL, 0.0, 1.0, NULL,
     "trend"},
    {"damping", "Share of the trend that is left after one step", KALMAN_DOMAIN_INTERVAL, 0.0, 1.0,
     NULL, "damped"},
    {"gamma", "Smoothing of the season, at most 1 - alpha", KALMAN_DOMAIN_INTERVAL, 0.0, 1.0, NULL,
     "period"},
    END_PARAMETER};

static const struct kalman_parameter_info velocity_parameters[] = {
    OBSERVATION_VARIANCE,
    VARIANCE("acceleration_variance",
             "Spectral density of the white-noise acceleration (data^2 / time^3)"),
    END_PARAMETER};

static const struct kalman_parameter_info acceleration_parameters[] = {
    OBSERVATION_VARIANCE,
    VARIANCE("jerk_variance", "Spectral density of the white-noise jerk (data^2 / time^5)"),
    END_PARAMETER};

static const struct kalman_parameter_info drift_parameters[] = {LEVEL_VARIANCE, END_PARAMETER};

static const struct kalman_parameter_info no_parameters[] = {END_PARAMETER};

static const struct kalman_kind_info kinds[] = {
    {KALMAN_LOCAL_LEVEL, "local_level", "Local level (random walk plus noise)",
     "The data are a slowly moving level plus measurement noise; exponential smoothing with the "
     "best gain.",
     no_settings, level_parameters, true, true},
    {KALMAN_LOCAL_LINEAR_TREND, "local_linear_trend", "Local linear trend",
     "A level that moves with a slope, both changing at random.", no_settings, trend_parameters,
     true, true},
    {KALMAN_SMOOTH_TREND, "smooth_trend", "Smooth trend (integrated random walk)",
     "A local linear trend whose level changes only through its slope; smoothing gives a "
     "cubic-spline-like "
     "curve.",
     no_settings, smooth_trend_parameters, true, true},
    {KALMAN_DAMPED_TREND, "damped_trend", "Damped trend",
     "A local linear trend whose slope decays towards zero.", no_settings, damped_parameters, true,
     true},
    {KALMAN_SEASONAL, "seasonal", "Level and season",
     "A moving level plus a seasonal pattern that may change slowly.", seasonal_settings,
     seasonal_parameters, false, true},
    {KALMAN_BASIC_STRUCTURAL, "basic_structural", "Basic structural model",
     "Level, slope, season and noise (Harvey's BSM): the standard for monthly and quarterly data.",
     seasonal_settings, structural_parameters, false, true},
    {KALMAN_CYCLE, "cycle", "Level and stochastic cycle",
     "A moving level plus a damped cycle of unknown period.", no_settings, cycle_parameters, true,
     true},
    {KALMAN_ARIMA, "arima", "Seasonal ARIMA",
     "ARIMA(p,d,q)(P,D,Q) with exact likelihood, missing values included.", arima_settings,
     arima_parameters, false, true},
    {KALMAN_EXPONENTIAL_SMOOTHING, "exponential_smoothing", "Exponential smoothing",
     "Additive-error ETS: level, optional (damped) trend and additive season, with exact forecast "
     "intervals.",
     ets_settings, ets_parameters, false, true},
    {KALMAN_CONSTANT_VELOCITY, "constant_velocity", "Constant velocity",
     "Position and velocity with white-noise acceleration, at any times.", no_settings,
     velocity_parameters, true, true},
    {KALMAN_CONSTANT_ACCELERATION, "constant_acceleration", "Constant acceleration",
     "Position, velocity and acceleration with white-noise jerk, at any times.", no_settings,
     acceleration_parameters, true, true},
    {KALMAN_RANDOM_WALK_DRIFT, "random_walk_drift", "Random walk with drift",
     "Each value is the one before plus a constant drift plus noise; nothing is smoothed.",
     no_settings, drift_parameters, true, true},
    {KALMAN_CUSTOM, "custom", "Custom linear Gaussian model",
     "Any linear Gaussian state-space model by its matrices, several observations per time point "
     "allowed.",
     no_settings, no_parameters, false, false},
    {KALMAN_AUTO, "auto", "Automatic choice",
     "The best of several models by AICc; the answer says which and why.", auto_settings,
     no_parameters, true, true},
};

/* What the names in the rows above stand for; a test compares them. */
#define ONE(id)                                                                                    \
    {                                                                                              \
        id, CATALOGUE_NONE, CATALOGUE_NONE                                                         \
    }
#define ARRAY(id, length)                                                                          \
    {                                                                                              \
        id, length, CATALOGUE_NONE                                                                 \
    }
#define IF(id, enabled_by)                                                                         \
    {                                                                                              \
        id, CATALOGUE_NONE, enabled_by                                                             \
    }

static const unsigned char seasonal_setting_ids[] = {SETTING_PERIOD, SETTING_HARMONICS};
static const unsigned char arima_setting_ids[] = {SETTING_AR_ORDER,
                                                  SETTING_DIFFERENCES,
                                                  SETTING_MA_ORDER,
                                                  SETTING_SEASONAL_AR_ORDER,
                                                  SETTING_SEASONAL_DIFFERENCES,
                                                  SETTING_SEASONAL_MA_ORDER,
                                                  SETTING_PERIOD,
                                                  SETTING_MEAN};
static const unsigned char ets_setting_ids[] = {SETTING_TREND, SETTING_DAMPED, SETTING_PERIOD};
static const unsigned char auto_setting_ids[] = {SETTING_PERIOD};

static const struct catalogue_row level_rows[] = {ONE(PARAMETER_OBSERVATION_VARIANCE),
                                                  ONE(PARAMETER_LEVEL_VARIANCE)};
static const struct catalogue_row trend_rows[] = {ONE(PARAMETER_OBSERVATION_VARIANCE),
                                                  ONE(PARAMETER_LEVEL_VARIANCE),
                                                  ONE(PARAMETER_SLOPE_VARIANCE)};
static const struct catalogue_row smooth_trend_rows[] = {ONE(PARAMETER_OBSERVATION_VARIANCE),
                                                         ONE(PARAMETER_SLOPE_VARIANCE)};
static const struct catalogue_row damped_rows[] = {
    ONE(PARAMETER_OBSERVATION_VARIANCE), ONE(PARAMETER_LEVEL_VARIANCE),
    ONE(PARAMETER_SLOPE_VARIANCE), ONE(PARAMETER_DAMPING)};
static const struct catalogue_row seasonal_rows[] = {ONE(PARAMETER_OBSERVATION_VARIANCE),
                                                     ONE(PARAMETER_LEVEL_VARIANCE),
                                                     ONE(PARAMETER_SEASONAL_VARIANCE)};
static const struct catalogue_row structural_rows[] = {
    ONE(PARAMETER_OBSERVATION_VARIANCE), ONE(PARAMETER_LEVEL_VARIANCE),
    ONE(PARAMETER_SLOPE_VARIANCE), ONE(PARAMETER_SEASONAL_VARIANCE)};
static const struct catalogue_row cycle_rows[] = {
    ONE(PARAMETER_OBSERVATION_VARIANCE), ONE(PARAMETER_LEVEL_VARIANCE),
    ONE(PARAMETER_CYCLE_VARIANCE), ONE(PARAMETER_CYCLE_PERIOD), ONE(PARAMETER_DAMPING)};
static const struct catalogue_row arima_rows[] = {
    ONE(PARAMETER_INNOVATION_VARIANCE), ARRAY(PARAMETER_AR, 0), ARRAY(PARAMETER_MA, 2),
    ARRAY(PARAMETER_SEASONAL_AR, 3), ARRAY(PARAMETER_SEASONAL_MA, 5)};
static const struct catalogue_row ets_rows[] = {ONE(PARAMETER_INNOVATION_VARIANCE),
                                                ONE(PARAMETER_ALPHA), IF(PARAMETER_BETA, 0),
                                                IF(PARAMETER_DAMPING, 1), IF(PARAMETER_GAMMA, 2)};
static const struct catalogue_row velocity_rows[] = {ONE(PARAMETER_OBSERVATION_VARIANCE),
                                                     ONE(PARAMETER_ACCELERATION_VARIANCE)};
static const struct catalogue_row acceleration_rows[] = {ONE(PARAMETER_OBSERVATION_VARIANCE),
                                                         ONE(PARAMETER_JERK_VARIANCE)};
static const struct catalogue_row drift_rows[] = {ONE(PARAMETER_LEVEL_VARIANCE)};

static const struct catalogue_ids kind_ids[KALMAN_KIND_COUNT] = {
    [KALMAN_LOCAL_LEVEL] = {NULL, level_rows},
    [KALMAN_LOCAL_LINEAR_TREND] = {NULL, trend_rows},
    [KALMAN_SMOOTH_TREND] = {NULL, smooth_trend_rows},
    [KALMAN_DAMPED_TREND] = {NULL, damped_rows},
    [KALMAN_SEASONAL] = {seasonal_setting_ids, seasonal_rows},
    [KALMAN_BASIC_STRUCTURAL] = {seasonal_setting_ids, structural_rows},
    [KALMAN_CYCLE] = {NULL, cycle_rows},
    [KALMAN_ARIMA] = {arima_setting_ids, arima_rows},
    [KALMAN_EXPONENTIAL_SMOOTHING] = {ets_setting_ids, ets_rows},
    [KALMAN_CONSTANT_VELOCITY] = {NULL, velocity_rows},
    [KALMAN_CONSTANT_ACCELERATION] = {NULL, acceleration_rows},
    [KALMAN_RANDOM_WALK_DRIFT] = {NULL, drift_rows},
    [KALMAN_AUTO] = {auto_setting_ids, NULL},
};

static_assert(sizeof kinds / sizeof kinds[0] == KALMAN_KIND_COUNT, "one row per kind");

struct alias {
    const char *name;
    enum kalman_kind kind;
};

static const struct alias aliases[] = {
    {"level", KALMAN_LOCAL_LEVEL},         {"trend", KALMAN_LOCAL_LINEAR_TREND},
    {"bsm", KALMAN_BASIC_STRUCTURAL},      {"sarima", KALMAN_ARIMA},
    {"ets", KALMAN_EXPONENTIAL_SMOOTHING},
};

const struct kalman_kind_info *kalman_kind_at(size_t index)
{
    return index < KALMAN_KIND_COUNT ? &kinds[index] : NULL;
}

const struct kalman_kind_info *kalman_kind_describe(enum kalman_kind kind)
{
    return (unsigned)kind < KALMAN_KIND_COUNT ? &kinds[kind] : NULL;
}

const struct kalman_kind_info *kalman_kind_by_name(const char *name)
{
    if (!name)
        return NULL;
    for (size_t i = 0; i < KALMAN_KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].name, name) == 0)
            return &kinds[aliases[i].kind];
    return NULL;
}

const struct catalogue_ids *catalogue_ids(enum kalman_kind kind)
{
    assert((unsigned)kind < KALMAN_KIND_COUNT);
    return &kind_ids[kind];
}
