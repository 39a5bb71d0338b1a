/*
 * Backward recursions of the univariate treatment (DK 6.4.4), with the diffuse phase of DK 5.3:
 *     alpha^ = a + P_* r0 + P_inf r1
 *     V      = P_* - P_* N0 P_* - (P_inf N1 P_*)' - P_inf N1 P_* - P_inf N2 P_inf
 */
#include "smooth_general.h"

#include "model_system.h"

#include <math.h>
#include <string.h>

size_t smooth_doubles(const struct kalman_model *model)
{
    size_t m = model->states, d = model->diffuse;
    return 5 * m + 5 * m * m + d * d;
}

void smooth_init(struct smooth_state *s, const struct kalman_model *model, int variances, size_t unresolved,
                 double *arrays)
{
    size_t m = model->states, d = model->diffuse;
    memset(arrays, 0, smooth_doubles(model) * sizeof *arrays);
    *s = (struct smooth_state){.model = model, .variances = variances, .unresolved = unresolved};
    s->r0 = arrays;
    s->r1 = s->r0 + m;
    s->x = s->r1 + m;
    s->y = s->x + m;
    s->K1 = s->y + m;
    s->N0 = s->K1 + m;
    s->N1 = s->N0 + m * m;
    s->N2 = s->N1 + m * m;
    s->W = s->N2 + m * m;
    s->W2 = s->W + m * m;
    s->C = s->W2 + m * m;
    for (size_t i = 0; i < unresolved; i++)
        s->C[i * d + i] = 1.0;
}

static double dot(const double *x, const double *y, size_t m)
{
    double sum = 0.0;
    for (size_t i = 0; i < m; i++)
        sum += x[i] * y[i];
    return sum;
}

/* y = N x */
static void multiply(const double *N, const double *x, size_t m, double *y)
{
    for (size_t i = 0; i < m; i++)
        y[i] = dot(N + i * m, x, m);
}

/* y = N' x */
static void multiply_transposed(const double *N, const double *x, size_t m, double *y)
{
    memset(y, 0, m * sizeof *y);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            y[j] += N[i * m + j] * x[i];
}

/* N += c x y' */
static void add_outer(double *N, double c, const double *x, const double *y, size_t m)
{
    for (size_t i = 0; i < m; i++) {
        const double factor = c * x[i];
        for (size_t j = 0; j < m && factor != 0.0; j++)
            N[i * m + j] += factor * y[j];
    }
}

/* N <- (I - K z')' N (I - K z') for a symmetric N: N - z (NK)' - (NK) z' + (K'NK) z z'. */
static void contract(double *N, const double *K, const double *z, size_t m, double *x)
{
    multiply(N, K, m, x);
    double square = dot(K, x, m);
    add_outer(N, -1.0, z, x, m);
    add_outer(N, -1.0, x, z, m);
    add_outer(N, square, z, z, m);
}

static void back_ordinary(struct smooth_state *s, const struct filter_element *e, const double *K,
                          const double *z)
{
    size_t m = s->model->states;
    double pull = e->error / e->F_finite - dot(K, s->r0, m);
    for (size_t i = 0; i < m; i++)
        s->r0[i] += z[i] * pull;
    if (!s->variances)
        return;
    contract(s->N0, K, z, m, s->x);
    add_outer(s->N0, 1.0 / e->F_finite, z, z, m);
}

/* The same for r1, N1, N2 while a diffuse part is left: P_inf z = 0 here, so only L = I - K z' acts. N1 is not symmetric. */
static void back_ordinary_diffuse(struct smooth_state *s, const double *K, const double *z)
{
    size_t m = s->model->states;
    double pull = -dot(K, s->r1, m);
    for (size_t i = 0; i < m; i++)
        s->r1[i] += z[i] * pull;
    if (!s->variances)
        return;
    multiply(s->N1, K, m, s->x);
    multiply_transposed(s->N1, K, m, s->y);
    double square = dot(K, s->x, m);
    add_outer(s->N1, -1.0, s->x, z, m);
    add_outer(s->N1, -1.0, z, s->y, m);
    add_outer(s->N1, square, z, z, m);
    contract(s->N2, K, z, m, s->x);
}

/*
 * A diffuse element: L0 = I - K0 z', L1 = -K1 z', K1 = (M - K0 F)/F_inf.
 *     r1 <- z e/F_inf + L0' r1 + L1' r0                 r0 <- L0' r0
 *     N2 <- -z z' F/F_inf^2 + L0'N2L0 + L0'N1L1 + L1'N1'L0 + L1'N0L1
 *     N1 <- z z'/F_inf + L0'N1L0 + L1'N0L0              N0 <- L0'N0L0
 * N1 stands so that P_inf N1 P_* is the term of V.
 */
