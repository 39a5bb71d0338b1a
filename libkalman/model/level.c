/*
 * Local level (DK 2.3): y_t = mu_t + e_t, mu_{t+1} = mu_t + n_t. With times, the level's variance
 * grows with the gap.
 */
#include "model/system.h"
#include "numeric/expect.h"

static enum kalman_status level_shape(const struct spec_layout *layout,
                                      const struct kalman_spec *spec, struct model_shape *ret_shape)
{
    (void)layout;
    (void)spec;
    *ret_shape = (struct model_shape){.states = 1, .disturbances = 1, .diffuse = 1};
    return KALMAN_OK;
}

static enum kalman_status level_fill(const struct spec_layout *layout,
                                     const struct kalman_spec *spec, struct kalman_model *model)
{
    assert(model->observed == 1 && model->states >= 1);
    model->Z[0] = 1.0;
    model->T[0] = 1.0;
    model->R[0] = 1.0;
    model->H[0] = layout_value(layout, spec, PARAMETER_OBSERVATION_VARIANCE);
    model->Q[0] = layout_value(layout, spec, PARAMETER_LEVEL_VARIANCE);
    model->A1[0] = 1.0;
    model->level_state = 0;
    return KALMAN_OK;
}

static void level_step(const struct kalman_model *model, double dt, double *T, double *Q)
{
    assert(dt > 0.0);
    (void)T; /* the level's mean does not depend on the gap */
    /* Independent steps: a random walk seen after dt units has dt times the variance of one. */
    Q[0] = model->Q[0] * dt;
}

static void level_state_name(const struct spec_layout *layout, size_t state, char *buffer,
                             size_t buffer_bytes)
{
    (void)layout;
    (void)state;
    state_name_write(buffer, buffer_bytes, "level", 0);
}

const struct model_builder model_builder_level = {KALMAN_LOCAL_LEVEL, level_shape, level_fill,
                                                  level_step, level_state_name};
