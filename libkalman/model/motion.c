/*
 * A body observed with noise at any times: continuous white-noise acceleration (Bar-Shalom, Li and
 * Kirubarajan 2001, 6.2.2) or jerk (6.2.3), sampled exactly, so that splitting an interval changes
 * nothing. All states start diffuse.
 */
#include "model/system.h"
#include "numeric/expect.h"

static void motion(size_t states, double density, double dt, size_t m, size_t r, double *T,
                   double *Q)
{
    EXPECT((states == 2 || states == 3) && m >= states && r >= states);
    assert(dt > 0.0);
    /* T = exp(A dt) and Q = density times the integral of exp(A s) b b' exp(A s)' over the step,
     * A the chain of integrators and b its last input: powers of dt over factorials. */
    double dt2 = dt * dt, dt3 = dt2 * dt;
    T[1] = dt;
    /* Q is not diagonal: the noise within a step moves position and velocity together. */
    if (states == 2) {
        Q[0] = density * dt3 / 3;
        Q[1] = Q[r] = density * dt2 / 2;
        Q[r + 1] = density * dt;
        return;
    }
    T[2] = dt2 / 2;
    T[m + 2] = dt;
    Q[0] = density * dt3 * dt2 / 20;
    Q[1] = Q[r] = density * dt2 * dt2 / 8;
    Q[2] = Q[2 * r] = density * dt3 / 6;
    Q[r + 1] = density * dt3 / 3;
    Q[r + 2] = Q[2 * r + 1] = density * dt2 / 2;
    Q[2 * r + 2] = density * dt;
}

static size_t own_states(enum kalman_kind kind)
{
    return kind == KALMAN_CONSTANT_VELOCITY ? 2 : 3;
}

static enum parameter_id density_of(enum kalman_kind kind)
{
    return kind == KALMAN_CONSTANT_VELOCITY ? PARAMETER_ACCELERATION_VARIANCE
                                            : PARAMETER_JERK_VARIANCE;
}

static enum kalman_status shape(const struct spec_layout *layout, const struct kalman_spec *spec,
                                struct model_shape *ret_shape)
{
    (void)layout;
    size_t states = own_states(spec->kind);
    *ret_shape = (struct model_shape){.states = states, .disturbances = states, .diffuse = states};
    return KALMAN_OK;
}

static enum kalman_status fill(const struct spec_layout *layout, const struct kalman_spec *spec,
                               struct kalman_model *model)
{
    size_t states = own_states(spec->kind), m = model->states, r = model->disturbances;
    assert(model->diffuse >= states);
    model->H[0] = layout_value(layout, spec, PARAMETER_OBSERVATION_VARIANCE);
    model->Z[0] = 1;
    model->level_state = 0;
    for (size_t i = 0; i < states; i++) {
        model->T[i * m + i] = 1;
        model->R[i * r + i] = 1;
        model->A1[i * model->diffuse + i] = 1;
    }
    motion(states, layout_value(layout, spec, density_of(spec->kind)), 1, m, r, model->T, model->Q);
    return KALMAN_OK;
}

static void step(const struct kalman_model *model, double dt, double *T, double *Q)
{
    motion(own_states(model->spec.kind), model_scaled_variance(model, density_of(model->spec.kind)),
           dt, model->states, model->disturbances, T, Q);
}

static void name(const struct spec_layout *layout, size_t state, char *buffer, size_t buffer_bytes)
{
    static const char *const names[] = {"position", "velocity", "acceleration"};
    (void)layout;
    EXPECT(state < sizeof names / sizeof names[0]);
    state_name_write(buffer, buffer_bytes, names[state], 0);
}

const struct model_builder model_builder_constant_velocity = {KALMAN_CONSTANT_VELOCITY, shape, fill,
                                                              step, name};
const struct model_builder model_builder_constant_acceleration = {KALMAN_CONSTANT_ACCELERATION,
                                                                  shape, fill, step, name};
