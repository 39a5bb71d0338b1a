/*
 * Level and slope (DK 3.2, Harvey 1989, 2.3.2):
 *     level_{t+1} = level_t + slope_t + xi_t,  xi ~ N(0, level_variance)
 *     slope_{t+1} = damping * slope_t + zeta_t, zeta ~ N(0, slope_variance)
 * Both diffuse at the start, the damped slope too: its stationary variance would jump to infinity
 * as damping -> 1.
 *
 * Irregular times. These are discrete-time models, so a step of k whole units is exactly k steps of
 * the model with nothing observed between. A rest of f < 1 unit is the step itself shrunk: noise
 * variances f, slope's effect (1 - damping^f) / (1 - damping), which meets the whole step at f = 1.
 * Where time is truly continuous, constant_velocity is the model.
 */
#include "model/trend.h"
#include "numeric/expect.h"

#include <math.h>

void model_fill_trend(struct kalman_model *model, bool with_slope, double level_variance,
                      double slope_variance, double damping)
{
    EXPECT(model->states > (with_slope ? 1u : 0u) && model->disturbances > 0);
    EXPECT(model->diffuse > (with_slope ? 1u : 0u));
    size_t m = model->states, r = model->disturbances, d = model->diffuse;
    model->level_state = 0;
    model->Z[0] = model->T[0] = model->R[0] = model->A1[0] = 1;
    model->Q[0] = level_variance;
    if (!with_slope)
        return;
    model->T[1] = 1;
    model->T[m + 1] = damping;
    model->A1[d + 1] = 1;
    /* The drift of a random walk is a constant: no disturbance, no column in R. */
    if (r > 1) {
        model->R[r + 1] = 1;
        model->Q[r + 1] = slope_variance;
    }
}

static enum kalman_status shape_trend(const struct spec_layout *layout,
                                      const struct kalman_spec *spec, struct model_shape *ret_shape)
{
    (void)layout;
    (void)spec;
    *ret_shape = (struct model_shape){.states = 2, .disturbances = 2, .diffuse = 2};
    return KALMAN_OK;
}

static enum kalman_status shape_drift(const struct spec_layout *layout,
                                      const struct kalman_spec *spec, struct model_shape *ret_shape)
{
    (void)layout;
    (void)spec;
    *ret_shape = (struct model_shape){.states = 2, .disturbances = 1, .diffuse = 2};
    return KALMAN_OK;
}

/* Absent parameters read as 0: so the smooth trend has no level variance, the drift no slope
 * variance, no noise. */
static enum kalman_status fill_trend(const struct spec_layout *layout,
                                     const struct kalman_spec *spec, struct kalman_model *model)
{
    double damping =
        spec->kind == KALMAN_DAMPED_TREND ? layout_value(layout, spec, PARAMETER_DAMPING) : 1;
    model->H[0] = layout_value(layout, spec, PARAMETER_OBSERVATION_VARIANCE);
    model_fill_trend(model, true, layout_value(layout, spec, PARAMETER_LEVEL_VARIANCE),
                     layout_value(layout, spec, PARAMETER_SLOPE_VARIANCE), damping);
    return KALMAN_OK;
}

/* A step of level and slope: (level, slope) <- ((1, reach), (0, keep)) (level, slope) + N(0, ((vl,
 * vc), (vc, vs))). */
struct trend_step {
    double reach, keep, vl, vc, vs;
};

/* First `a`, then `b`: T = T_b T_a and V = T_b V_a T_b' + V_b, written out for T = ((1, reach), (0,
 * keep)). */
static struct trend_step compose(struct trend_step a, struct trend_step b)
{
    return (struct trend_step){
        .reach = a.reach + b.reach * a.keep,
        .keep = a.keep * b.keep,
        .vl = a.vl + 2 * b.reach * a.vc + b.reach * b.reach * a.vs + b.vl,
        .vc = b.keep * (a.vc + b.reach * a.vs) + b.vc,
        .vs = b.keep * b.keep * a.vs + b.vs,
    };
}

static struct trend_step fraction(struct trend_step whole, double f)
{
    assert(f > 0.0 && f < 1.0);
    assert(whole.keep >= 0.0 && whole.keep <= 1.0 && whole.vc == 0.0);
    double keep = whole.keep > 0 ? pow(whole.keep, f) : 0;
    /* The geometric sums that k whole steps give, 1 + keep + .. + keep^(k - 1) for the slope's
     * effect and with keep^2 for its variance, taken at k = f. They tend to f as keep -> 1. */
    double share = whole.keep < 1 ? model_damped_away(whole.keep, f) / (1 - whole.keep) : f;
    double spread = whole.keep < 1 ? model_damped_away(whole.keep, 2 * f) /
                                         ((1 - whole.keep) * (1 + whole.keep))
                                   : f;
    return (struct trend_step){
        .reach = share, .keep = keep, .vl = whole.vl * f, .vs = whole.vs * spread};
}

/* The step over dt by repeated squaring: sums of positive terms only, and log2(dt) of them, for a
 * gap may be 1e300. */
static struct trend_step advance(struct trend_step unit, double dt)
{
    assert(dt > 0.0);
    double whole = floor(dt), rest = dt - whole;
    struct trend_step total = {.keep = 1};
    for (struct trend_step power = unit; whole >= 1; power = compose(power, power)) {
        double half = floor(whole / 2);
        if (whole - 2 * half >= 1)
            total = compose(total, power);
        whole = half;
    }
    return rest > 0 ? compose(total, fraction(unit, rest)) : total;
}

static void step_trend(const struct kalman_model *model, double dt, double *T, double *Q)
{
    EXPECT(model->states >= 2);
    size_t m = model->states, r = model->disturbances;
    struct trend_step unit = {.reach = 1,
                              .keep = model->T[m + 1],
                              .vl = model_scaled_variance(model, PARAMETER_LEVEL_VARIANCE),
                              .vs = model_scaled_variance(model, PARAMETER_SLOPE_VARIANCE)};
    struct trend_step total = advance(unit, dt);
    T[1] = total.reach;
    T[m + 1] = total.keep;
    Q[0] = total.vl;
    if (r > 1) {
        Q[1] = Q[r] = total.vc;
        Q[r + 1] = total.vs;
    }
}

static void name_trend(const struct spec_layout *layout, size_t state, char *buffer,
                       size_t buffer_bytes)
{
    const char *second = layout->info->kind == KALMAN_RANDOM_WALK_DRIFT ? "drift" : "slope";
    state_name_write(buffer, buffer_bytes, state == 0 ? "level" : second, 0);
}

const struct model_builder model_builder_local_linear_trend = {
    KALMAN_LOCAL_LINEAR_TREND, shape_trend, fill_trend, step_trend, name_trend};
const struct model_builder model_builder_smooth_trend = {KALMAN_SMOOTH_TREND, shape_trend,
                                                         fill_trend, step_trend, name_trend};
const struct model_builder model_builder_damped_trend = {KALMAN_DAMPED_TREND, shape_trend,
                                                         fill_trend, step_trend, name_trend};
const struct model_builder model_builder_random_walk_drift = {KALMAN_RANDOM_WALK_DRIFT, shape_drift,
                                                              fill_trend, step_trend, name_trend};