static void back_diffuse(struct smooth_state *s, const struct filter_element *e, const double *M,
                         const double *K0, const double *z)
{
    size_t m = s->model->states;
    double F1 = e->F_infinite, *K1 = s->K1;
    for (size_t i = 0; i < m; i++)
        K1[i] = (M[i] - K0[i] * e->F_finite) / F1;
    double pull1 = e->error / F1 - dot(K0, s->r1, m) - dot(K1, s->r0, m), pull0 = -dot(K0, s->r0, m);
    for (size_t i = 0; i < m; i++) {
        s->r1[i] += z[i] * pull1;
        s->r0[i] += z[i] * pull0;
    }
    if (!s->variances)
        return;
    /* L1'N0L1 = (K1'N0K1) zz'. L0'N1L1: = -L0'(N1 K1) z'; its transpose is L1'N1'L0. */
    multiply(s->N0, K1, m, s->x);
    double n0_11 = dot(K1, s->x, m), n0_01 = dot(K0, s->x, m);
    contract(s->N2, K0, z, m, s->W);
    multiply(s->N1, K1, m, s->W);
    double n1_01 = dot(K0, s->W, m);
    add_outer(s->N2, -1.0, s->W, z, m);
    add_outer(s->N2, -1.0, z, s->W, m);
    add_outer(s->N2, 2.0 * n1_01 + n0_11 - e->F_finite / (F1 * F1), z, z, m);
    /* L0'N1L0 */
    multiply(s->N1, K0, m, s->W);
    multiply_transposed(s->N1, K0, m, s->y);
    double n1_00 = dot(K0, s->W, m);
    add_outer(s->N1, -1.0, s->W, z, m);
    add_outer(s->N1, -1.0, z, s->y, m);
    add_outer(s->N1, n1_00 + 1.0 / F1, z, z, m);
    /* + L1'N0L0 = -z (N0K1)' L0 = -z (N0K1)' + (K0'N0K1) z z' */
    add_outer(s->N1, -1.0, z, s->x, m);
    add_outer(s->N1, n0_01, z, z, m);
    contract(s->N0, K0, z, m, s->W);
}

/* Unresolved directions in terms of the columns that A had before the element: undo drop_direction. */
static void back_directions(struct smooth_state *s, const double *w, size_t left)
{
    size_t d = s->model->diffuse, pivot = 0;
    double square = w[0] * w[0];
    for (size_t j = 1; j < left; j++) {
        pivot = fabs(w[j]) > fabs(w[pivot]) ? j : pivot;
        square += w[j] * w[j];
    }
    double head = w[pivot] > 0.0 ? -sqrt(square) : sqrt(square), u_pivot = w[pivot] - head,
           scale = 1.0 / (head * u_pivot);
    for (size_t c = 0; c < s->unresolved; c++) {
        double moved = pivot == left - 1 ? 0.0 : s->C[pivot * d + c], sum = 0.0;
        s->C[pivot * d + c] = 0.0;
        s->C[(left - 1) * d + c] = moved;
        for (size_t j = 0; j < left; j++)
            sum += (j == pivot ? u_pivot : w[j]) * s->C[j * d + c];
        for (size_t j = 0; j < left; j++)
            s->C[j * d + c] += scale * sum * (j == pivot ? u_pivot : w[j]);
    }
}

void smooth_observation(struct smooth_state *s, const struct filter_record *record, size_t diffuse_after)
{
    size_t p = s->model->observed, m = s->model->states, d = s->model->diffuse, left = diffuse_after;
    for (size_t i = p; i-- > 0;) {
        const struct filter_element *e = &record->elements[i];
        const double *z = record->z + i * m, *M = record->M + i * m;
        if (e->kind == FILTER_DIFFUSE) {
            left++;
            back_diffuse(s, e, M, record->K0 + i * m, z);
            if (s->unresolved > 0)
                back_directions(s, record->w + i * d, left);
        } else if (e->kind == FILTER_ORDINARY) {
            if (left > 0)
                back_ordinary_diffuse(s, M, z);
            back_ordinary(s, e, M, z);
        }
    }
}

/* y = T' x */
static void transition_transposed(const struct filter_sparse *T, size_t m, const double *x, double *y)
{
    memset(y, 0, m * sizeof *y);
    for (size_t i = 0; i < m; i++)
        for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
            y[T->column[e]] += T->value[e] * x[i];
}

/* N <- T' N T */
static void transition_quadratic(const struct filter_sparse *T, size_t m, double *N, double *W)
{
    memset(W, 0, m * m * sizeof *W);
    for (size_t i = 0; i < m; i++) /* W = T' N */
        for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
            for (size_t j = 0; j < m; j++)
                W[T->column[e] * m + j] += T->value[e] * N[i * m + j];
    memset(N, 0, m * m * sizeof *N);
    for (size_t k = 0; k < m; k++)
        for (size_t i = 0; i < m; i++)
            for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
                N[k * m + T->column[e]] += W[k * m + i] * T->value[e];
}

