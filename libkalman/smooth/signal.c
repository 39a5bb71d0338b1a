#include "smooth/signal.h"

#include "numeric/dense.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* An unresolved share of a diffuse signal below this is rounding. */
static const double unresolved_share = 1e-9;

size_t smooth_signal_doubles(size_t m)
{
    return (size_t)(2 * SIGNAL_ORDERS) * m + (size_t)(SIGNAL_ORDERS + 2) * m * m;
}

static double *take(double **next, size_t count)
{
    double *taken = *next;
    *next += count;
    return taken;
}

void smooth_signal_init(struct smooth_signal *s, size_t m, bool variances, double *arrays)
{
    EXPECT(arrays && m > 0);
    memset(arrays, 0, smooth_signal_doubles(m) * sizeof *arrays);
    *s = (struct smooth_signal){.states = m, .variances = variances};
    for (size_t i = 0; i < SIGNAL_ORDERS; i++) {
        s->N[i] = take(&arrays, m * m);
        s->x[i] = take(&arrays, m);
    }
    s->r[0] = take(&arrays, m);
    s->r[1] = take(&arrays, m);
    s->y = take(&arrays, m);
    s->work = take(&arrays, m * m);
    s->spare = take(&arrays, m * m);
}

void smooth_signal_transition(struct smooth_signal *s, const struct sparse *T)
{
    EXPECT(T->size == s->states && s->spare != s->N[0]);
    for (size_t i = 0; i < (s->deep ? SIGNAL_ORDERS - 1 : 1); i++) {
        sparse_apply_back(T, s->r[i], s->y);
        memcpy(s->r[i], s->y, s->states * sizeof(double));
    }
    for (size_t i = 0; s->variances && i < (s->deep ? SIGNAL_ORDERS : 1); i++) {
        double *before = s->N[i];
        sparse_congruence_back(T, before, s->work, s->spare);
        s->N[i] = s->spare;
        s->spare = before;
    }
}

/* Missing, or known before: M in K, and what is diffuse of it in along. */
static bool unobserved_moments(struct smooth_signal *s, const struct filter_record *record,
                               double variance, double *ret_mean, double *ret_variance)
{
    assert(record->along);
    size_t m = s->states;
    const double *M = record->K, *along = record->along, square = record->elements[0].F_infinite;
    /* Nothing was observed here: z'P z is the predicted variance, M = P z, and of order kappa A
     * w. */
    *ret_mean = record->signal + dense_dot(M, s->r[0], m);
    if (s->variances) {
        dense_apply(s->N[0], M, m, s->y);
        *ret_variance = variance - dense_dot(M, s->y, m);
    }
    if (!(square > 0.0))
        return true;
    if (!s->deep) /* no later observation depends on the diffuse part */
        return false;
    *ret_mean += dense_dot(along, s->r[1], m);
    if (!s->variances)
        return true;
    dense_apply(s->N[1], along, m, s->y);
    double determined = dense_dot(along, s->y, m);
    *ret_variance -= 2.0 * dense_dot(M, s->y, m);
    dense_apply(s->N[2], along, m, s->y);
    *ret_variance -= dense_dot(along, s->y, m);
    return !s->unresolved || !(square - determined > unresolved_share * square);
}

bool smooth_signal_moments(struct smooth_signal *s, const struct filter_record *record,
                           const double *z, double h, double *ret_mean, double *ret_variance)
{
    assert(record->along && h >= 0.0);
    size_t m = s->states;
    const struct filter_element *e = &record->elements[0];
    double reach = 1.0, noise = h; /* z'K, and the variance that the observation was given */
    *ret_variance = (double)NAN;
    if (e->kind == FILTER_MISSING || e->kind == FILTER_UNINFORMATIVE) {
        double variance = e->kind == FILTER_MISSING ? e->F_finite : e->F_finite - h;
        bool known = unobserved_moments(s, record, variance, ret_mean, ret_variance);
        *ret_variance = s->variances ? fmax(*ret_variance, 0.0) : (double)NAN;
        return known;
    }
    if (e->kind == FILTER_ORDINARY) {
        reach = dense_dot(z, record->K, m);
        noise = h + (e->F_finite - e->F); /* more than h where a robust bound was passed */
    }
    /* z'a after the update is z'a + z'K v, and P z after it is K h: K = M/F, z'M = F - h. So
     * signal^ = z'a + z'K v + h K'r, and Var = h z'K - h^2 K'N K: products, where z'P z - ..
     * cancels. */
    *ret_mean = record->signal + reach * e->error + noise * dense_dot(record->K, s->r[0], m);
    if (s->variances) {
        dense_apply(s->N[0], record->K, m, s->x[0]);
        *ret_variance = fmax(noise * reach - noise * noise * dense_dot(record->K, s->x[0], m), 0.0);
    }
    return true;
}

