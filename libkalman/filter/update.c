/*
 * The measurement update, one element of the observation after another (DK 6.4), with the exact
 * diffuse start (DK 5.2, 6.4.3) on the factor A of P_inf.
 */
#include "filter/row.h"
#include "filter/state.h"

#include "filter/augmented_update.h"
#include "filter/square_root.h"
#include "model/system.h"
#include "numeric/dense.h"
#include "numeric/expect.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A row of A that shrinks below this share of itself when a direction is removed was in that
 * direction alone. */
static const double direction_tolerance = 1e-13;
/* The predicted variance has settled when a step changes it no more than this: what rounding
 * alone does. */
static const double settled_change = 4.0 * DBL_EPSILON;

static void index_rows(struct filter_state *f)
{
    size_t p = f->model->observed, m = f->model->states;
    for (size_t i = 0; i < p; i++) {
        uint32_t count = 0;
        for (size_t j = 0; j < m; j++)
            if (f->z[i * m + j] != 0.0)
                f->z_column[i * m + count++] = (uint32_t)j;
        f->z_count[i] = count;
    }
}

static bool is_diagonal(const double *H, size_t p)
{
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < i; j++)
            if (H[i * p + j] != 0.0)
                return false;
    return true;
}

/*
 * H of the observed elements = L D L' (DK 6.4.2): y, z become L^-1 y, L^-1 z, with independent
 * noise D. A missing element drops out of L. Rows depend on which elements are missing, so z is
 * made again next time.
 */
static void decorrelate(struct filter_state *f)
{
    size_t p = f->model->observed, m = f->model->states;
    const double *H = f->now.H;
    for (size_t i = 0; i < p; i++) {
        if (isnan(f->y[i]))
            continue;
        f->h[i] = H[i * p + i];
        for (size_t j = 0; j < i; j++) {
            if (isnan(f->y[j]))
                continue;
            /* L_ij D_j = H_ij - sum over k < j of L_ik L_jk D_k, D_i = H_ii - sum of L_ij^2 D_j:
             * Cholesky without roots, and y_i -= L_ij y_j, z_i -= L_ij z_j is L^-1 applied as it
             * is found. */
            double sum = H[i * p + j];
            for (size_t k = 0; k < j; k++)
                if (!isnan(f->y[k]))
                    sum -= f->L[i * p + k] * f->L[j * p + k] * f->h[k];
            double factor = f->h[j] > 0.0 ? sum / f->h[j] : 0.0;
            f->L[i * p + j] = factor;
            f->h[i] = fmax(f->h[i] - factor * factor * f->h[j], 0.0);
            f->y[i] -= factor * f->y[j];
            for (size_t k = 0; k < m; k++)
                f->z[i * m + k] -= factor * f->z[j * m + k];
        }
    }
}

/* y in engine units less the centre and the intercept, z, h and the index of this time point. */
static void prepare(struct filter_state *f, const double *values)
{
    size_t p = f->model->observed;
    for (size_t i = 0; i < p && f->model->centred && !f->started; i++)
        f->centre = isnan(values[i]) ? f->centre : values[i];
    for (size_t i = 0; i < p; i++) {
        f->started = f->started || !isnan(values[i]);
        f->y[i] = units_deviation(&f->units, values[i], f->centre) - f->now.d[i] * f->units.mean_in;
    }
    if (f->z_ready)
        return;
    if (is_diagonal(f->now.H, p)) {
        for (size_t i = 0; i < p; i++)
            f->h[i] = f->now.H[i * p + i];
        f->z_ready = true;
    } else {
        decorrelate(f);
    }
    index_rows(f);
}

void filter_drop_direction(double *A, size_t rows, size_t leading, size_t left, const double *w,
                           double square)
{
    EXPECT(left > 0 && left <= leading);
    assert(square > 0.0);
    size_t pivot = 0;
    for (size_t j = 1; j < left; j++)
        pivot = fabs(w[j]) > fabs(w[pivot]) ? j : pivot;
    /* Householder's reflection in u = w - head e_pivot, head = -sign(w_pivot)|w|: A (I - 2 u
     * u'/u'u) has A w/|w| (or minus that) as its pivot column, whose outer product the
     * observation determined, and u'u = 2 |w| (|w| + |w_pivot|) = -2 head u_pivot does not
     * cancel. */
    double norm = sqrt(square), head = w[pivot] > 0.0 ? -norm : norm;
    double u_pivot = w[pivot] - head, scale = 1.0 / (head * u_pivot);
    for (size_t i = 0; i < rows; i++) {
        double *row = A + i * leading, before = 0.0, after = 0.0, dot = row[pivot] * u_pivot;
        for (size_t j = 0; j < left; j++) {
            before += row[j] * row[j];
            dot += j == pivot ? 0.0 : row[j] * w[j];
        }
        row[pivot] = row[left - 1]; /* the direction goes, the last column takes its place */
        for (size_t j = 0; j + 1 < left; j++) {
            row[j] += dot * scale * (j == pivot ? w[left - 1] : w[j]);
            after += row[j] * row[j];
        }
        row[left - 1] = 0.0;
        /* What is left of a row is rounding: no later observation may take it for a direction. */
        if (after <= direction_tolerance * direction_tolerance * before)
            memset(row, 0, left * sizeof *row);
    }
}