static int all_zero(const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (x[i] != 0.0)
            return 0;
    return 1;
}

void smooth_transition(struct smooth_state *s, const struct filter_sparse *T)
{
    size_t m = s->model->states;
    transition_transposed(T, m, s->r0, s->x);
    memcpy(s->r0, s->x, m * sizeof(double));
    transition_transposed(T, m, s->r1, s->x);
    memcpy(s->r1, s->x, m * sizeof(double));
    if (!s->variances)
        return;
    transition_quadratic(T, m, s->N0, s->W);
    if (all_zero(s->N1, m * m) && all_zero(s->N2, m * m))
        return; /* always so after the diffuse phase */
    transition_quadratic(T, m, s->N1, s->W);
    transition_quadratic(T, m, s->N2, s->W);
}

/* Pinf = A A' of the record, at W2. */
static void diffuse_variance(struct smooth_state *s, const struct filter_record *record)
{
    size_t m = s->model->states, d = s->model->diffuse;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            s->W2[i * m + j] = dot(record->A + i * d, record->A + j * d, record->diffuse_left);
}

/* V -= X N Y for m x m matrices, both X and Y symmetric. W is scratch. */
static void subtract_product(const double *X, const double *N, const double *Y, size_t m, double *W,
                             double *V)
{
    for (size_t i = 0; i < m; i++) {
        memset(W, 0, m * sizeof *W);
        for (size_t k = 0; k < m; k++)
            for (size_t j = 0; j < m && X[i * m + k] != 0.0; j++)
                W[j] += X[i * m + k] * N[k * m + j];
        for (size_t k = 0; k < m; k++)
            for (size_t j = 0; j < m && W[k] != 0.0; j++)
                V[i * m + j] -= W[k] * Y[k * m + j];
    }
}

/* V -= P_inf N1 P_* and its transpose, row by row; P_inf at W2. */
static void subtract_cross(struct smooth_state *s, const struct filter_record *record, double *V)
{
    size_t m = s->model->states;
    for (size_t i = 0; i < m; i++) {
        memset(s->x, 0, m * sizeof(double));
        memset(s->y, 0, m * sizeof(double));
        for (size_t k = 0; k < m; k++)
            for (size_t j = 0; j < m && s->W2[i * m + k] != 0.0; j++)
                s->x[j] += s->W2[i * m + k] * s->N1[k * m + j];
        for (size_t k = 0; k < m; k++)
            for (size_t j = 0; j < m; j++)
                s->y[j] += s->x[k] * record->P[k * m + j];
        for (size_t j = 0; j < m; j++) {
            V[i * m + j] -= s->y[j];
            V[j * m + i] -= s->y[j];
        }
    }
}

void smooth_moments(struct smooth_state *s, const struct filter_record *record, double *ret_mean,
                    double *ret_variance)
{
    size_t m = s->model->states;
    multiply(record->P, s->r0, m, s->x);
    for (size_t i = 0; i < m; i++)
        ret_mean[i] = record->a[i] + s->x[i];
    if (record->diffuse_left > 0) {
        diffuse_variance(s, record);
        multiply(s->W2, s->r1, m, s->x);
        for (size_t i = 0; i < m; i++)
            ret_mean[i] += s->x[i];
    }
    if (!ret_variance)
        return;
    memcpy(ret_variance, record->P, m * m * sizeof(double));
    subtract_product(record->P, s->N0, record->P, m, s->W, ret_variance);
    if (record->diffuse_left > 0) {
        subtract_cross(s, record, ret_variance);
        subtract_product(s->W2, s->N2, s->W2, m, s->W, ret_variance);
    }
    for (size_t i = 0; i < m; i++) {
        ret_variance[i * m + i] = fmax(ret_variance[i * m + i], 0.0);
        for (size_t j = 0; j < i; j++)
            ret_variance[j * m + i] = ret_variance[i * m + j];
    }
}

int smooth_determined(struct smooth_state *s, const struct filter_record *record, const double *x)
{
    size_t m = s->model->states, d = s->model->diffuse;
    if (s->unresolved == 0)
        return 1;
    for (size_t i = 0; i < m; i++) /* W = A C: the unresolved directions in the state */
        for (size_t c = 0; c < s->unresolved; c++) {
            double sum = 0.0;
            for (size_t j = 0; j < record->diffuse_left; j++)
                sum += record->A[i * d + j] * s->C[j * d + c];
            s->W[i * s->unresolved + c] = fabs(sum) > 1e-12 ? sum : 0.0;
        }
    return filter_determined(s->W, s->unresolved, s->unresolved, m, x);
}