static void ordinary_means(struct smooth_signal *s, const struct filter_element *e, const double *K,
                           const double *z)
{
    assert(e->F_finite > 0.0);
    size_t m = s->states;
    /* r <- r + z (v/F - K'r), order by order: v/F has no term in 1/kappa. */
    double pull = e->v / e->F_finite - dense_dot(K, s->r[0], m),
           deep = s->deep ? -dense_dot(K, s->r[1], m) : 0.0;
    for (size_t i = 0; i < m; i++) {
        s->r[0][i] += z[i] * pull;
        s->r[1][i] += z[i] * deep;
    }
}

static void diffuse_means(struct smooth_signal *s, const struct filter_record *record,
                          const double *z)
{
    assert(record->elements[0].F_infinite > 0.0);
    size_t m = s->states;
    const struct filter_element *e = &record->elements[0];
    double pull = -dense_dot(record->K, s->r[0], m), deep = 0.0;
    if (s->deep)
        /* v/F_kappa = v/(kappa F_inf) + ..: the innovation enters r1; K = K0 + K1/kappa gives
         * the rest. */
        deep = e->error / e->F_infinite - dense_dot(record->K, s->r[1], m) -
               dense_dot(record->along, s->r[0], m);
    for (size_t i = 0; i < m; i++) {
        s->r[0][i] += z[i] * pull;
        s->r[1][i] += z[i] * deep;
    }
}

/* N <- N - z x' - x z' + z z' square; spoils x. */
static void take_back(double *N, const double *z, double *x, double square, size_t m)
{
    assert(is_symmetric(N, m));
    for (size_t i = 0; i < m; i++)
        x[i] -= 0.5 * square * z[i];
    dense_add_pair(N, -1.0, z, x, m);
}

static void ordinary_variances(struct smooth_signal *s, const struct filter_element *e,
                               const double *K, const double *z)
{
    assert(e->F_finite > 0.0);
    size_t m = s->states;
    for (size_t i = 0; i < (s->deep ? SIGNAL_ORDERS : 1); i++) {
        if (i > 0) /* x[0] is there already */
            dense_apply(s->N[i], K, m, s->x[i]);
        /* 1/F is of order zero alone; the other orders lose z (N_i K)' + (N_i K) z' - z z' K'N_i
         * K. */
        double inverse = i == 0 ? 1.0 / e->F_finite : 0.0;
        take_back(s->N[i], z, s->x[i], dense_dot(K, s->x[i], m) + inverse, m);
    }
}

/* x1 = N0 K1 + N1 K0, x2 = N0 K2 + N1 K1 + N2 K0, and the same orders of K'N K + 1/F. */
static void diffuse_variances(struct smooth_signal *s, const struct filter_record *record,
                              const double *z)
{
    assert(record->elements[0].F_infinite > 0.0);
    size_t m = s->states;
    const struct filter_element *e = &record->elements[0];
    const double *K0 = record->K, *K1 = record->along, ratio = e->F_finite / e->F_infinite;
    double squares[SIGNAL_ORDERS] = {dense_dot(K0, s->x[0], m), 0.0, 0.0};
    if (s->deep) {
        /* K2 = -ratio K1 (smooth/signal.h), so that N0 K2 needs no product of its own; 1/F_kappa =
         * 1/(kappa F_inf) - F/(kappa^2 F_inf^2) gives the last terms of the squares. */
        dense_apply(s->N[0], K1, m, s->y); /* N0 K1 */
        double cross = dense_dot(K0, s->y, m), square = dense_dot(K1, s->y, m);
        dense_apply(s->N[1], K0, m, s->x[1]);
        squares[1] = dense_dot(K0, s->x[1], m) + 2.0 * cross + 1.0 / e->F_infinite;
        dense_apply(s->N[2], K0, m, s->x[2]);
        squares[2] =
            dense_dot(K0, s->x[2], m) - 2.0 * ratio * cross + square - ratio / e->F_infinite;
        for (size_t i = 0; i < m; i++) {
            s->x[1][i] += s->y[i];
            s->x[2][i] -= ratio * s->y[i];
        }
        dense_apply(s->N[1], K1, m, s->y); /* N1 K1 */
        squares[2] += 2.0 * dense_dot(K0, s->y, m);
        for (size_t i = 0; i < m; i++)
            s->x[2][i] += s->y[i];
    }
    for (size_t i = 0; i < (s->deep ? SIGNAL_ORDERS : 1); i++)
        take_back(s->N[i], z, s->x[i], squares[i], m);
}

void smooth_signal_observation(struct smooth_signal *s, const struct filter_record *record,
                               const double *z)
{
    const struct filter_element *e = &record->elements[0];
    if (e->kind == FILTER_ORDINARY) {
        ordinary_means(s, e, record->K, z);
        if (s->variances)
            ordinary_variances(s, e, record->K, z);
    } else if (e->kind == FILTER_DIFFUSE) {
        s->deep = s->diffuse_missing;
        diffuse_means(s, record, z);
        if (s->variances)
            diffuse_variances(s, record, z);
    }
}
