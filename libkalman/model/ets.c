/*
 * Additive exponential smoothing in innovations form (Hyndman, Koehler, Ord and Snyder 2008, ch.
 * 3), a single error:
 *     y_t = l_{t-1} + phi b_{t-1} + s_{t-s} + e_t
 *     l_t = l_{t-1} + phi b_{t-1} + alpha e_t,  b_t = phi b_{t-1} + beta e_t,  s_t = s_{t-s} +
 *       gamma e_t
 * The state is (l, b, s_1 .. s_s) at t-1 with e_t itself last; there is no separate observation
 * noise, so the filtered signal is the observation and the predicted signal is what exponential
 * smoothing calls the fitted value. l, b and the season start diffuse, the season's start summing
 * to zero (only that is identified), where the textbooks estimate starting values by least squares:
 * the forecast intervals here therefore know that the start is uncertain.
 */
#include "model/system.h"
#include "numeric/expect.h"

struct layout {
    /* settings; then states: slope = 1, first of the season, e */
    size_t trend, period, slope, season, error;
};

static struct layout lay_out(const struct spec_layout *layout)
{
    int trend = layout->setting[SETTING_TREND], period = layout->setting[SETTING_PERIOD];
    struct layout at = {
        .trend = trend > 0 ? 1 : 0, .period = period > 1 ? (size_t)period : 0, .slope = 1};
    assert(trend >= 0 && period >= 0);
    at.season = 1 + at.trend;
    at.error = at.season + at.period;
    return at;
}

static enum kalman_status shape(const struct spec_layout *layout, const struct kalman_spec *spec,
                                struct model_shape *ret_shape)
{
    (void)spec;
    struct layout at = lay_out(layout);
    if (layout->setting[SETTING_PERIOD] == 1 ||
        (layout->setting[SETTING_DAMPED] > 0 && layout->setting[SETTING_TREND] <= 0))
        return KALMAN_ESETTING;
    /* e_1 has a distribution, and a season of sum zero one direction less than states. */
    *ret_shape = (struct model_shape){
        .states = at.error + 1, .disturbances = 1, .diffuse = at.error - (at.period ? 1 : 0)};
    return ret_shape->states > KALMAN_STATES_MAX ? KALMAN_ESETTING : KALMAN_OK;
}

/* Season states s_{t-1} .. s_{t-s}: the last one enters y_t and comes round to the front. */
static void fill_season(const struct layout *at, double gamma, struct kalman_model *model)
{
    EXPECT(at->period > 1 && at->error < model->states);
    size_t m = model->states, first = at->season, last = first + at->period - 1,
           columns = at->period - 1;
    model->Z[last] = 1;
    model->T[first * m + last] = 1;
    model->T[first * m + at->error] = gamma;
    for (size_t j = first + 1; j <= last; j++)
        model->T[j * m + j - 1] = 1;
    /* The last is minus the sum of the others: a season of sum zero, s - 1 directions. */
    for (size_t k = 0; k < columns; k++) {
        model->A1[(first + k) * model->diffuse + first + k] = 1;
        model->A1[last * model->diffuse + first + k] = -1;
    }
}

static enum kalman_status fill(const struct spec_layout *layout, const struct kalman_spec *spec,
                               struct kalman_model *model)
{
    struct layout at = lay_out(layout);
    size_t m = model->states, d = model->diffuse;
    double damping =
        layout->setting[SETTING_DAMPED] > 0 ? layout_value(layout, spec, PARAMETER_DAMPING) : 1;
    EXPECT(at.error < m && d + (at.period ? 1 : 0) >= at.error);
    model->level_state = 0;
    model->Z[0] = model->T[0] = model->A1[0] = 1;
    model->T[at.error] = layout_value(layout, spec, PARAMETER_ALPHA);
    if (at.trend) {
        /* phi stands in Z and in both rows of T: this form damps the slope before it is used. */
        model->Z[at.slope] = model->T[at.slope] = model->T[at.slope * m + at.slope] = damping;
        model->T[at.slope * m + at.error] = layout_value(layout, spec, PARAMETER_BETA);
        model->A1[at.slope * d + at.slope] = 1;
    }
    if (at.period)
        fill_season(&at, layout_value(layout, spec, PARAMETER_GAMMA), model);
    /* H = 0 and the error a state: the same e_t moves y_t and the level, which a measurement noise
     * independent of the state's cannot. Its own row of T is zero. */
    model->Z[at.error] = 1;
    model->R[at.error] = 1;
    model->Q[0] = model->P1[at.error * m + at.error] =
        layout_value(layout, spec, PARAMETER_INNOVATION_VARIANCE);
    return KALMAN_OK;
}

static void name(const struct spec_layout *layout, size_t state, char *buffer, size_t buffer_bytes)
{
    struct layout at = lay_out(layout);
    if (state == at.error)
        state_name_write(buffer, buffer_bytes, "error", 0);
    else if (state >= at.season)
        state_name_write(buffer, buffer_bytes, "seasonal", state - at.season + 1);
    else
        state_name_write(buffer, buffer_bytes, state == 0 ? "level" : "slope", 0);
}

const struct model_builder model_builder_exponential_smoothing = {KALMAN_EXPONENTIAL_SMOOTHING,
                                                                  shape, fill, NULL, name};
