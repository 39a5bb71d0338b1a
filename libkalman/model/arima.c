/*
 * Seasonal ARIMA(p,d,q)(P,D,Q)s with exact likelihood (Harvey 1989, 3.3.19; Durbin and Koopman 3.4;
 * Gardner, Harvey and Phillips 1980). With w_t = (1-B)^d (1-B^s)^D y_t - mean an ARMA whose
 * polynomials are the products of the plain and the seasonal ones, the state is
 *     the ARMA part  r = max(p', q' + 1) elements, stationary: it starts from its own variance (a
 *       Lyapunov equation);
 *     lagged data    y_{t-1} .. y_{t-d'}, d' = d + s D, diffuse: they undo the differencing;
 *     the mean       of w, one diffuse constant, when setting "mean" is 1 (a drift after one
 *       differencing).
 * Differencing in the state keeps missing values exact: nothing is dropped or filled in.
 */
#include "model/arima.h"

#include "model/system.h"
#include "numeric/expect.h"
#include "numeric/lag_polynomial.h"
#include "numeric/lyapunov.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The settings, and what follows from them. */
struct orders {
    size_t p, d, q, seasonal_p, seasonal_d, seasonal_q, period, mean;
    size_t ar, ma, lags; /* p' = p + s P, q' = q + s Q, d' = d + s D */
    size_t arma_states;  /* r */
};

static enum kalman_status read_orders(const struct spec_layout *layout, struct orders *ret_orders)
{
    struct orders o = {.p = layout_setting(layout, SETTING_AR_ORDER),
                       .d = layout_setting(layout, SETTING_DIFFERENCES),
                       .q = layout_setting(layout, SETTING_MA_ORDER),
                       .seasonal_p = layout_setting(layout, SETTING_SEASONAL_AR_ORDER),
                       .seasonal_d = layout_setting(layout, SETTING_SEASONAL_DIFFERENCES),
                       .seasonal_q = layout_setting(layout, SETTING_SEASONAL_MA_ORDER),
                       .period = layout_setting(layout, SETTING_PERIOD),
                       .mean = layout_setting(layout, SETTING_MEAN)};
    if (o.seasonal_p + o.seasonal_d + o.seasonal_q > 0 && o.period < 2)
        return KALMAN_ESETTING;
    o.ar = o.p + o.period * o.seasonal_p;
    o.ma = o.q + o.period * o.seasonal_q;
    o.lags = o.d + o.period * o.seasonal_d;
    /* Harvey's form: q' + 1, for the last of its states carries ma_q' e_t alone. */
    o.arma_states = o.ar > o.ma + 1 ? o.ar : o.ma + 1;
    *ret_orders = o;
    return KALMAN_OK;
}

static enum kalman_status shape(const struct spec_layout *layout, const struct kalman_spec *spec,
                                struct model_shape *ret_shape)
{
    (void)spec;
    struct orders o;
    enum kalman_status status = read_orders(layout, &o);
    if (status != KALMAN_OK)
        return status;
    *ret_shape = (struct model_shape){
        .states = o.arma_states + o.lags + o.mean, .disturbances = 1, .diffuse = o.lags + o.mean};
    return ret_shape->states > KALMAN_STATES_MAX ? KALMAN_ESETTING : KALMAN_OK;
}

static const double *coefficients(const struct spec_layout *layout, const struct kalman_spec *spec,
                                  enum parameter_id id)
{
    return spec->parameters + layout_at(layout, id);
}

void arima_ar(const struct spec_layout *layout, const struct kalman_spec *spec, double *ret_ar)
{
    lag_multiply(-1, coefficients(layout, spec, PARAMETER_AR),
                 layout_setting(layout, SETTING_AR_ORDER),
                 coefficients(layout, spec, PARAMETER_SEASONAL_AR),
                 layout_setting(layout, SETTING_SEASONAL_AR_ORDER),
                 layout_setting(layout, SETTING_PERIOD), ret_ar);
}

void arima_ma(const struct spec_layout *layout, const struct kalman_spec *spec, double *ret_ma)
{
    lag_multiply(1, coefficients(layout, spec, PARAMETER_MA),
                 layout_setting(layout, SETTING_MA_ORDER),
                 coefficients(layout, spec, PARAMETER_SEASONAL_MA),
                 layout_setting(layout, SETTING_SEASONAL_MA_ORDER),
                 layout_setting(layout, SETTING_PERIOD), ret_ma);
}

/* T and R of the ARMA block at the top left, V = R R'. */
static void fill_arma(const struct spec_layout *layout, const struct kalman_spec *spec,
                      const struct orders *o, struct kalman_model *model)
{
    EXPECT(o->arma_states <= model->states && o->arma_states <= KALMAN_STATES_MAX);
    EXPECT(o->ar <= KALMAN_STATES_MAX && o->ma < KALMAN_STATES_MAX);
    double ar[KALMAN_STATES_MAX], ma[KALMAN_STATES_MAX];
    size_t m = model->states;
    arima_ar(layout, spec, ar);
    arima_ma(layout, spec, ma);
    for (size_t i = 0; i < o->arma_states; i++) {
        /* w_t = first state; x_i,t+1 = ar_i w_t + x_{i+1},t + ma_{i-1} e_{t+1}: each state holds
         * what the values up to now add to w some steps ahead (Harvey 1989, 3.3.19). */
        model->T[i * m] = i < o->ar ? ar[i] : 0;
        if (i + 1 < o->arma_states)
            model->T[i * m + i + 1] = 1;
        model->R[i] = i == 0 ? 1 : (i <= o->ma ? ma[i - 1] : 0);
    }
}

