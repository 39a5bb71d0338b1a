/* Products with a transition of which only the lower triangles are there. */
#include "numeric/dense.h"
#include "numeric/expect.h"
#include "numeric/sparse.h"
#include "numeric/sparse_pair.h"
#include "numeric/wide.h"

#include <string.h>

enum { SMALL_SIZE = 12 };

/* Do the runs keep the order of the states? Then a lower triangle moves into a lower triangle. */
static bool keeps_order(const struct sparse *T)
{
    for (size_t b = 1; b < T->run_count; b++)
        if (T->runs[b].state < T->runs[b - 1].state + T->runs[b - 1].length)
            return false;
    return sparse_moves(T);
}

/* X - g g' of a lower triangle, and then the upper one too. */
static void make_whole(double *X, const double *g, size_t m)
{
    for (size_t i = 0; g && i < m; i++)
        for (size_t j = 0; j <= i; j++)
            X[i * m + j] -= g[i] * g[j];
    sparse_mirror(X, m);
}

static void put_lower(double *out, size_t m, size_t i, size_t j, double value)
{
    assert(i < m && j < m);
    out[i > j ? i * m + j : j * m + i] = value;
}

WIDE_BODY void move_along_lower_body(const struct sparse *T, const double *restrict X,
                                     const double *restrict g, double *restrict out)
{
    size_t m = T->size;
    for (size_t a = 0; a < T->run_count; a++)
        for (uint32_t i = 0; i < T->runs[a].length; i++) {
            /* Row i of the triangle holds columns up to i: whole runs that come before, and of
             * its own run what is not beyond the diagonal. Moves that keep the order keep that. */
            size_t state = T->runs[a].state + i;
            const double *restrict from = X + state * m;
            double *restrict to = out + (T->runs[a].row + i) * m;
            for (size_t b = 0; b <= a; b++) {
                size_t k = T->runs[b].state, l = T->runs[b].row,
                       count = b < a ? T->runs[b].length : i + 1;
                if (!g)
                    memcpy(to + l, from + k, count * sizeof *to);
                else
                    for (size_t j = 0; j < count; j++)
                        to[l + j] = from[k + j] - g[state] * g[k + j];
            }
        }
}

WIDE_TWICE(void, move_along_lower,
           (const struct sparse *T, const double *restrict X, const double *restrict g,
            double *restrict out),
           (T, X, g, out))

/* product = (X - g g') t for row c's t; work: m. */
static void row_product_lower(const struct sparse *T, size_t c, const double *X, const double *g,
                              double *work, double *product)
{
    EXPECT(c < T->size && work != product);
    size_t m = T->size;
    memset(product, 0, m * sizeof *product);
    if (sparse_entries(T, c) > SPARSE_LIGHT) {
        memset(work, 0, m * sizeof *work);
        for (uint32_t e = T->start[c]; e < T->start[c + 1]; e++)
            work[T->column[e]] = T->value[e];
        dense_lower_apply(X, work, m, product);
    } else {
        for (uint32_t e = T->start[c]; e < T->start[c + 1]; e++)
            dense_lower_add_row(X, T->column[e], T->value[e], m, product);
    }
    /* (X - g g') t = X t - (g't) g: the update of the observation before costs one dot product. */
    double share = g ? sparse_row_dot(T, c, g) : 0.0;
    for (size_t j = 0; g && j < m; j++)
        product[j] -= share * g[j];
}

/* T X T' of a few states, whole X, lower out: plain loops, for a call costs as much as a row. */
static void congruence_small(const struct sparse *T, const double *X, double *work, double *out)
{
    size_t m = T->size;
    for (size_t i = 0; i < m; i++) {
        for (size_t k = 0; k < m; k++) {
            double sum = 0.0;
            for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
                sum += T->value[e] * X[T->column[e] * m + k];
            work[k] = sum;
        }
        for (size_t j = 0; j <= i; j++)
            out[i * m + j] = sparse_row_dot(T, j, work);
    }
}

static void congruence_back_small(const struct sparse *T, const double *X, double *work,
                                  double *out)
{
    size_t m = T->size;
    for (size_t i = 0; i < m * m; i++)
        work[i] = out[i] = 0.0;
    for (size_t k = 0; k < m; k++) /* X T */
        for (uint32_t e = T->start[k]; e < T->start[k + 1]; e++)
            for (size_t i = 0; i < m; i++)
                work[i * m + T->column[e]] += X[i * m + k] * T->value[e];
    for (size_t k = 0; k < m; k++)
        for (uint32_t e = T->start[k]; e < T->start[k + 1]; e++)
            for (size_t j = 0, i = T->column[e]; j <= i; j++)
                out[i * m + j] += T->value[e] * work[k * m + j];
}