/* P_* <- (I - K0 z') P_* (I - K0 z')' + h K0 K0' (DK 5.2.3, K0 = P_inf z / F_inf), and the mean
 * by K0. */
static void update_diffuse(struct filter_state *f, const struct filter_row *e,
                           struct filter_element *result, const double *w_root)
{
    EXPECT(f->diffuse_left > 0);
    assert(f->root && result->F_infinite > 0.0);
    size_t m = f->model->states, d = f->model->diffuse;
    double square = result->F_infinite;
    for (size_t i = 0; i < m; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < f->diffuse_left; j++)
            sum += f->A[i * d + j] * f->w[j];
        f->K0[i] = sum / square;
        f->a[i] += f->K0[i] * result->error;
    }
    /* As kappa -> infinity the gain goes to K0 = P_inf z/F_inf, and h stays as h K0 K0'. */
    square_root_diffuse(f->P, m, w_root, f->K0, e->h, f->W2);
    filter_drop_direction(f->A, m, d, f->diffuse_left, f->w, square);
    f->diffuse_left--;
    f->sum.diffuse++;
    f->sum.diffuse_log += log(square);
}

static bool all_finite(const double *x, size_t count)
{
    double poison = 0.0;
    for (size_t i = 0; i < count; i++)
        poison += x[i] * 0.0; /* NaN for infinities and NaN */
    return poison == 0.0;
}

static enum kalman_status update_ordinary(struct filter_state *f, const struct filter_row *e,
                                          struct filter_element *result, const double *w_root)
{
    assert(result->F_finite > 0.0);
    size_t m = f->model->states;
    double F = result->F_finite, h = e->h, scaled = result->error * f->units.mean_to_sd;
    result->v = result->error;
    result->F = F;
    /* a <- a + M v/F, P <- P - M M'/F (DK 6.4), -log density v^2/F + log F. */
    double gain = result->error / F, square = scaled / F * scaled;
    double standardised = f->robust_threshold > 0.0 ? fabs(scaled) / sqrt(F) : 0.0;
    if (standardised > f->robust_threshold) {
        /* Huber: the influence of v is bounded at c sd. With F/weight for F the gain times v is
         * M c sqrt(F)/F sign(v), exactly that bound, and P, the likelihood and the smoother see
         * the same inflated noise. */
        result->weight = f->robust_threshold / standardised;
        gain = copysign(f->robust_threshold / sqrt(F) / f->units.mean_to_sd, result->error);
        square = standardised * f->robust_threshold;
        F = F / fmax(result->weight, robust_weight_min);
        h = F - (result->F - e->h);
        result->F_finite = F;
    }
    likelihood_sum_add(&f->sum, square, F);
    for (size_t i = 0; i < m; i++)
        f->a[i] += f->M[i] * gain;
    if (f->root)
        square_root_update(f->P, m, w_root, F, h);
    else
        filter_row_update(f, e, F, h);
    return all_finite(f->a, m) ? KALMAN_OK : KALMAN_ERANGE;
}

/* An observation whose variance is nil: known before, or impossible. */
static enum kalman_status update_uninformative(struct filter_state *f, const struct filter_row *e,
                                               double y, struct filter_element *result)
{
    double size = fabs(y);
    for (size_t k = 0; k < e->count; k++)
        size += fabs(e->z[e->column[k]] * f->a[e->column[k]]);
    result->kind = FILTER_UNINFORMATIVE;
    result->v = result->error;
    result->F = 0.0;
    f->sum.exact++;
    return fabs(result->error) <= 1e-9 * size ? KALMAN_OK : KALMAN_EMODEL;
}

