/*
 * Level (and slope) plus a season of s steps in s - 1 states, not s, so that the diffuse phase ends
 * (DK 3.2.2): dummy           gamma_{t+1} = -(gamma_t + ... + gamma_{t-s+2}) + omega_t
 * trigonometric   one rotating pair per harmonic at 2 pi j / s; the one at frequency pi has a
 * single state. All harmonics share seasonal_variance; all seasonal states start diffuse.
 */
#include "model/trend.h"
#include "numeric/expect.h"

#include <math.h>

static const double two_pi = 6.283185307179586476925;

static bool has_slope(const struct spec_layout *layout)
{
    return layout->info->kind == KALMAN_BASIC_STRUCTURAL;
}

static enum kalman_status shape(const struct spec_layout *layout, const struct kalman_spec *spec,
                                struct model_shape *ret_shape)
{
    (void)spec;
    int period = layout->setting[SETTING_PERIOD], harmonics = layout->setting[SETTING_HARMONICS];
    size_t trend = has_slope(layout) ? 2 : 1;
    if (2 * harmonics > period)
        return KALMAN_ESETTING;
    /* A season of sum zero has s - 1 free values; as many states come of all s/2 harmonics when s
     * is even, for sin(pi t) is always zero. */
    size_t seasonal =
        harmonics == 0 || 2 * harmonics == period ? (size_t)period - 1 : 2 * (size_t)harmonics;
    *ret_shape = (struct model_shape){.states = trend + seasonal,
                                      .disturbances = trend + (harmonics ? seasonal : 1),
                                      .diffuse = trend + seasonal};
    return KALMAN_OK;
}

static void fill_dummy(struct kalman_model *model, size_t first, size_t count, double variance)
{
    EXPECT(first + count <= model->states && first < model->disturbances);
    size_t m = model->states, r = model->disturbances;
    for (size_t j = 0; j < count; j++) {
        /* gamma_{t+1} = -(sum of the last s - 1) + omega; the other states are its past. */
        model->T[first * m + first + j] = -1;
        if (j > 0)
            model->T[(first + j) * m + first + j - 1] = 1;
        model->A1[(first + j) * model->diffuse + first + j] = 1;
    }
    model->Z[first] = 1;
    model->R[first * r + first] = 1;
    model->Q[first * r + first] = variance;
}

/* cos(2 pi k / s) with the quarter turns exact, so that T has exact zeros and ones there. */
static double cosine(size_t k, size_t period)
{
    EXPECT(period > 0);
    size_t eighth = 8 * (k % period);
    if (eighth % (2 * period) == 0) {
        static const double quarters[4] = {1, 0, -1, 0};
        return quarters[eighth / (2 * period)];
    }
    return cos(two_pi * (double)(k % period) / (double)period);
}

static double sine(size_t k, size_t period)
{
    EXPECT(period > 0);
    size_t eighth = 8 * (k % period);
    if (eighth % (2 * period) == 0) {
        static const double quarters[4] = {0, 1, 0, -1};
        return quarters[eighth / (2 * period)];
    }
    return sin(two_pi * (double)(k % period) / (double)period);
}

static void fill_trigonometric(struct kalman_model *model, size_t first, size_t count,
                               size_t period, double variance)
{
    EXPECT(first + count <= model->states && first + count <= model->disturbances && period > 0);
    size_t m = model->states, r = model->disturbances;
    for (size_t j = 0; j < count; j++) {
        size_t state = first + j, harmonic = j / 2 + 1;
        /* (gamma, gamma*) turned by 2 pi j/s; of the pair at frequency pi the second has no
         * part. */
        model->T[state * m + state] = cosine(harmonic, period);
        if (j % 2 == 1)
            model->T[state * m + state - 1] = -sine(harmonic, period);
        else if (j + 1 < count)
            model->T[state * m + state + 1] = sine(harmonic, period);
        model->Z[state] = j % 2 == 0 ? 1 : 0;
        model->R[state * r + state] = 1;
        model->Q[state * r + state] = variance;
        model->A1[state * model->diffuse + state] = 1;
    }
}

static enum kalman_status fill(const struct spec_layout *layout, const struct kalman_spec *spec,
                               struct kalman_model *model)
{
    struct model_shape sizes;
    enum kalman_status status = shape(layout, spec, &sizes);
    if (status != KALMAN_OK)
        return status;
    assert(sizes.states + model->input_count == model->states);
    size_t trend = has_slope(layout) ? 2 : 1, period = (size_t)layout->setting[SETTING_PERIOD];
    double variance = layout_value(layout, spec, PARAMETER_SEASONAL_VARIANCE);
    model->H[0] = layout_value(layout, spec, PARAMETER_OBSERVATION_VARIANCE);
    model_fill_trend(model, has_slope(layout), layout_value(layout, spec, PARAMETER_LEVEL_VARIANCE),
                     layout_value(layout, spec, PARAMETER_SLOPE_VARIANCE), 1);
    if (layout->setting[SETTING_HARMONICS] == 0)
        fill_dummy(model, trend, sizes.states - trend, variance);
    else
        fill_trigonometric(model, trend, sizes.states - trend, period, variance);
    return KALMAN_OK;
}

static void name(const struct spec_layout *layout, size_t state, char *buffer, size_t buffer_bytes)
{
    size_t trend = has_slope(layout) ? 2 : 1;
    if (state >= trend)
        state_name_write(buffer, buffer_bytes, "seasonal", state - trend + 1);
    else
        state_name_write(buffer, buffer_bytes, state == 0 ? "level" : "slope", 0);
}

const struct model_builder model_builder_seasonal = {KALMAN_SEASONAL, shape, fill, NULL, name};
const struct model_builder model_builder_basic_structural = {KALMAN_BASIC_STRUCTURAL, shape, fill,
                                                             NULL, name};
