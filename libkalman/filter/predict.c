/*
 * The time update: a <- T a + c, P <- T P T' + R Q R', A <- T A (DK 4.14), T held by its non-zero
 * entries.
 */
#include "filter/state.h"

#include "filter/square_root.h"
#include "model/system.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

static const double *matrix_at(const struct kalman_matrix *matrix, uint64_t t, const double *fixed)
{
    return matrix->stride ? matrix->data + t * matrix->stride : fixed;
}

static enum kalman_status copy_scaled(const struct kalman_matrix *matrix, uint64_t t, size_t count,
                                      double *to, double factor)
{
    EXPECT(matrix->data != NULL);
    const double *from = matrix->data + t * matrix->stride;
    for (size_t i = 0; i < count; i++) {
        to[i] = from[i] * factor;
        if (!isfinite(to[i]))
            return KALMAN_EPARAMETER;
    }
    return KALMAN_OK;
}

static void load_transition(struct filter_state *f)
{
    size_t m = f->model->states;
    sparse_load(&f->T, f->now.T);
    f->noisy_count = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            if (f->now.V[i * m + j] != 0.0) {
                f->noisy[f->noisy_count++] = (uint32_t)i;
                break;
            }
}

/* T, R, Q, V and c of the transition into the new point, for kinds whose step depends on the
 * gap. */
static void transition_by_gap(struct filter_state *f, double dt)
{
    assert(dt > 0.0);
    const struct kalman_model *model = f->model;
    size_t m = model->states, r = model->disturbances;
    f->now.R = model->R;
    f->now.c = model->c;
    /* Times that are regular in fact cost one such step. */
    if (dt == f->T_dt)
        return;
    f->T_dt = dt;
    f->now.T = model->T;
    f->now.Q = model->Q;
    f->now.V = model->V;
    if (model->builder->step && dt != 1.0) {
        memcpy(f->T_scratch, model->T, m * m * sizeof(double));
        memcpy(f->Q_scratch, model->Q, r * r * sizeof(double));
        model->builder->step(model, dt, f->T_scratch, f->Q_scratch);
        model_noise(model, model->R, f->Q_scratch, f->V_scratch);
        f->now.T = f->T_scratch;
        f->now.Q = f->Q_scratch;
        f->now.V = f->V_scratch;
    }
    load_transition(f);
}

/* The same for a custom model; its matrices may vary with time. */
static enum kalman_status transition_custom(struct filter_state *f, uint64_t t)
{
    EXPECT(f->model->spec.system != NULL);
    const struct kalman_model *model = f->model;
    const struct kalman_system *s = model->spec.system;
    size_t m = model->states, r = model->disturbances;
    double factor = ldexp(1.0, -2 * model->sd_exponent);
    bool varies = s->T.stride || s->R.stride || s->Q.stride;
    enum kalman_status status = KALMAN_OK;
    f->now.T = matrix_at(&s->T, t, model->T);
    f->now.R = matrix_at(&s->R, t, model->R);
    f->now.Q = model->Q;
    if (s->Q.stride) {
        status = copy_scaled(&s->Q, t, r * r, f->Q_scratch, factor);
        f->now.Q = f->Q_scratch;
    }
    f->now.V = model->V;
    if (s->R.stride || s->Q.stride) {
        model_noise(model, f->now.R, f->now.Q, f->V_scratch);
        f->now.V = f->V_scratch;
    }
    f->now.c = matrix_at(&s->c, t, model->c);
    if (isnan(f->T_dt) || varies) /* a constant one is loaded once */
        load_transition(f);
    f->T_dt = 1.0;
    /* R by way of V = R Q R', which is finite only where they are. */
    if ((varies && !(is_finite(f->now.T, m * m) && is_finite(f->now.V, m * m))) ||
        (s->c.stride && !is_finite(f->now.c, m)))
        return KALMAN_EPARAMETER;
    return status;
}

