#include "smooth/augmented.h"

#include "model/system.h"
#include "numeric/dense.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

static double *take(double **next, size_t count)
{
    double *taken = *next;
    *next += count;
    return taken;
}

size_t smooth_augmented_doubles(const struct kalman_model *model)
{
    size_t m = model->states, d = model->diffuse;
    if (!model->collinear)
        return 0;
    return augmented_kept_doubles(m, d) + augmented_scratch_doubles(d) + 2 * m * d + d * d + 3 * d +
           2 * m;
}

void smooth_augmented_init(struct smooth_state *s, double *arrays)
{
    size_t m = s->model->states, d = s->model->diffuse;
    if (!s->model->collinear)
        return;
    double *kept = take(&arrays, augmented_kept_doubles(m, d));
    augmented_carve(&s->start, m, d, kept, take(&arrays, augmented_scratch_doubles(d)));
    s->root_of_start = take(&arrays, m * d);
    s->cross = take(&arrays, m * d);
    s->spread_of_start = take(&arrays, d * d);
    s->shift = take(&arrays, d);
    s->c = take(&arrays, d);
    s->weighted = take(&arrays, d);
    s->along = take(&arrays, m);
    s->image_of_row = take(&arrays, m);
}

void smooth_augmented_begin(struct smooth_state *s, const struct augmented *start)
{
    EXPECT(start->diffuse == s->start.diffuse);
    size_t d = start->diffuse;
    memcpy(s->start.R, start->R, d * (d + 1) * sizeof *start->R);
    s->start.columns = start->columns;
}

/* A column of a matrix of m x d. */
static void column_of(const double *X, size_t k, size_t m, size_t d, double *out)
{
    for (size_t i = 0; i < m; i++)
        out[i] = X[i * d + k];
}

void smooth_augmented_enter(struct smooth_state *s, const struct filter_record *record,
                            bool settled)
{
    assert(record->augmented);
    size_t m = s->model->states, d = s->start.diffuse, columns = s->start.columns;
    s->in_start = true;
    s->start_open = !augmented_determined(&s->start);
    for (size_t k = 0; k < columns; k++)
        s->spread_of_start[k * d + k] = 1.0;
    if (!settled)
        return;
    (void)augmented_states(&s->start, record->E, NULL, s->along, s->root_of_start);
    for (size_t k = 0; k < columns; k++) {
        column_of(s->root_of_start, k, m, d, s->along);
        s->shift[k] = dense_dot(s->along, s->r, m);
        if (!s->variances)
            continue;
        dense_apply(s->N, s->along, m, s->x);
        for (size_t i = 0; i < m; i++) {
            s->cross[i * d + k] = s->x[i];
            for (size_t l = 0; l < columns; l++)
                s->spread_of_start[l * d + k] -= s->root_of_start[i * d + l] * s->x[i];
        }
    }
}

void smooth_augmented_transition(struct smooth_state *s, const struct sparse *T)
{
    size_t m = s->model->states, d = s->start.diffuse;
    for (size_t k = 0; s->variances && k < s->start.columns; k++) {
        column_of(s->cross, k, m, d, s->along);
        sparse_apply_back(T, s->along, s->x);
        for (size_t i = 0; i < m; i++)
            s->cross[i * d + k] = s->x[i];
    }
}

void smooth_augmented_moments(struct smooth_state *s, const struct filter_record *record)
{
    size_t m = s->model->states, d = s->start.diffuse, columns = s->start.columns;
    const double *P = record->P;
    double *E = s->root_of_start;
    (void)augmented_states(&s->start, record->E, s->shift, s->mean, E);
    dense_apply(P, s->r, m, s->x);
    for (size_t i = 0; i < m; i++)
        s->mean[i] += s->x[i];
    if (!s->variances || !s->full)
        return;
    /* V = (P - P N P) + E (C E' - X'P) - (P X) E': row by row of the left factors. */
    for (size_t i = 0; i < m; i++) {
        double *image = s->along, *left = s->weighted;
        dense_apply(s->N, P + i * m, m, image); /* row i of P N */
        for (size_t k = 0; k < columns; k++) {
            double sum = dense_dot(s->spread_of_start + k * d, E + i * d, columns);
            for (size_t j = 0; j < m; j++)
                sum -= P[i * m + j] * s->cross[j * d + k];
            left[k] = sum; /* row i of E C - P X */
        }
        for (size_t l = 0; l < m; l++) /* less row i of E X' */
            image[l] += dense_dot(E + i * d, s->cross + l * d, columns);
        for (size_t j = 0; j <= i; j++) {
            double value =
                P[i * m + j] - dense_dot(image, P + j * m, m) + dense_dot(left, E + j * d, columns);
            value = i == j ? fmax(value, 0.0) : value;
            s->V[i * m + j] = value;
            s->V[j * m + i] = value;
        }
    }
}