/* No AR part: T shifts, so P1_ij = P1_{i+1,j+1} + V_ij, summed from the far corner. */
static void start_moving_average(size_t r, double variance, struct kalman_model *model)
{
    EXPECT(r <= model->states);
    assert(variance >= 0.0);
    size_t m = model->states;
    for (size_t i = r; i-- > 0;)
        for (size_t j = r; j-- > 0;) {
            double later = i + 1 < r && j + 1 < r ? model->P1[(i + 1) * m + j + 1] : 0;
            model->P1[i * m + j] = later + model->R[i] * model->R[j] * variance;
        }
}

static enum kalman_status start_stationary(size_t r, double variance, struct kalman_model *model)
{
    EXPECT(r <= model->states);
    assert(variance >= 0.0);
    /* The ARMA block alone, copied together: the lags have eigenvalues on the unit circle, with
     * which no stationary variance exists. */
    size_t m = model->states, square = r * r;
    double *work = malloc((3 * square + lyapunov_work_size(r)) * sizeof(double));
    if (!work)
        return KALMAN_ENOMEM;
    double *transition = work, *noise = work + square, *solution = work + 2 * square;
    for (size_t i = 0; i < r; i++)
        for (size_t j = 0; j < r; j++) {
            transition[i * r + j] = model->T[i * m + j];
            noise[i * r + j] = model->R[i] * model->R[j] * variance;
        }
    bool exists = lyapunov_solve(r, transition, noise, model->cancel, work + 3 * square, solution);
    for (size_t i = 0; exists && i < r; i++)
        memcpy(model->P1 + i * m, solution + i * r, r * sizeof(double));
    free(work);
    /* lyapunov_solve() returns false for both. */
    if (model->cancel && model->cancel->cancelled)
        return KALMAN_ECANCELLED;
    return exists ? KALMAN_OK : KALMAN_EPARAMETER;
}

/* y_t = w_t + mean + sum delta_j y_{t-j}: the first lag takes this row, the others shift. */
static void fill_lags_and_mean(const struct orders *o, struct kalman_model *model)
{
    EXPECT(o->arma_states + o->lags + o->mean == model->states - model->input_count);
    double delta[KALMAN_STATES_MAX];
    size_t m = model->states, first = o->arma_states, mean = first + o->lags;
    EXPECT(o->lags <= KALMAN_STATES_MAX && o->lags + o->mean <= model->diffuse);
    lag_differences(o->d, o->seasonal_d, o->period, delta);
    model->Z[0] = 1;
    for (size_t j = 0; j < o->lags; j++) {
        model->Z[first + j] = delta[j];
        model->A1[(first + j) * model->diffuse + j] = 1;
        model->shift[first + j] = 1; /* the coefficients of the lags sum to one */
        if (j > 0)
            model->T[(first + j) * m + first + j - 1] = 1;
    }
    if (o->mean) {
        model->Z[mean] = model->T[mean * m + mean] = 1;
        model->A1[mean * model->diffuse + o->lags] = 1;
        /* With lags a shift of the data moves those and leaves the mean of the differences. */
        model->level_state = o->lags == 0 ? (int)mean : -1;
    }
    /* Next step's y_{t-1} is this step's y_t = Z alpha. */
    for (size_t j = 0; o->lags > 0 && j < mean + o->mean; j++)
        model->T[first * m + j] = model->Z[j];
}

static enum kalman_status fill(const struct spec_layout *layout, const struct kalman_spec *spec,
                               struct kalman_model *model)
{
    struct orders o;
    enum kalman_status status = read_orders(layout, &o);
    if (status != KALMAN_OK)
        return status;
    double variance = layout_value(layout, spec, PARAMETER_INNOVATION_VARIANCE);
    model->Q[0] = variance;
    fill_arma(layout, spec, &o, model);
    fill_lags_and_mean(&o, model);
    /* The closed form where it exists: no products of matrices, and its zeros are exact. */
    if (o.ar > 0)
        return start_stationary(o.arma_states, variance, model);
    start_moving_average(o.arma_states, variance, model);
    return KALMAN_OK;
}

static void name(const struct spec_layout *layout, size_t state, char *buffer, size_t buffer_bytes)
{
    struct orders o;
    if (read_orders(layout, &o) != KALMAN_OK || state < o.arma_states)
        state_name_write(buffer, buffer_bytes, "arma", state + 1);
    else if (state < o.arma_states + o.lags)
        state_name_write(buffer, buffer_bytes, "lag", state - o.arma_states + 1);
    else
        state_name_write(buffer, buffer_bytes, "mean", 0);
}

const struct model_builder model_builder_arima = {KALMAN_ARIMA, shape, fill, NULL, name};
