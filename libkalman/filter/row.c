#include "filter/row.h"

#include "model/system.h"
#include "numeric/expect.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* w = A'z counts as zero below this share of the size its terms have: what rounding leaves of an
 * exact zero is far less. */
static const double diffuse_tolerance = 1e-10;
static const double floor_tolerance = 1e-13;

double filter_row_dot(const struct filter_row *e, const double *x)
{
    double sum = 0.0;
    for (size_t k = 0; k < e->count; k++)
        sum += e->z[e->column[k]] * x[e->column[k]];
    return sum;
}

/*
 * What rounding may have left in A where all of w is zero: nothing in these kinds has a unit of its
 * own, every entry of Z, T and A1 is of size one, so the largest entry of A measures it. Elsewhere
 * a small entry may be all there is.
 */
static double rounding_floor(const struct filter_state *f)
{
    size_t m = f->model->states, d = f->model->diffuse;
    double largest = 0.0;
    if (f->model->input_count > 0 || f->model->spec.kind == KALMAN_CUSTOM ||
        f->model->builder->step)
        return 0.0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < f->diffuse_left; j++) {
            double size = fabs(f->A[i * d + j]);
            largest = size > largest ? size : largest;
        }
    return floor_tolerance * largest;
}

bool filter_row_diffuse(const struct filter_state *f, const struct filter_row *e,
                        double *ret_square)
{
    EXPECT(f->diffuse_left <= f->model->diffuse);
    /* F_inf = z'P_inf z = w'w with w = A'z (DK 5.2.3 on the factor). */
    size_t d = f->model->diffuse, left = f->diffuse_left;
    double square = 0.0, size = 0.0;
    for (size_t j = 0; j < left; j++) {
        double sum = 0.0, terms = 0.0;
        for (size_t k = 0; k < e->count; k++) {
            double term = e->z[e->column[k]] * f->A[e->column[k] * d + j];
            sum += term;
            terms += fabs(term);
        }
        f->w[j] = sum;
        square += sum * sum;
        size += terms * terms;
    }
    *ret_square = square;
    double floor = rounding_floor(f);
    return square > diffuse_tolerance * diffuse_tolerance * size && square > floor * floor;
}

double filter_row_variance(struct filter_state *f, const struct filter_row *e, double *w_root)
{
    EXPECT(w_root != f->M);
    assert(f->root || is_symmetric(f->P, f->model->states));
    size_t m = f->model->states;
    memset(f->M, 0, m * sizeof(double));
    if (!f->root) {
        for (size_t k = 0; k < e->count; k++) {
            const double *row = f->P + e->column[k] * m, factor = e->z[e->column[k]];
            for (size_t j = 0; j < m; j++)
                f->M[j] += factor * row[j];
        }
        return filter_row_dot(e, f->M);
    }
    /* With P = S S': w = S'z, M = P z = S w, and z'P z = w'w, a sum of squares. */
    memset(w_root, 0, m * sizeof(double));
    double variance = 0.0;
    for (size_t k = 0; k < e->count; k++)
        for (size_t j = 0; j < m; j++)
            w_root[j] += e->z[e->column[k]] * f->P[e->column[k] * m + j];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            f->M[i] += f->P[i * m + j] * w_root[j];
    for (size_t j = 0; j < m; j++)
        variance += w_root[j] * w_root[j];
    return variance;
}

bool filter_row_vanishes(const struct filter_state *f, const struct filter_row *e, double F)
{
    EXPECT(e->count <= f->model->states);
    size_t m = f->model->states;
    double size = 0.0;
    for (size_t k = 0; k < e->count; k++) {
        double z = e->z[e->column[k]];
        if (!f->root)
            size += z * z * f->P[e->column[k] * m + e->column[k]];
        for (size_t j = 0; f->root && j < m; j++)
            size += z * z * f->P[e->column[k] * m + j] * f->P[e->column[k] * m + j];
    }
    /* A sum of `count` terms of this size that cancels leaves about count epsilon times them. */
    return !(F > 8.0 * DBL_EPSILON * (double)e->count * size);
}