bool smooth_augmented_signal(struct smooth_state *s, const struct filter_record *record,
                             const double *z, double *ret_mean, double *ret_variance)
{
    size_t m = s->model->states, d = s->start.diffuse, columns = s->start.columns;
    double *Pz = s->image_of_row;
    bool known = augmented_signal(&s->start, record->E, z, s->shift, s->c, ret_mean);
    dense_apply(record->P, z, m, Pz);
    *ret_mean += dense_dot(Pz, s->r, m);
    *ret_variance = (double)NAN;
    if (!s->variances)
        return known;
    /* z'P z - (P z)'N (P z) + c'C c - 2 c'X'P z */
    dense_apply(s->N, Pz, m, s->x);
    double variance = dense_dot(z, Pz, m) - dense_dot(Pz, s->x, m);
    for (size_t k = 0; k < columns; k++) {
        double along = 0.0;
        for (size_t i = 0; i < m; i++)
            along += s->cross[i * d + k] * Pz[i];
        variance += s->c[k] * (dense_dot(s->spread_of_start + k * d, s->c, columns) - 2.0 * along);
    }
    *ret_variance = fmax(variance, 0.0);
    return known;
}

/* Back over the observation's part of N and X; c, and its inverse variance (0: an exact value). */
static void back_variances(struct smooth_state *s, const double *K, const double *z, double inverse)
{
    size_t m = s->model->states, d = s->start.diffuse, columns = s->start.columns;
    double trace = inverse, *w = s->along, *weighted = s->weighted;
    for (size_t k = 0; k < columns; k++) {
        weighted[k] = dense_dot(s->spread_of_start + k * d, s->c, columns) * inverse;
        trace -= s->c[k] * weighted[k] * inverse;
    }
    dense_apply(s->N, K, m, w);
    for (size_t i = 0; i < m; i++) {
        double across = dense_dot(s->cross + i * d, s->c, columns) * inverse;
        trace += K[i] * (w[i] + 2.0 * across);
        w[i] += across;
        for (size_t k = 0; k < columns; k++)
            weighted[k] -= K[i] * s->cross[i * d + k];
    }
    for (size_t i = 0; i < m; i++) {
        w[i] -= 0.5 * trace * z[i]; /* half of the terms in z z' with each side */
        for (size_t k = 0; k < columns && z[i] != 0.0; k++)
            s->cross[i * d + k] += z[i] * weighted[k];
    }
    dense_add_pair(s->N, -1.0, z, w, m);
}

void smooth_augmented_observation(struct smooth_state *s, const struct filter_record *record)
{
    assert(s->in_start && record->augmented);
    const struct filter_element *e = record->elements;
    if (e->kind != FILTER_ORDINARY && e->kind != FILTER_DIFFUSE)
        return;
    size_t m = s->model->states;
    double error = 0.0, inverse = e->F_finite > 0.0 ? 1.0 / e->F_finite : 0.0;
    memset(s->c, 0, s->start.diffuse * sizeof(double));
    if (inverse > 0.0)
        (void)augmented_error(&s->start, record->row, s->shift, s->c, &error);
    double pull = error * inverse - dense_dot(record->K, s->r, m);
    if (s->variances)
        back_variances(s, record->K, record->z, inverse);
    for (size_t i = 0; i < m; i++)
        s->r[i] += record->z[i] * pull;
}
