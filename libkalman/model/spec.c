/*
 * Reading and writing a spec through the catalogue.
 */
#include "model/spec.h"

#include "numeric/lag_polynomial.h"

#include <math.h>
#include <string.h>

static int setting_index(const struct kalman_kind_info *info, const char *name)
{
    for (int i = 0; name && info->settings[i].name; i++)
        if (strcmp(info->settings[i].name, name) == 0)
            return i;
    return -1;
}

static size_t parameter_length(const struct kalman_spec *spec, const struct kalman_kind_info *info,
                               const struct kalman_parameter_info *parameter)
{
    if (parameter->enabled_by && spec->settings[setting_index(info, parameter->enabled_by)] == 0)
        return 0;
    if (!parameter->length)
        return 1;
    int length = spec->settings[setting_index(info, parameter->length)];
    return length > 0 ? (size_t)length : 0;
}

void kalman_spec_init(struct kalman_spec *spec, enum kalman_kind kind)
{
    memset(spec, 0, sizeof *spec);
    spec->kind = kind;
    for (size_t i = 0; i < KALMAN_PARAMETERS_MAX; i++)
        spec->parameters[i] = NAN;
    const struct kalman_kind_info *info = kalman_kind_describe(kind);
    for (int i = 0; info && info->settings[i].name; i++)
        spec->settings[i] = info->settings[i].initial;
}

/* The parameter of this name with its place in the array. */
static enum kalman_status locate(const struct kalman_spec *spec, const char *name,
                                 const struct kalman_parameter_info **ret_info, size_t *ret_offset,
                                 size_t *ret_count)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    if (!info || !name)
        return KALMAN_EINVAL;
    size_t offset = 0;
    for (const struct kalman_parameter_info *parameter = info->parameters; parameter->name;
         parameter++) {
        size_t length = parameter_length(spec, info, parameter);
        if (offset + length > KALMAN_PARAMETERS_MAX)
            return KALMAN_ESETTING;
        if (strcmp(parameter->name, name) == 0) {
            *ret_info = parameter;
            *ret_offset = offset;
            *ret_count = length;
            return KALMAN_OK;
        }
        offset += length;
    }
    return KALMAN_EINVAL;
}

enum kalman_status kalman_spec_locate(const struct kalman_spec *spec, const char *name,
                                      size_t *ret_offset, size_t *ret_count)
{
    const struct kalman_parameter_info *info = NULL;
    return locate(spec, name, &info, ret_offset, ret_count);
}

/* One element: finite and within its bounds. */
static bool element_valid(const struct kalman_parameter_info *info, double value)
{
    if (!isfinite(value))
        return false;
    return value >= info->lower && value <= info->upper &&
           !(info->domain == KALMAN_DOMAIN_POSITIVE && value <= 0.0);
}

/* Are all roots of 1 + sign * sum x_i (shrink B)^i outside the unit circle? By partial
 * autocorrelations. */
static bool roots_outside(double sign, const double *values, size_t count, double shrink)
{
    double coefficients[KALMAN_PARAMETERS_MAX] = {0.0}, partial[KALMAN_PARAMETERS_MAX] = {0.0};
    double power = 1.0;
    for (size_t i = 0; i < count; i++) {
        power *= shrink;
        coefficients[i] = -sign * values[i] * power;
    }
    lag_to_partial(coefficients, count, partial);
    for (size_t i = 0; i < count; i++)
        if (!(fabs(partial[i]) < 1.0))
            return false;
    return true;
}

/* A whole array; NaN elements are "to be fitted" and leave the polynomial undecided. */
static bool array_valid(const struct kalman_parameter_info *info, const double *values,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            return true;
        if (!element_valid(info, values[i]))
            return false;
    }
    if (info->domain == KALMAN_DOMAIN_STATIONARY)
        return roots_outside(-1.0, values, count, 1.0);
    /* roots on the circle are a valid model */
    if (info->domain == KALMAN_DOMAIN_INVERTIBLE)
        return roots_outside(1.0, values, count, 1.0 - 1e-9);
    return true;
}

enum kalman_status kalman_spec_set_int(struct kalman_spec *spec, const char *name, int value)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    int index = info ? setting_index(info, name) : -1;
    if (index < 0)
        return KALMAN_EINVAL;
    if (value < info->settings[index].minimum || value > info->settings[index].maximum)
        return KALMAN_ESETTING;
    spec->settings[index] = value;
    return KALMAN_OK;
}

enum kalman_status kalman_spec_set_array(struct kalman_spec *spec, const char *name,
                                         const double *values, size_t count)
{
    const struct kalman_parameter_info *info = NULL;
    size_t offset = 0, length = 0;
    enum kalman_status status = locate(spec, name, &info, &offset, &length);
    if (status != KALMAN_OK)
        return status;
    if (length != count || count == 0)
        return KALMAN_EINVAL;
    if (!array_valid(info, values, count))
        return KALMAN_EPARAMETER;
    memcpy(spec->parameters + offset, values, count * sizeof *values);
    return KALMAN_OK;
}

enum kalman_status kalman_spec_set(struct kalman_spec *spec, const char *name, double value)
{
    const struct kalman_parameter_info *info = NULL;
    size_t offset = 0, length = 0;
    enum kalman_status status = locate(spec, name, &info, &offset, &length);
    if (status != KALMAN_OK)
        return status;
    if (info->length || length != 1)
        return KALMAN_EINVAL;
    if (!element_valid(info, value))
        return KALMAN_EPARAMETER;
    spec->parameters[offset] = value;
    return KALMAN_OK;
}