/* Z, H and d of the new point; z is made of them in filter_update. */
enum kalman_status filter_observation_at(struct filter_state *f, uint64_t t, const double *inputs)
{
    EXPECT(f->model->input_count <= f->model->states);
    const struct kalman_model *model = f->model;
    const struct kalman_system *s = model->spec.system;
    size_t p = model->observed, m = model->states, own = m - model->input_count;
    bool varies = s && (s->Z.stride || s->H.stride);
    enum kalman_status status = KALMAN_OK;
    f->now.Z = s ? matrix_at(&s->Z, t, model->Z) : model->Z;
    f->now.H = model->H;
    f->now.d = s ? matrix_at(&s->d, t, model->d) : model->d;
    if (s && s->H.stride) {
        status = copy_scaled(&s->H, t, p * p, f->H_scratch, ldexp(1.0, -2 * model->sd_exponent));
        f->now.H = f->H_scratch;
    }
    if (varies || model->input_count > 0 || !f->z_ready) {
        memcpy(f->z, f->now.Z, p * m * sizeof(double));
        if (model->input_count > 0 && inputs)
            memcpy(f->z + own, inputs, model->input_count * sizeof(double));
        f->z_ready = false;
    }
    /* A NaN in d would make the value look missing. */
    if ((varies && !is_finite(f->z, p * m)) || (s && s->d.stride && !is_finite(f->now.d, p)))
        return KALMAN_EPARAMETER;
    return status;
}

/* P <- T P T' + V, exactly symmetric. */
static void predict_variance(struct filter_state *f)
{
    assert(!f->root);
    assert(is_symmetric(f->P, f->model->states));
    size_t m = f->model->states;
    sparse_congruence(&f->T, f->P, f->W2, f->W);
    /* V = R Q R' is zero but for the rows that a disturbance reaches: one or two of a season's
     * 366. */
    for (size_t k = 0; k < f->noisy_count; k++) {
        size_t i = f->noisy[k];
        for (size_t j = 0; j < m; j++)
            f->W[i * m + j] += f->now.V[i * m + j];
    }
    memcpy(f->P, f->W, m * m * sizeof(double));
}

static void predict_mean(struct filter_state *f)
{
    size_t m = f->model->states;
    sparse_apply(&f->T, f->a, f->M);
    for (size_t i = 0; i < m; i++)
        /* a_{t+1} = T a_t|t + c (DK 4.3), c in the units of the deviations. */
        f->a[i] = f->M[i] + f->now.c[i] * f->units.mean_in;
}

static void predict_diffuse(struct filter_state *f)
{
    EXPECT(f->diffuse_left <= f->model->diffuse);
    size_t m = f->model->states, d = f->model->diffuse;
    if (f->diffuse_left == 0)
        return;
    /* P_inf = A A' goes to T P_inf T' = (T A)(T A)': on the factor no direction is lost or
     * invented. */
    sparse_multiply(&f->T, f->A, f->diffuse_left, d, f->W2);
    memcpy(f->A, f->W2, m * d * sizeof(double));
}

void filter_root_of_noise(struct filter_state *f)
{
    square_root_of(f->now.Q, f->model->disturbances, f->W);
    f->now.root_Q = f->W;
}

enum kalman_status filter_transition_at(struct filter_state *f, uint64_t t, double dt)
{
    if (f->model->spec.kind == KALMAN_CUSTOM)
        return transition_custom(f, t);
    transition_by_gap(f, dt);
    return KALMAN_OK;
}

enum kalman_status filter_predict(struct filter_state *f, double dt, const double *inputs)
{
    dt = f->count == 0 ? 1.0 : dt; /* nothing leads into the first point */
    enum kalman_status status = filter_observation_at(f, f->count, inputs);
    if (status == KALMAN_OK)
        status = filter_transition_at(f, f->count == 0 ? 0 : f->count - 1, dt);
    if (status != KALMAN_OK || f->count == 0)
        return status;
    predict_mean(f);
    predict_diffuse(f);
    if (f->augmented)
        augmented_transition(&f->start, &f->T, f->now.c, f->units.mean_in);
    /* In a steady run the predicted P is the one that was predicted before: T P T' + V need not be
     * computed. */
    if (f->steady && dt == f->steady_dt) {
        f->P = f->P_before;
    } else {
        f->steady = false;
        if (f->root)
            square_root_predict(&f->T, f->model->disturbances, f->now.R, f->now.Q, f->P, f->W,
                                f->W2);
        else
            predict_variance(f);
    }
    f->comparable = f->comparable && dt == f->steady_dt;
    f->steady_dt = dt;
    return KALMAN_OK;
}
