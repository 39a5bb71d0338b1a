/* The rows of the catalogue by number: what its names stand for. Private to libkalman. */
#ifndef KALMAN_MODEL_CATALOGUE_H
#define KALMAN_MODEL_CATALOGUE_H

#include <kalman/spec.h>
#include <stddef.h>

/* The settings of all kinds. */
enum setting_id {
    SETTING_PERIOD,
    SETTING_HARMONICS,
    SETTING_AR_ORDER,             /* p of ARIMA */
    SETTING_DIFFERENCES,          /* d */
    SETTING_MA_ORDER,             /* q */
    SETTING_SEASONAL_AR_ORDER,    /* P */
    SETTING_SEASONAL_DIFFERENCES, /* D */
    SETTING_SEASONAL_MA_ORDER,    /* Q */
    SETTING_MEAN,
    SETTING_TREND,
    SETTING_DAMPED,
    SETTING_ID_COUNT
};

/* The parameters of all kinds, named as in the catalogue. */
enum parameter_id {
    PARAMETER_OBSERVATION_VARIANCE,
    PARAMETER_LEVEL_VARIANCE,
    PARAMETER_SLOPE_VARIANCE,
    PARAMETER_SEASONAL_VARIANCE,
    PARAMETER_CYCLE_VARIANCE,
    PARAMETER_INNOVATION_VARIANCE,
    PARAMETER_ACCELERATION_VARIANCE,
    PARAMETER_JERK_VARIANCE,
    PARAMETER_DAMPING,
    PARAMETER_CYCLE_PERIOD,
    PARAMETER_ALPHA,
    PARAMETER_BETA,
    PARAMETER_GAMMA,
    PARAMETER_AR,
    PARAMETER_MA,
    PARAMETER_SEASONAL_AR,
    PARAMETER_SEASONAL_MA,
    PARAMETER_ID_COUNT
};

/* A row of info->parameters, and the settings that it names, by their index in spec.settings;
 * CATALOGUE_NONE: NULL there. */
struct catalogue_row {
    unsigned char id; /* enum parameter_id */
    unsigned char length, enabled_by;
};

enum { CATALOGUE_NONE = KALMAN_SETTINGS_MAX };

struct catalogue_ids {
    const unsigned char *settings; /* enum setting_id, of each row of info->settings */
    const struct catalogue_row *parameters;
};

/* Elements of a row under the settings of a spec of its kind. */
static inline size_t catalogue_row_length(const struct catalogue_row *row,
                                          const struct kalman_spec *spec)
{
    if (row->enabled_by != CATALOGUE_NONE && spec->settings[row->enabled_by] == 0)
        return 0;
    int length = row->length != CATALOGUE_NONE ? spec->settings[row->length] : 1;
    return length > 0 ? (size_t)length : 0;
}

/* The numbers of a kind that kalman_kind_describe() knows. */
const struct catalogue_ids *catalogue_ids(enum kalman_kind kind);

#endif
