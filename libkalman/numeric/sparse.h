/*
 * A square matrix by its non-zeros, made for transitions: most rows of a season's T only pass a
 * state along. Private to libkalman.
 *
 * A row that is a single 1, in a column no other such row has, passes a state along; the few others
 * are computed. Then T X T' of a symmetric X is X with rows and columns moved, and T'X T is that
 * the other way round with a term of rank two for each computed row: with T = C + sum e_c t_c', C
 * the rows that pass along,
 *     T'X T = C'X C + sum t_c u_c' + u_c t_c',   u_c = C'X e_c + 1/2 sum X_cd t_d.
 * Both cost m^2 then, not m^2 times the non-zeros of a row. Where more than a quarter of the rows
 * is computed the plain products serve.
 */
#ifndef KALMAN_SPARSE_H
#define KALMAN_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Consecutive rows that pass consecutive states along. */
struct sparse_run {
    uint32_t row, state, length;
};

struct sparse {
    size_t size;
    uint32_t *start;  /* size + 1 */
    uint32_t *column; /* of each entry */
    double *value;
    struct sparse_run *runs;
    uint32_t *computed; /* the rows that do not pass a state along */
    uint32_t *dropped;  /* the states that no row passes along; as many */
    size_t run_count, computed_count;
};

/* Doubles and then indices behind one of this size. */
size_t sparse_doubles(size_t size);
size_t sparse_indices(size_t size);
void sparse_carve(struct sparse *sparse, size_t size, double *doubles, uint32_t *indices);

void sparse_load(struct sparse *sparse, const double *matrix);

/* Non-zeros of a row. */
static inline size_t sparse_entries(const struct sparse *T, size_t row)
{
    return T->start[row + 1] - T->start[row];
}

/* A row of T times x. */
static inline double sparse_row_dot(const struct sparse *T, size_t row, const double *x)
{
    double sum = 0.0;
    for (uint32_t e = T->start[row]; e < T->start[row + 1]; e++)
        sum += T->value[e] * x[T->column[e]];
    return sum;
}

/* Do its rows mostly pass states along? */
bool sparse_moves(const struct sparse *sparse);

/* out = T x, out = T'x. */
void sparse_apply(const struct sparse *T, const double *x, double *out);
void sparse_apply_back(const struct sparse *T, const double *x, double *out);

/* Row `row` of T X, for X of size x columns with leading dimension lead. */
void sparse_row_multiply(const struct sparse *T, size_t row, const double *X, size_t columns,
                         size_t lead, double *out);

/* Y = T X for X of size x columns, both with leading dimension lead. */
void sparse_multiply(const struct sparse *T, const double *X, size_t columns, size_t lead,
                     double *Y);

/* out = T X T', out = T'X T for a symmetric X; exactly symmetric. work: room for a matrix. */
void sparse_congruence(const struct sparse *T, const double *X, double *work, double *out);

void sparse_congruence_back(const struct sparse *T, const double *X, double *work, double *out);

/* The same of lower triangles, in half the time; what is above is anything, before and after. Of
 * X - g g' where g is not NULL. */
void sparse_congruence_lower(const struct sparse *T, double *X, const double *g, double *work,
                             double *out);
void sparse_congruence_back_lower(const struct sparse *T, double *X, double *work, double *out);

#endif