void sparse_congruence_lower(const struct sparse *T, double *X, const double *g, double *work,
                             double *out)
{
    EXPECT(X != out && work != out && g != out);
    size_t m = T->size;
    /* Rows that change their order would move entries across the diagonal: the whole matrix
     * then. */
    if (!keeps_order(T)) {
        make_whole(X, g, m);
        if (m <= SMALL_SIZE)
            congruence_small(T, X, work, out);
        else
            sparse_congruence(T, X, work, out);
        return;
    }
    double *product = work + m;
    move_along_lower(T, X, g, out);
    for (size_t a = 0; a < T->computed_count; a++) {
        size_t c = T->computed[a];
        row_product_lower(T, c, X, g, work, product);
        for (size_t b = 0; b < T->run_count; b++)
            for (size_t k = 0; k < T->runs[b].length; k++)
                put_lower(out, m, c, T->runs[b].row + k, product[T->runs[b].state + k]);
        for (size_t b = 0; b <= a; b++)
            put_lower(out, m, c, T->computed[b], sparse_row_dot(T, T->computed[b], product));
    }
}

/* C'X C + t u' + u t', where t may be NULL. */
WIDE_BODY void move_back_lower_body(const struct sparse *T, const double *X, const double *t,
                                    const double *u, double *out)
{
    size_t m = T->size;
    for (size_t a = 0; a < T->run_count; a++)
        for (uint32_t i = 0; i < T->runs[a].length; i++) {
            size_t j = T->runs[a].state + i;
            const double *from = X + (T->runs[a].row + i) * m;
            double *to = out + j * m;
            for (size_t b = 0; b <= a; b++) {
                size_t k = T->runs[b].state, l = T->runs[b].row,
                       count = b < a ? T->runs[b].length : i + 1;
                if (t)
                    sparse_add_pair(from + l, t + k, u + k, t[j], u[j], count, to + k);
                else
                    memcpy(to + k, from + l, count * sizeof *to);
            }
        }
    for (size_t b = 0; b < T->computed_count; b++)
        for (size_t k = 0, j = T->dropped[b]; k < m; k++)
            put_lower(out, m, j, k, t ? t[j] * u[k] + u[j] * t[k] : 0.0);
}

WIDE_TWICE(void, move_back_lower,
           (const struct sparse *T, const double *X, const double *t, const double *u, double *out),
           (T, X, t, u, out))

/* out += t u' + u t' for a t with few entries, row c's. */
static void add_light_lower(const struct sparse *T, size_t c, const double *t, const double *u,
                            double *out)
{
    size_t m = T->size;
    for (uint32_t e = T->start[c]; e < T->start[c + 1]; e++) {
        size_t j = T->column[e];
        sparse_add_pair(out + j * m, t, u, t[j], u[j], j + 1, out + j * m);
        /* else it is a row of its own, and has it from there */
        for (size_t k = j + 1; k < m; k++)
            if (t[k] == 0.0)
                out[k * m + j] += t[j] * u[k];
    }
}

void sparse_congruence_back_lower(const struct sparse *T, double *X, double *work, double *out)
{
    EXPECT(X != out && work != out);
    size_t m = T->size, heavy = sparse_heaviest(T);
    if (!keeps_order(T)) {
        sparse_mirror(X, m);
        if (m <= SMALL_SIZE)
            congruence_back_small(T, X, work, out);
        else
            sparse_congruence_back(T, X, work, out);
        return;
    }
    double *t = work, *u = work + m;
    /* Of the computed rows the part beyond the diagonal is copied in from below it: few rows,
     * where a mirror of the whole triangle would be the larger part of the work. */
    for (size_t a = 0; a < T->computed_count; a++) { /* a row is read whole below */
        size_t c = T->computed[a];
        for (size_t k = c + 1; k < m; k++)
            X[c * m + k] = X[k * m + c];
    }
    if (heavy < T->computed_count)
        sparse_make_pair(T, T->computed[heavy], X, t, u);
    move_back_lower(T, X, heavy < T->computed_count ? t : NULL, u, out);
    for (size_t a = 0; a < T->computed_count; a++) {
        size_t c = T->computed[a];
        if (a == heavy)
            continue;
        sparse_make_pair(T, c, X, t, u);
        if (sparse_entries(T, c) <= SPARSE_LIGHT)
            add_light_lower(T, c, t, u, out);
        else
            for (size_t j = 0; j < m; j++)
                sparse_add_pair(out + j * m, t, u, t[j], u[j], j + 1, out + j * m);
    }
}