double spec_parameter(const struct kalman_spec *spec, const char *name)
{
    size_t offset = 0, length = 0;
    if (kalman_spec_locate(spec, name, &offset, &length) != KALMAN_OK || length == 0)
        return 0.0;
    return spec->parameters[offset];
}

double kalman_spec_get(const struct kalman_spec *spec, const char *name)
{
    const struct kalman_parameter_info *info = NULL;
    size_t offset = 0, length = 0;
    if (locate(spec, name, &info, &offset, &length) != KALMAN_OK || length != 1)
        return NAN;
    double value = spec->parameters[offset];
    return info->domain == KALMAN_DOMAIN_VARIANCE ? ldexp(value, spec->variance_exponent) : value;
}

int kalman_spec_get_int(const struct kalman_spec *spec, const char *name)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    int index = info ? setting_index(info, name) : -1;
    return index < 0 ? -1 : spec->settings[index];
}

size_t kalman_spec_parameter_count(const struct kalman_spec *spec)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    size_t count = 0;
    for (const struct kalman_parameter_info *p = info ? info->parameters : NULL; p && p->name; p++)
        count += parameter_length(spec, info, p);
    return count;
}

size_t kalman_spec_free_count(const struct kalman_spec *spec)
{
    size_t count = kalman_spec_parameter_count(spec), free_count = 0;
    for (size_t i = 0; i < count && i < KALMAN_PARAMETERS_MAX; i++)
        free_count += isnan(spec->parameters[i]) != 0;
    return free_count;
}

static enum kalman_status settings_check(const struct kalman_spec *spec,
                                         const struct kalman_kind_info *info, const char **name)
{
    for (int i = 0; info->settings[i].name; i++) {
        const struct kalman_setting_info *setting = &info->settings[i];
        *name = setting->name;
        if (spec->settings[i] < setting->minimum || spec->settings[i] > setting->maximum)
            return KALMAN_ESETTING;
    }
    return KALMAN_OK;
}

/* What the settings must satisfy together. */
static enum kalman_status settings_check_jointly(const struct kalman_spec *spec, const char **name)
{
    int period = kalman_spec_get_int(spec, "period");
    switch (spec->kind) {
    case KALMAN_SEASONAL:
    case KALMAN_BASIC_STRUCTURAL:
        *name = "harmonics";
        return 2 * kalman_spec_get_int(spec, "harmonics") > period ? KALMAN_ESETTING : KALMAN_OK;
    case KALMAN_ARIMA:
        *name = "period";
        if (kalman_spec_get_int(spec, "P") + kalman_spec_get_int(spec, "D") +
                    kalman_spec_get_int(spec, "Q") >
                0 &&
            period < 2)
            return KALMAN_ESETTING;
        return KALMAN_OK;
    case KALMAN_EXPONENTIAL_SMOOTHING:
        *name = "damped";
        if (kalman_spec_get_int(spec, "damped") && !kalman_spec_get_int(spec, "trend"))
            return KALMAN_ESETTING;
        *name = "period";
        return period == 1 ? KALMAN_ESETTING : KALMAN_OK;
    case KALMAN_AUTO:
        *name = "period";
        return period == 1 ? KALMAN_ESETTING : KALMAN_OK;
    default:
        return KALMAN_OK;
    }
}

static enum kalman_status parameters_check(const struct kalman_spec *spec,
                                           const struct kalman_kind_info *info, bool complete,
                                           const char **name)
{
    size_t offset = 0;
    for (const struct kalman_parameter_info *p = info->parameters; p->name; p++) {
        size_t length = parameter_length(spec, info, p);
        *name = p->name;
        if (offset + length > KALMAN_PARAMETERS_MAX)
            return KALMAN_ESETTING;
        for (size_t i = 0; complete && i < length; i++)
            if (isnan(spec->parameters[offset + i]))
                return KALMAN_EMISSINGPARAMETER;
        if (!array_valid(p, spec->parameters + offset, length))
            return KALMAN_EPARAMETER;
        offset += length;
    }
    return KALMAN_OK;
}

enum kalman_status kalman_spec_check(const struct kalman_spec *spec, bool complete,
                                     const char **ret_name)
{
    const char *name = "model";
    const struct kalman_kind_info *info = spec ? kalman_kind_describe(spec->kind) : NULL;
    enum kalman_status status = info ? KALMAN_OK : KALMAN_EINVAL;
    if (status == KALMAN_OK)
        status = settings_check(spec, info, &name);
    if (status == KALMAN_OK)
        status = settings_check_jointly(spec, &name);
    if (status == KALMAN_OK)
        status = parameters_check(spec, info, complete, &name);
    if (status == KALMAN_OK && spec->input_count > (info->accepts_inputs ? KALMAN_INPUTS_MAX : 0)) {
        name = "inputs";
        status = KALMAN_EINPUTS;
    }
    if (status == KALMAN_OK && (spec->kind == KALMAN_CUSTOM) != (spec->system != NULL)) {
        name = "system";
        status = KALMAN_EINVAL;
    }
    if (status != KALMAN_OK && ret_name)
        *ret_name = name;
    return status;
}

int spec_sd_exponent(const struct kalman_spec *spec)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    double largest = 0.0;
    size_t offset = 0;
    for (const struct kalman_parameter_info *p = info->parameters; p->name; p++) {
        size_t length = parameter_length(spec, info, p);
        for (size_t i = 0; p->domain == KALMAN_DOMAIN_VARIANCE && i < length; i++)
            largest = fmax(largest, spec->parameters[offset + i]);
        offset += length;
    }
    if (!(largest > 0.0))
        return 0;
    int exponent = ilogb(largest) + spec->variance_exponent;
    return (exponent - (exponent & 1)) / 2;
}