static void keep_element(const struct filter_state *f, size_t i, const struct filter_row *e,
                         const struct filter_element *result, struct filter_record *record)
{
    EXPECT(i < f->model->observed);
    size_t m = f->model->states;
    for (size_t j = 0; j < m && result->kind == FILTER_ORDINARY; j++)
        record->K[i * m + j] = f->M[j] / result->F_finite;
    if (!record->along) {
        memcpy(record->z + i * m, e->z, m * sizeof(double));
        return;
    }
    memset(record->along, 0, m * sizeof(double));
    if (result->kind == FILTER_UNINFORMATIVE)
        memcpy(record->K, f->M, m * sizeof(double));
    for (size_t j = 0; j < m && result->kind == FILTER_DIFFUSE; j++) {
        record->K[j] = f->K0[j];
        record->along[j] = (f->M[j] - f->K0[j] * result->F_finite) / result->F_infinite;
    }
}

/* A missing element for a lean record: what its signal has to do with the state. */
static void keep_unobserved(struct filter_state *f, size_t i, struct filter_element *result,
                            struct filter_record *record)
{
    EXPECT(i < f->model->observed && record->along);
    size_t m = f->model->states, d = f->model->diffuse;
    struct filter_row e = {f->z + i * m, f->z_column + i * m, f->z_count[i], f->h[i]};
    record->signal = filter_row_dot(&e, f->a);
    result->F_finite = filter_row_variance(f, &e, f->W);
    memcpy(record->K, f->M, m * sizeof(double));
    memset(record->along, 0, m * sizeof(double));
    if (f->diffuse_left == 0 || !filter_row_diffuse(f, &e, &result->F_infinite)) {
        result->F_infinite = 0.0;
        return;
    }
    for (size_t j = 0; j < m; j++)
        record->along[j] = dense_dot(f->A + j * d, f->w, f->diffuse_left);
}

/* Filtered moments for the record. */
static void keep_moments(const struct filter_state *f, struct filter_record *record)
{
    EXPECT(f->diffuse_left <= f->model->diffuse);
    size_t m = f->model->states, d = f->model->diffuse;
    record->root = f->root;
    record->diffuse_left = f->diffuse_left;
    if (record->along)
        return;
    memcpy(record->a, f->a, m * sizeof(double));
    memcpy(record->P, f->P, m * m * sizeof(double));
    record->augmented = f->augmented;
    if (f->augmented)
        memcpy(record->E, f->start.E, m * (d + 1) * sizeof *record->E);
    if (f->diffuse_left > 0)
        memcpy(record->A, f->A, m * d * sizeof(double));
}

static enum kalman_status observe(struct filter_state *f, size_t i, struct filter_element *result,
                                  struct filter_record *record)
{
    EXPECT(i < f->model->observed);
    size_t m = f->model->states;
    struct filter_row e = {f->z + i * m, f->z_column + i * m, f->z_count[i], f->h[i]};
    double *w_root = f->W;
    double known = filter_row_dot(&e, f->a);
    result->error = f->y[i] - known;
    if (record)
        record->signal = known;
    double F = filter_row_variance(f, &e, w_root) + e.h;
    result->F_finite = F;
    enum kalman_status status = KALMAN_OK;
    if (f->augmented)
        return filter_augmented_observe(f, i, &e, result, record);
    if (f->diffuse_left > 0 && filter_row_diffuse(f, &e, &result->F_infinite)) {
        result->kind = FILTER_DIFFUSE;
        result->F = (double)INFINITY;
        update_diffuse(f, &e, result, w_root);
        if (record && record->along)
            keep_element(f, i, &e, result, record);
        return status;
    }
    result->F_infinite = 0.0;
    if (filter_row_vanishes(f, &e, F)) {
        status = update_uninformative(f, &e, f->y[i], result);
    } else {
        result->kind = FILTER_ORDINARY;
        status = update_ordinary(f, &e, result, w_root);
    }
    if (record && (record->along || result->kind == FILTER_ORDINARY))
        keep_element(f, i, &e, result, record);
    return status;
}

static bool all_observed(const double *y, size_t p)
{
    for (size_t i = 0; i < p; i++)
        if (isnan(y[i]))
            return false;
    return true;
}

