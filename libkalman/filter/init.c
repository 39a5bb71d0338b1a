/* Memory and first state of the general filter. */
#include "filter/state.h"

#include "filter/square_root.h"
#include "model/system.h"
#include "numeric/expect.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Doubles of the arrays that a saved state keeps, and of the scratch. */
static size_t kept_doubles(const struct kalman_model *model)
{
    size_t p = model->observed, m = model->states, d = model->diffuse;
    return m + 2 * m * m + m * d + p * m + p +
           (model->collinear ? augmented_kept_doubles(m, d) : 0);
}

static size_t scratch_doubles(const struct kalman_model *model)
{
    size_t p = model->observed, m = model->states, r = model->disturbances, d = model->diffuse;
    return m * m + r * r + m * m + p * p + m /* T, Q, V, H, c */
           + (m > r ? m * m : r * r)         /* W */
           + m * (2 * m + r + 1)             /* W2 */
           + 2 * p + p * p + p * m           /* y, h, L, z */
           + 2 * m + d + sparse_doubles(m)   /* M, K0, w, T */
           + (model->collinear ? augmented_scratch_doubles(d) + m * d : 0);
}

static size_t index_count(const struct kalman_model *model)
{
    size_t p = model->observed, m = model->states;
    return p * m + p + m + sparse_indices(m); /* z_column, z_count, noisy, T */
}

size_t filter_bytes(const struct kalman_model *model)
{
    return (kept_doubles(model) + scratch_doubles(model)) * sizeof(double) +
           index_count(model) * sizeof(uint32_t);
}

size_t filter_kept_bytes(const struct kalman_model *model)
{
    return kept_doubles(model) * sizeof(double);
}

static double *take(double **next, size_t count)
{
    EXPECT(*next != NULL);
    double *taken = *next;
    *next += count;
    return taken;
}

static double *carve_kept(struct filter_state *f, double *next)
{
    const struct kalman_model *model = f->model;
    size_t p = model->observed, m = model->states, d = model->diffuse;
    f->kept = next;
    f->kept_count = kept_doubles(model);
    f->a = take(&next, m);
    f->P_own = take(&next, m * m);
    f->P = f->P_own;
    f->A = take(&next, m * d);
    f->P_before = take(&next, m * m);
    f->gain = take(&next, p * m);
    f->F_steady = take(&next, p);
    if (model->collinear)
        augmented_carve(&f->start, m, d, take(&next, augmented_kept_doubles(m, d)), NULL);
    EXPECT(next == f->kept + f->kept_count);
    return next;
}

static void carve(struct filter_state *f, double *next)
{
    const struct kalman_model *model = f->model;
    size_t p = model->observed, m = model->states, r = model->disturbances, d = model->diffuse;
    next = carve_kept(f, next);
    f->T_scratch = take(&next, m * m);
    f->Q_scratch = take(&next, r * r);
    f->V_scratch = take(&next, m * m);
    f->H_scratch = take(&next, p * p);
    f->c_scratch = take(&next, m);
    f->W = take(&next, m > r ? m * m : r * r);
    f->W2 = take(&next, m * (2 * m + r + 1));
    f->y = take(&next, p);
    f->h = take(&next, p);
    f->L = take(&next, p * p);
    f->z = take(&next, p * m);
    f->M = take(&next, m);
    f->K0 = take(&next, m);
    f->w = take(&next, d);
    if (model->collinear) {
        augmented_carve(&f->start, m, d, (double *)(void *)f->start.E,
                        take(&next, augmented_scratch_doubles(d)));
        f->start_root = take(&next, m * d);
    }
    double *T_doubles = take(&next, sparse_doubles(m));
    uint32_t *index = (uint32_t *)next;
    f->z_column = index;
    f->z_count = f->z_column + p * m;
    f->noisy = f->z_count + p;
    sparse_carve(&f->T, m, T_doubles, f->noisy + m);
    assert((char *)(f->noisy + m + sparse_indices(m)) == (char *)f->kept + filter_bytes(model));
}

static bool is_invariant(const struct kalman_model *model)
{
    const struct kalman_system *s = model->spec.system;
    if (model->input_count > 0)
        return false;
    return !s || !(s->Z.stride || s->H.stride || s->T.stride || s->R.stride || s->Q.stride ||
                   s->c.stride || s->d.stride);
}

void filter_init(struct filter_state *filter, const struct kalman_model *model,
                 const struct kalman_options *options, void *arrays)
{
    EXPECT(arrays && (uintptr_t)arrays % sizeof(double) == 0);
    EXPECT(model->states > 0 && model->diffuse <= model->states);
    assert(is_symmetric(model->P1, model->states));
    size_t m = model->states;
    memset(filter, 0, sizeof *filter);
    memset(arrays, 0, filter_bytes(model));
    filter->model = model;
    filter->units = units_of(model->sd_exponent);
    filter->robust_threshold = options ? options->robust_threshold : 0.0;
    filter->augmented = model->collinear;
    /* A start by regression has no square-root form: both engines are the same one then. */
    filter->reference = options && options->engine == KALMAN_ENGINE_REFERENCE && !model->collinear;
    filter->invariant = is_invariant(model);
    filter->steady_at = UINT64_MAX;
    filter->steady_dt = NAN;
    filter->T_dt = NAN;
    filter->diffuse_left = model->collinear ? 0 : (uint32_t)model->diffuse;
    filter->sum = likelihood_sum_empty();
    carve(filter, arrays);
    for (size_t i = 0; i < m; i++)
        filter->a[i] = model->a1[i] * filter->units.mean_in;
    memcpy(filter->A, model->A1, m * model->diffuse * sizeof(double));
    /* A diffuse start leaves directions known 10^10 times worse than others: P itself would lose
     * the better ones, a root keeps half the exponent (Bierman 1977). 2 m complete observations
     * later every state has been seen about twice, and P is as good. */
    filter->root = filter->reference || (model->diffuse > 0 && !model->collinear);
    filter->root_left = (uint32_t)(2 * m);
    if (filter->augmented)
        augmented_start(&filter->start, model->A1, filter->a);
    if (filter->root)
        square_root_of(model->P1, m, filter->P_own);
    else
        memcpy(filter->P_own, model->P1, m * m * sizeof(double));
}

void filter_copy(struct filter_state *to, const struct filter_state *from)
{
    EXPECT(to->model == from->model && to->kept_count == from->kept_count);
    to->centre = from->centre;
    to->steady_dt = from->steady_dt;
    to->count = from->count;
    to->steady_at = from->steady_at;
    to->diffuse_left = from->diffuse_left;
    to->root = from->root;
    to->root_left = from->root_left;
    to->augmented = from->augmented;
    to->start.columns = from->start.columns;
    to->started = from->started;
    to->steady = from->steady;
    to->comparable = from->comparable;
    to->sum = from->sum;
    memcpy(to->kept, from->kept, from->kept_count * sizeof(double));
    /* P points into its own arrays, so the pointer is translated, not copied. */
    to->P = from->P == from->P_own ? to->P_own : to->P_before;
    to->z_ready = false;
}

void filter_checkpoint_init(struct filter_state *checkpoint, const struct filter_state *filter,
                            double *kept)
{
    EXPECT(kept && kept != filter->kept);
    *checkpoint = *filter;
    carve_kept(checkpoint, kept);
}
