/*
 * Level plus a stochastic cycle (Harvey 1989, 2.3.38; DK 3.2.4): a pair (psi, psi*) turned by 2 pi
 * / period and shrunk by damping at every step, with independent disturbances of variance
 * cycle_variance in both. Stationary for damping < 1: it then starts from its own variance,
 * cycle_variance / (1 - damping^2). At damping = 1 it has none and starts diffuse. A step of dt
 * turns and shrinks in proportion; that is exact under any subdivision.
 */
#include "model/trend.h"
#include "numeric/expect.h"

#include <math.h>

static const double two_pi = 6.283185307179586476925;
enum { psi = 1, psi_star = 2 }; /* states */

static enum kalman_status shape(const struct spec_layout *layout, const struct kalman_spec *spec,
                                struct model_shape *ret_shape)
{
    size_t diffuse = layout_value(layout, spec, PARAMETER_DAMPING) >= 1 ? 3 : 1;
    *ret_shape = (struct model_shape){.states = 3, .disturbances = 3, .diffuse = diffuse};
    return KALMAN_OK;
}

static void turn(double damping, double period, double dt, size_t m, double *T)
{
    EXPECT(m > psi_star);
    assert(period > 0.0);
    /* damping^dt e^(i angle): the powers of one complex number, so steps of dt1 and dt2 make one of
     * dt1 + dt2. */
    double keep = damping > 0 ? pow(damping, dt) : 0, angle = two_pi * dt / period;
    T[psi * m + psi] = T[psi_star * m + psi_star] = keep * cos(angle);
    T[psi * m + psi_star] = keep * sin(angle);
    T[psi_star * m + psi] = -keep * sin(angle);
}

static enum kalman_status fill(const struct spec_layout *layout, const struct kalman_spec *spec,
                               struct kalman_model *model)
{
    size_t m = model->states, r = model->disturbances;
    double damping = layout_value(layout, spec, PARAMETER_DAMPING),
           variance = layout_value(layout, spec, PARAMETER_CYCLE_VARIANCE);
    model->H[0] = layout_value(layout, spec, PARAMETER_OBSERVATION_VARIANCE);
    model_fill_trend(model, false, layout_value(layout, spec, PARAMETER_LEVEL_VARIANCE), 0, 0);
    model->Z[psi] = 1;
    turn(damping, layout_value(layout, spec, PARAMETER_CYCLE_PERIOD), 1, m, model->T);
    for (size_t i = psi; i <= psi_star; i++) {
        model->R[i * r + i] = 1;
        model->Q[i * r + i] = variance;
        /* P = damping^2 P + variance, whatever the angle. A product, for 1 - damping^2 would round
         * next to 1. */
        if (damping < 1)
            model->P1[i * m + i] = variance / ((1 - damping) * (1 + damping));
        else
            model->A1[i * model->diffuse + i] = 1;
    }
    return KALMAN_OK;
}

static void step(const struct kalman_model *model, double dt, double *T, double *Q)
{
    assert(dt > 0.0);
    size_t m = model->states, r = model->disturbances;
    double damping = layout_value(&model->layout, &model->spec, PARAMETER_DAMPING);
    /* Variance after dt of a turning pair whose shocks arrive evenly: (1 - damping^(2 dt))/(1 -
     * damping^2) of a step's; at dt = 1 that is one. */
    double spread =
        damping < 1 ? model_damped_away(damping, 2 * dt) / ((1 - damping) * (1 + damping)) : dt;
    turn(damping, layout_value(&model->layout, &model->spec, PARAMETER_CYCLE_PERIOD), dt, m, T);
    Q[0] = model_scaled_variance(model, PARAMETER_LEVEL_VARIANCE) * dt;
    Q[psi * r + psi] = Q[psi_star * r + psi_star] =
        model_scaled_variance(model, PARAMETER_CYCLE_VARIANCE) * spread;
}

static void name(const struct spec_layout *layout, size_t state, char *buffer, size_t buffer_bytes)
{
    static const char *const names[] = {"level", "cycle", "cycle_star"};
    (void)layout;
    EXPECT(state < sizeof names / sizeof names[0]);
    state_name_write(buffer, buffer_bytes, names[state], 0);
}

const struct model_builder model_builder_cycle = {KALMAN_CYCLE, shape, fill, step, name};