/* The steady run: constant gain. Returns 0, with nothing changed, when a robust bound is passed. */
static bool update_steady(struct filter_state *f, struct filter_element *elements,
                          struct filter_record *record)
{
    assert(f->steady && f->invariant && !f->root);
    size_t p = f->model->observed, m = f->model->states;
    /* a is kept in M: a robust bound met at a later element takes all of this back. */
    memcpy(f->M, f->a, m * sizeof(double));
    struct likelihood_sum sum = f->sum;
    for (size_t i = 0; i < p; i++) {
        struct filter_row e = {f->z + i * m, f->z_column + i * m, f->z_count[i], f->h[i]};
        double F = f->F_steady[i], known = filter_row_dot(&e, f->a), v = f->y[i] - known;
        double scaled = v * f->units.mean_to_sd;
        double square = scaled / F * scaled;
        if (f->robust_threshold > 0.0 && square > f->robust_threshold * f->robust_threshold) {
            memcpy(f->a, f->M, m * sizeof(double));
            return false;
        }
        elements[i] = (struct filter_element){FILTER_ORDINARY, v, v, F, F, 0.0, 1.0};
        likelihood_sum_add(&sum, square, F);
        for (size_t j = 0; j < m; j++)
            f->a[j] += f->gain[i * m + j] * v;
        if (record) {
            record->signal = known;
            memcpy(record->K + i * m, f->gain + i * m, m * sizeof(double));
            if (!record->along)
                memcpy(record->z + i * m, e.z, m * sizeof(double));
        }
    }
    f->sum = sum;
    f->P = f->P_own;
    return true;
}

/*
 * Has the predicted variance stopped moving? Every entry within rounding of what it was one step
 * before, on the scale of its two standard deviations: relative, so that no unit of measurement
 * decides.
 */
static bool variance_settled(const double *P, const double *P_before, size_t m)
{
    for (size_t i = 0; i < m; i++)
        if (!(fabs(P[i * m + i] - P_before[i * m + i]) <= settled_change * P[i * m + i]))
            return false;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < i; j++) {
            double change = P[i * m + j] - P_before[i * m + j];
            if (!(change * change <= settled_change * settled_change * P[i * m + i] * P[j * m + j]))
                return false;
        }
    return true;
}

/* Leave the square-root form once the start has settled: 2 m complete observations after the
 * last diffuse direction. */
static void settle_root(struct filter_state *f, bool complete)
{
    assert(f->root);
    size_t m = f->model->states;
    if (f->reference || f->diffuse_left > 0)
        return;
    f->root_left -= complete && f->root_left > 0;
    if (f->root_left > 0)
        return;
    filter_variance(f, f->W);
    memcpy(f->P_own, f->W, m * m * sizeof(double));
    f->root = false;
}

/* One element after another by the full recursion. */
static enum kalman_status update_full(struct filter_state *f, struct filter_element *elements,
                                      bool complete, struct filter_record *record)
{
    size_t p = f->model->observed, m = f->model->states;
    bool candidate = f->invariant && !f->root && !f->augmented && complete;
    bool settled = candidate && f->comparable && variance_settled(f->P, f->P_before, m);
    if (candidate && !settled)
        memcpy(f->P_before, f->P, m * m * sizeof(double));
    f->comparable = candidate;
    for (size_t i = 0; i < p; i++) {
        elements[i] = (struct filter_element){FILTER_MISSING, (double)NAN, (double)NAN, (double)NAN,
                                              (double)NAN,    0.0,         1.0};
        if (isnan(f->y[i])) {
            if (record && record->along)
                keep_unobserved(f, i, &elements[i], record);
            continue;
        }
        enum kalman_status status = observe(f, i, &elements[i], record);
        if (status != KALMAN_OK)
            return status;
        settled = settled && elements[i].kind == FILTER_ORDINARY && elements[i].weight == 1.0;
        f->comparable = f->comparable && elements[i].weight == 1.0;
        if (!settled)
            continue;
        f->F_steady[i] = elements[i].F;
        for (size_t j = 0; j < m; j++)
            f->gain[i * m + j] = f->M[j] / elements[i].F;
    }
    if (settled) {
        f->steady = true;
        f->steady_at = f->steady_at == UINT64_MAX ? f->count - 1 : f->steady_at;
    }
    return KALMAN_OK;
}

enum kalman_status filter_update(struct filter_state *f, const double *values,
                                 struct filter_element *elements, struct filter_record *record)
{
    EXPECT(values && elements);
    size_t p = f->model->observed, m = f->model->states;
    prepare(f, values);
    const bool complete = all_observed(f->y, p), steady = f->steady;
    f->count++;
    if (steady && complete && update_steady(f, elements, record)) {
        if (record)
            keep_moments(f, record);
        return KALMAN_OK;
    }
    if (steady) { /* leave: the predicted variance is the starting point of a full step */
        memcpy(f->P_own, f->P_before, m * m * sizeof(double));
        f->P = f->P_own;
        f->steady = false;
        f->comparable = false;
    }
    enum kalman_status status = update_full(f, elements, complete, record);
    if (record)
        keep_moments(f, record);
    if (f->root && status == KALMAN_OK)
        settle_root(f, complete);
    if (f->augmented && status == KALMAN_OK)
        filter_augmented_settle(f, elements);
    return status;
}
