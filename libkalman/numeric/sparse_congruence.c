/* Products with a transition of whole symmetric matrices. */
#include "numeric/expect.h"
#include "numeric/sparse.h"
#include "numeric/sparse_pair.h"

#include <string.h>

/* The rows and columns that are passed along: out_ij = X_kl where row i passes k along and row j
 * l. */
static void move_along(const struct sparse *T, const double *restrict X, double *restrict out)
{
    size_t m = T->size;
    for (size_t a = 0; a < T->run_count; a++)
        for (uint32_t i = 0; i < T->runs[a].length; i++) {
            const double *from = X + (T->runs[a].state + i) * m;
            double *to = out + (T->runs[a].row + i) * m;
            for (size_t b = 0; b < T->run_count; b++)
                memcpy(to + T->runs[b].row, from + T->runs[b].state,
                       T->runs[b].length * sizeof *to);
        }
}

static void transpose(double *X, size_t m)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < i; j++) {
            double kept = X[i * m + j];
            X[i * m + j] = X[j * m + i];
            X[j * m + i] = kept;
        }
}

/* T (T X)' */
static void congruence_plain(const struct sparse *T, const double *X, double *work, double *out)
{
    size_t m = T->size;
    /* (T X)' = X T', for X is symmetric; so T times it is T X T', with products by rows only. */
    sparse_multiply(T, X, m, m, work);
    transpose(work, m);
    sparse_multiply(T, work, m, m, out);
    sparse_mirror(out, m);
}

void sparse_congruence(const struct sparse *T, const double *X, double *work, double *out)
{
    EXPECT(X != out && work != out);
    assert(is_symmetric(X, T->size));
    size_t m = T->size;
    if (!sparse_moves(T)) {
        congruence_plain(T, X, work, out);
        return;
    }
    /* Moved rows first: out_ij = X_kl. Then each computed row c: (T X)_c is a row, its entries
     * at the states that moved rows pass along are out_c., and its products with the computed
     * rows are the corner. */
    move_along(T, X, out);
    for (size_t a = 0; a < T->computed_count; a++) {
        size_t c = T->computed[a];
        double *row = out + c * m;
        sparse_row_multiply(T, c, X, m, m, work);
        for (size_t b = 0; b < T->run_count; b++)
            memcpy(row + T->runs[b].row, work + T->runs[b].state, T->runs[b].length * sizeof *row);
        for (size_t b = 0; b <= a; b++)
            row[T->computed[b]] = sparse_row_dot(T, T->computed[b], work);
        /* The row copied into its column, never computed again: exactly symmetric. */
        for (size_t b = 0; b < a; b++)
            out[T->computed[b] * m + c] = row[T->computed[b]];
        for (size_t b = 0; b < T->run_count; b++)
            for (size_t j = T->runs[b].row; j < T->runs[b].row + T->runs[b].length; j++)
                out[j * m + c] = row[j];
    }
}

/* Y = T'X, column by column of T. */
static void multiply_back(const struct sparse *T, const double *X, double *Y)
{
    size_t m = T->size;
    memset(Y, 0, m * m * sizeof *Y);
    for (size_t i = 0; i < m; i++)
        for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++) {
            const double value = T->value[e], *from = X + i * m;
            double *to = Y + T->column[e] * m;
            for (size_t j = 0; j < m; j++)
                to[j] += value * from[j];
        }
}

/* T'(T'X)' */
static void congruence_back_plain(const struct sparse *T, const double *X, double *work,
                                  double *out)
{
    size_t m = T->size;
    multiply_back(T, X, work);
    transpose(work, m);
    multiply_back(T, work, out);
    sparse_mirror(out, m);
}

/*
 * C'X C + t u' + u t'. A state that no row passes along gets its row and column from the pair
 * alone.
 */
static void move_back(const struct sparse *T, const double *X, const double *t, const double *u,
                      double *out)
{
    size_t m = T->size;
    for (size_t b = 0; b < T->computed_count; b++) {
        size_t j = T->dropped[b];
        double *row = out + j * m;
        memset(row, 0, m * sizeof *row);
        if (t)
            sparse_add_pair(row, t, u, t[j], u[j], m, row);
    }
    for (size_t a = 0; a < T->run_count; a++)
        for (uint32_t i = 0; i < T->runs[a].length; i++) {
            size_t j = T->runs[a].state + i;
            const double *from = X + (T->runs[a].row + i) * m;
            double *to = out + j * m;
            for (size_t b = 0; b < T->run_count; b++) {
                size_t k = T->runs[b].state, count = T->runs[b].length;
                if (t)
                    sparse_add_pair(from + T->runs[b].row, t + k, u + k, t[j], u[j], count, to + k);
                else
                    memcpy(to + k, from + T->runs[b].row, count * sizeof *to);
            }
            for (size_t b = 0; b < T->computed_count; b++)
                to[T->dropped[b]] = out[T->dropped[b] * m + j];
        }
}

void sparse_congruence_back(const struct sparse *T, const double *X, double *work, double *out)
{
    EXPECT(X != out && work != out);
    assert(is_symmetric(X, T->size));
    size_t m = T->size, heavy = sparse_heaviest(T);
    if (!sparse_moves(T)) {
        congruence_back_plain(T, X, work, out);
        return;
    }
    double *t = work, *u = work + m;
    /* T = C + sum e_c t_c', where C holds the moves: T'X T = C'X C + sum over c of t_c u_c' +
     * u_c t_c' with u_c = C'X e_c + 1/2 sum over d of X_cd t_d (numeric/sparse.h). The half
     * splits the terms X_cd t_c t_d' evenly between the pairs of c and of d. The heaviest pair
     * rides along with the move, which touches every entry anyway. */
    if (heavy < T->computed_count)
        sparse_make_pair(T, T->computed[heavy], X, t, u);
    move_back(T, X, heavy < T->computed_count ? t : NULL, u, out);
    for (size_t a = 0; a < T->computed_count; a++) {
        size_t c = T->computed[a];
        if (a == heavy)
            continue;
        sparse_make_pair(T, c, X, t, u);
        /* A light t has few non-zeros: only so many rows and columns change, and the columns are
         * copies of the rows. */
        if (sparse_entries(T, c) > SPARSE_LIGHT) {
            for (size_t j = 0; j < m; j++)
                sparse_add_pair(out + j * m, t, u, t[j], u[j], m, out + j * m);
            continue;
        }
        for (uint32_t e = T->start[c]; e < T->start[c + 1]; e++) {
            size_t j = T->column[e];
            sparse_add_pair(out + j * m, t, u, t[j], u[j], m, out + j * m);
        }
        for (uint32_t e = T->start[c]; e < T->start[c + 1]; e++)
            for (size_t k = 0; k < m; k++)
                out[k * m + T->column[e]] = out[T->column[e] * m + k];
    }
}
