/*
 * Reading and writing a spec through the catalogue.
 */
#include "model/layout.h"

#include "model/catalogue.h"
#include "model/domain.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

static int setting_index(const struct kalman_kind_info *info, const char *name)
{
    for (int i = 0; name && info->settings[i].name; i++)
        if (strcmp(info->settings[i].name, name) == 0)
            return i;
    return -1;
}

void kalman_spec_init(struct kalman_spec *spec, enum kalman_kind kind)
{
    assert(spec);
    memset(spec, 0, sizeof *spec);
    /* NaN stands for "to be fitted": a spec that nobody touches is one to estimate entirely. */
    spec->kind = kind;
    for (size_t i = 0; i < KALMAN_PARAMETERS_MAX; i++)
        spec->parameters[i] = NAN;
    const struct kalman_kind_info *info = kalman_kind_describe(kind);
    for (int i = 0; info && info->settings[i].name; i++)
        spec->settings[i] = info->settings[i].initial;
}

/* The row of the catalogue with this name, and its place. */
static enum kalman_status locate(const struct kalman_spec *spec, const char *name,
                                 struct layout_parameter *ret_parameter)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    if (!info || !name)
        return KALMAN_EINVAL;
    const struct catalogue_row *rows = catalogue_ids(spec->kind)->parameters;
    size_t at = 0;
    for (size_t i = 0; info->parameters[i].name; i++) {
        /* A row that the settings disable takes no place, so where a row begins depends on all
         * settings before it. */
        size_t count = catalogue_row_length(&rows[i], spec);
        if (at + count > KALMAN_PARAMETERS_MAX)
            return KALMAN_ESETTING;
        if (strcmp(info->parameters[i].name, name) == 0) {
            *ret_parameter = (struct layout_parameter){&info->parameters[i], rows[i].id,
                                                       (unsigned char)at, (unsigned char)count};
            return KALMAN_OK;
        }
        at += count;
    }
    return KALMAN_EINVAL;
}

enum kalman_status kalman_spec_locate(const struct kalman_spec *spec, const char *name,
                                      size_t *ret_offset, size_t *ret_count)
{
    struct layout_parameter found;
    enum kalman_status status = locate(spec, name, &found);
    if (status != KALMAN_OK)
        return status;
    *ret_offset = found.at;
    *ret_count = found.count;
    return KALMAN_OK;
}

enum kalman_status kalman_spec_set_int(struct kalman_spec *spec, const char *name, int value)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    int index = info ? setting_index(info, name) : -1;
    if (index < 0)
        return KALMAN_EINVAL;
    EXPECT(index < KALMAN_SETTINGS_MAX);
    if (value < info->settings[index].minimum || value > info->settings[index].maximum)
        return KALMAN_ESETTING;
    spec->settings[index] = value;
    return KALMAN_OK;
}

enum kalman_status kalman_spec_set_array(struct kalman_spec *spec, const char *name,
                                         const double *values, size_t count)
{
    struct layout_parameter found;
    enum kalman_status status = locate(spec, name, &found);
    if (status != KALMAN_OK)
        return status;
    if (found.count != count || count == 0)
        return KALMAN_EINVAL;
    if (!domain_holds_array(found.info, values, count))
        return KALMAN_EPARAMETER;
    EXPECT(found.at + count <= KALMAN_PARAMETERS_MAX);
    memcpy(spec->parameters + found.at, values, count * sizeof *values);
    return KALMAN_OK;
}

enum kalman_status kalman_spec_set(struct kalman_spec *spec, const char *name, double value)
{
    struct layout_parameter found;
    enum kalman_status status = locate(spec, name, &found);
    if (status != KALMAN_OK)
        return status;
    if (found.info->length || found.count != 1)
        return KALMAN_EINVAL;
    if (!domain_holds(found.info, value))
        return KALMAN_EPARAMETER;
    EXPECT(found.at < KALMAN_PARAMETERS_MAX);
    spec->parameters[found.at] = value;
    return KALMAN_OK;
}

