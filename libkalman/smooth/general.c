#include "smooth/general.h"

#include "filter/square_root.h"
#include "model/system.h"
#include "numeric/dense.h"
#include "numeric/expect.h"
#include "smooth/augmented.h"
#include "smooth/root.h"

#include <math.h>
#include <string.h>

static double *take(double **next, size_t count)
{
    double *taken = *next;
    *next += count;
    return taken;
}

size_t smooth_doubles(const struct kalman_model *model)
{
    size_t m = model->states, r = model->disturbances, d = model->diffuse, M = m + r;
    return m + m * m + m * d + 3 * r + m + m * m + m + m * m + M * M + M * m + M + M * d + m * d +
           m * m + 4 * M + m * (M + m) + smooth_augmented_doubles(model);
}

void smooth_init(struct smooth_state *s, const struct kalman_model *model, bool variances,
                 double *arrays)
{
    EXPECT(arrays && model->states > 0);
    size_t m = model->states, r = model->disturbances, d = model->diffuse, M = m + r;
    memset(arrays, 0, smooth_doubles(model) * sizeof *arrays);
    *s = (struct smooth_state){.model = model, .variances = variances};
    s->mean = take(&arrays, m);
    s->V = take(&arrays, m * m);
    s->U = take(&arrays, m * d);
    s->eta = take(&arrays, r);
    s->eta_variance = take(&arrays, r);
    s->eta_spread = take(&arrays, r);
    s->r = take(&arrays, m);
    s->N = take(&arrays, m * m);
    s->x = take(&arrays, m);
    s->W = take(&arrays, m * m);
    s->B = take(&arrays, M * M);
    s->G = take(&arrays, M * m);
    s->g = take(&arrays, M);
    s->A = take(&arrays, M * d);
    s->U_next = take(&arrays, m * d);
    s->S = take(&arrays, m * m);
    s->row = take(&arrays, M);
    s->w = take(&arrays, M);
    s->K = take(&arrays, M);
    s->image = take(&arrays, M);
    s->spread = take(&arrays, m * (M + m));
    smooth_augmented_init(s, arrays);
}

/* Back over one element: r <- z v/F + L'r, N <- z z'/F + L'N L, L = I - K z'. */
static void back_element(struct smooth_state *s, const struct filter_element *e, const double *K,
                         const double *z)
{
    assert(e->F_finite > 0.0 && is_symmetric(s->N, s->model->states));
    size_t m = s->model->states;
    /* r <- z v/F + (I - z K')r = r + z (v/F - K'r) (DK 6.4.4, K = M/F). */
    double pull = e->v / e->F_finite - dense_dot(K, s->r, m);
    for (size_t i = 0; i < m; i++)
        s->r[i] += z[i] * pull;
    if (!s->variances)
        return;
    /* N <- z z'/F + (I - z K')N(I - K z') = N - z x' - x z' with x = N K - 1/2 (K'N K + 1/F) z. */
    dense_apply(s->N, K, m, s->x);
    double square = dense_dot(K, s->x, m);
    for (size_t i = 0; i < m; i++) /* the terms in z z' ride along: half of them with each side */
        s->x[i] -= 0.5 * (square + 1.0 / e->F_finite) * z[i];
    dense_add_pair(s->N, -1.0, z, s->x, m);
}

/* From filtered moments and what came after: alpha^ = a + P r, V = P - P N P. */
static void covariance_moments(struct smooth_state *s, const struct filter_record *record)
{
    assert(!record->root && is_symmetric(record->P, s->model->states));
    size_t m = s->model->states;
    if (record->augmented) {
        smooth_augmented_moments(s, record);
        return;
    }
    dense_apply(record->P, s->r, m, s->mean);
    for (size_t i = 0; i < m; i++)
        s->mean[i] += record->a[i];
    if (!s->variances || !s->full)
        return;
    memset(s->W, 0, m * m * sizeof(double));
    for (size_t i = 0; i < m; i++) /* W = P N */
        for (size_t k = 0; k < m; k++)
            for (size_t j = 0; j < m; j++)
                s->W[i * m + j] += record->P[i * m + k] * s->N[k * m + j];
    /* One triangle, mirrored: P N P is symmetric, but not to the last bit. */
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            /* V = P - P N P, of filtered P: a difference of numbers of the same size only where
             * later observations carry much information; smooth/state.h says where that would
             * not do. */
            double value = record->P[i * m + j] - dense_dot(s->W + i * m, record->P + j * m, m);
            value = i == j ? fmax(value, 0.0) : value;
            s->V[i * m + j] = value;
            s->V[j * m + i] = value;
        }
}

void smooth_observation(struct smooth_state *s, const struct filter_record *record)
{
    assert(!record->along);
    size_t p = s->model->observed, m = s->model->states;
    if (s->root)
        return; /* its moments have the observations in them */
    if (record->augmented) {
        smooth_augmented_observation(s, record);
        return;
    }
    /* Last element first: the filter took them in one after another (DK 6.4.4). */
    for (size_t i = p; i-- > 0;)
        if (record->elements[i].kind == FILTER_ORDINARY)
            back_element(s, &record->elements[i], record->K + i * m, record->z + i * m);
}

