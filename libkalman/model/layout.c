#include "model/layout.h"

#include "model/catalogue.h"
#include "model/domain.h"
#include "numeric/expect.h"

#include <math.h>

enum kalman_status layout_resolve(const struct kalman_spec *spec, struct spec_layout *ret_layout)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    if (!info)
        return KALMAN_EINVAL;
    const struct catalogue_ids *ids = catalogue_ids(spec->kind);
    struct spec_layout layout = {.info = info};
    size_t at = 0;
    for (size_t i = 0; info->settings[i].name; i++) {
        EXPECT(ids->settings[i] < SETTING_ID_COUNT);
        layout.setting[ids->settings[i]] = (short)spec->settings[i];
    }
    for (size_t i = 0; info->parameters[i].name; i++) {
        const struct catalogue_row *row = &ids->parameters[i];
        EXPECT(i < LAYOUT_PARAMETERS_MAX && row->id < PARAMETER_ID_COUNT);
        size_t count = catalogue_row_length(row, spec);
        if (at + count > KALMAN_PARAMETERS_MAX)
            return KALMAN_ESETTING;
        layout.parameters[i] = (struct layout_parameter){&info->parameters[i], row->id,
                                                         (unsigned char)at, (unsigned char)count};
        layout.row[row->id] = (unsigned char)(i + 1);
        layout.parameter_count++;
        at += count;
    }
    layout.length = (unsigned char)at;
    *ret_layout = layout;
    return KALMAN_OK;
}

enum kalman_status layout_check_parameters(const struct spec_layout *layout,
                                           const struct kalman_spec *spec, bool complete,
                                           const char **ret_name)
{
    EXPECT(layout->length <= KALMAN_PARAMETERS_MAX);
    for (size_t row = 0; row < layout->parameter_count; row++) {
        const struct layout_parameter *p = &layout->parameters[row];
        const double *values = spec->parameters + p->at;
        *ret_name = p->info->name;
        for (size_t i = 0; complete && i < p->count; i++)
            if (isnan(values[i]))
                return KALMAN_EMISSINGPARAMETER;
        if (!domain_holds_array(p->info, values, p->count))
            return KALMAN_EPARAMETER;
    }
    return KALMAN_OK;
}

size_t layout_free_count(const struct spec_layout *layout, const struct kalman_spec *spec)
{
    assert(layout->length <= KALMAN_PARAMETERS_MAX);
    size_t count = 0;
    for (size_t i = 0; i < layout->length; i++)
        count += isnan(spec->parameters[i]) != 0;
    return count;
}

int layout_sd_exponent(const struct spec_layout *layout, const struct kalman_spec *spec)
{
    assert(layout->info->kind != KALMAN_CUSTOM); /* its variances are in spec->system */
    double largest = 0.0;
    for (size_t row = 0; row < layout->parameter_count; row++) {
        const struct layout_parameter *p = &layout->parameters[row];
        for (size_t i = 0; p->info->domain == KALMAN_DOMAIN_VARIANCE && i < p->count; i++)
            largest = fmax(largest, spec->parameters[p->at + i]);
    }
    if (!(largest > 0.0))
        return 0;
    int exponent = ilogb(largest) + spec->variance_exponent;
    /* floor(exponent / 2), for negative ones too, where / alone rounds up: the unit of variance is
     * 4^result, which leaves the largest in [1, 4). */
    return (exponent - (exponent & 1)) / 2;
}

void layout_scale(const struct spec_layout *layout, int exponent, struct kalman_spec *spec)
{
    assert(exponent % 2 == 0); /* standard deviations keep a unit that is a power of two as well */
    for (size_t row = 0; row < layout->parameter_count; row++) {
        const struct layout_parameter *p = &layout->parameters[row];
        /* ldexp(), for 2^(difference) need not be a double. Other domains have no unit. */
        for (size_t i = 0; p->info->domain == KALMAN_DOMAIN_VARIANCE && i < p->count; i++)
            spec->parameters[p->at + i] =
                ldexp(spec->parameters[p->at + i], spec->variance_exponent - exponent);
    }
    spec->variance_exponent = exponent;
}