double kalman_spec_get(const struct kalman_spec *spec, const char *name)
{
    struct layout_parameter found;
    if (locate(spec, name, &found) != KALMAN_OK || found.count != 1)
        return NAN;
    double value = spec->parameters[found.at];
    /* A fit may hold variances in units of 2^variance_exponent, which reach further than
     * doubles. */
    return found.info->domain == KALMAN_DOMAIN_VARIANCE ? ldexp(value, spec->variance_exponent)
                                                        : value;
}

int kalman_spec_get_int(const struct kalman_spec *spec, const char *name)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    int index = info ? setting_index(info, name) : -1;
    return index < 0 ? -1 : spec->settings[index];
}

size_t kalman_spec_parameter_count(const struct kalman_spec *spec)
{
    struct spec_layout layout;
    return layout_resolve(spec, &layout) == KALMAN_OK ? layout.length : 0;
}

size_t kalman_spec_free_count(const struct kalman_spec *spec)
{
    struct spec_layout layout;
    return layout_resolve(spec, &layout) == KALMAN_OK ? layout_free_count(&layout, spec) : 0;
}

bool kalman_spec_follows_shift(const struct kalman_spec *spec)
{
    return spec->kind != KALMAN_ARIMA || kalman_spec_get_int(spec, "mean") != 0 ||
           kalman_spec_get_int(spec, "d") != 0 || kalman_spec_get_int(spec, "D") != 0;
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

enum { dummy_period_max = 366 };

/* What the settings must satisfy together. */
static enum kalman_status settings_check_jointly(const struct spec_layout *layout,
                                                 const char **name)
{
    assert(layout->info);
    const short *setting = layout->setting;
    const int period = setting[SETTING_PERIOD];
    bool good = true;
    switch (layout->info->kind) {
    case KALMAN_SEASONAL:
    case KALMAN_BASIC_STRUCTURAL:
        /* One state for each step of a season is too much for more than a year of days. */
        good = setting[SETTING_HARMONICS] > 0 || period <= dummy_period_max;
        *name = good ? "harmonics" : "period";
        good = good && 2 * setting[SETTING_HARMONICS] <= period;
        break;
    case KALMAN_ARIMA:
        *name = "period";
        good = period >= 2 || setting[SETTING_SEASONAL_AR_ORDER] +
                                      setting[SETTING_SEASONAL_DIFFERENCES] +
                                      setting[SETTING_SEASONAL_MA_ORDER] ==
                                  0;
        break;
    case KALMAN_EXPONENTIAL_SMOOTHING:
        good = !setting[SETTING_DAMPED] || setting[SETTING_TREND];
        *name = good ? "period" : "damped";
        good = good && period != 1;
        break;
    case KALMAN_AUTO:
        *name = "period";
        good = period != 1;
        break;
    default:
        break;
    }
    return good ? KALMAN_OK : KALMAN_ESETTING;
}

enum kalman_status spec_resolve(const struct kalman_spec *spec, bool complete,
                                struct spec_layout *ret_layout, const char **ret_name)
{
    assert(ret_layout);
    const char *name = "model";
    const struct kalman_kind_info *info = spec ? kalman_kind_describe(spec->kind) : NULL;
    enum kalman_status status = info ? KALMAN_OK : KALMAN_EINVAL;
    if (status == KALMAN_OK)
        status = settings_check(spec, info, &name);
    if (status == KALMAN_OK)
        status = layout_resolve(spec, ret_layout);
    if (status == KALMAN_OK)
        status = settings_check_jointly(ret_layout, &name);
    if (status == KALMAN_OK)
        status = layout_check_parameters(ret_layout, spec, complete, &name);
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

enum kalman_status kalman_spec_check(const struct kalman_spec *spec, bool complete,
                                     const char **ret_name)
{
    struct spec_layout layout;
    return spec_resolve(spec, complete, &layout, ret_name);
}