/* eta^ = Q R' r, Var(eta | all) = Q - Q R' N R Q (DK 4.5.2), r and N of the point after the
 * transition. */
static void covariance_disturbance(struct smooth_state *s, const struct filter_matrices *now)
{
    assert(now->R && now->Q);
    size_t m = s->model->states, r = s->model->disturbances;
    for (size_t k = 0; k < r; k++) {
        double mean = 0.0, spread = 0.0;
        for (size_t i = 0; i < m; i++) { /* column k of R Q */
            s->x[i] = 0.0;
            for (size_t l = 0; l < r; l++)
                s->x[i] += now->R[i * r + l] * now->Q[l * r + k];
            mean += s->x[i] * s->r[i];
        }
        for (size_t i = 0; i < m && s->variances; i++)
            if (s->x[i] != 0.0)
                spread += s->x[i] * dense_dot(s->N + i * m, s->x, m);
        s->eta[k] = mean;
        /* The spread is a sum of squares but for the rounding of N, the variance a difference. */
        s->eta_spread[k] = fmax(spread, 0.0);
        s->eta_variance[k] = fmax(now->Q[k * r + k] - s->eta_spread[k], 0.0);
    }
}

/* r <- T'r, N <- T'N T */
static void back_transition(struct smooth_state *s, const struct sparse *T)
{
    EXPECT(s->N != s->S && s->N != s->W);
    size_t m = s->model->states;
    sparse_apply_back(T, s->r, s->x);
    memcpy(s->r, s->x, m * sizeof(double));
    if (!s->variances)
        return;
    sparse_congruence_back(T, s->N, s->W, s->S); /* S is free in this form */
    double *before = s->N;
    s->N = s->S;
    s->S = before;
}

static void covariance_step(struct smooth_state *s, const struct filter_record *record,
                            const struct filter_matrices *now, const struct sparse *T)
{
    covariance_disturbance(s, now);
    back_transition(s, T);
    if (s->in_start)
        smooth_augmented_transition(s, T);
    else if (record->augmented)
        smooth_augmented_enter(s, record, true);
    covariance_moments(s, record);
}

void smooth_last(struct smooth_state *s, const struct filter_record *record, const double *Q)
{
    EXPECT(record->diffuse_left <= s->model->diffuse);
    size_t m = s->model->states, r = s->model->disturbances, d = s->model->diffuse;
    for (size_t k = 0; k < r; k++) { /* no data after the end depend on the last disturbance */
        s->eta[k] = 0.0;
        s->eta_spread[k] = 0.0;
        s->eta_variance[k] = Q[k * r + k];
    }
    s->root = record->root;
    if (!s->root) {
        if (record->augmented)
            smooth_augmented_enter(s, record, false);
        covariance_moments(s, record); /* r and N are zero */
        return;
    }
    memcpy(s->mean, record->a, m * sizeof(double));
    for (size_t i = 0; i < m; i++) /* V = S S'; nothing after the end improves on it */
        for (size_t j = 0; j < m; j++)
            s->V[i * m + j] = dense_dot(record->P + i * m, record->P + j * m, m);
    memcpy(s->S, record->P, m * m * sizeof(double));
    s->unresolved = record->diffuse_left;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < s->unresolved; j++)
            s->U[i * d + j] = record->A[i * d + j];
}

void smooth_step(struct smooth_state *s, const struct filter_record *record,
                 const struct filter_matrices *now, const struct sparse *T, double mean_in)
{
    EXPECT(T->size == s->model->states);
    /* The filter goes from root to covariance form once, after its start: going back, V is turned
     * into a root at that point, and r and N are not needed before it. */
    if (record->root && !s->root)
        square_root_of(s->V, s->model->states, s->S);
    s->root = s->root || record->root;
    if (s->root)
        smooth_root_step(s, record, now, mean_in);
    else
        covariance_step(s, record, now, T);
}

double smooth_signal_variance(struct smooth_state *s, const struct filter_record *record,
                              const double *x)
{
    assert(s->root || s->full || !record->root);
    size_t m = s->model->states;
    const double *V = s->root || s->full ? s->V : record->P;
    memset(s->x, 0, m * sizeof(double));
    for (size_t i = 0; i < m; i++) /* x = V z, or P z */
        for (size_t j = 0; j < m && x[i] != 0.0; j++)
            s->x[j] += x[i] * V[i * m + j];
    double variance = dense_dot(x, s->x, m);
    for (size_t i = 0; i < m && V == record->P; i++) /* z'V z = z'P z - (P z)'N (P z) */
        variance -= s->x[i] * dense_dot(s->N + i * m, s->x, m);
    return fmax(variance, 0.0);
}

bool smooth_determined(const struct smooth_state *s, const double *x)
{
    return !s->start_open &&
           filter_determined(s->U, s->model->diffuse, s->unresolved, s->model->states, x);
}
