#include "numeric/sparse.h"

#include "numeric/sparse_parts.h"

#include <string.h>

enum { MOVED_SHARE = 4 };

size_t sparse_doubles(size_t size)
{
    return size * size;
}

size_t sparse_indices(size_t size)
{
    return (size + 1) + size * size + size * (sizeof(struct sparse_run) / sizeof(uint32_t)) +
           2 * size;
}

void sparse_carve(struct sparse *sparse, size_t size, double *doubles, uint32_t *indices)
{
    *sparse = (struct sparse){.size = size, .value = doubles, .start = indices};
    sparse->column = sparse->start + size + 1;
    sparse->runs = (struct sparse_run *)(void *)(sparse->column + size * size);
    sparse->computed = (uint32_t *)(void *)(sparse->runs + size);
    sparse->dropped = sparse->computed + size;
}

static void load_entries(struct sparse *sparse, const double *matrix)
{
    size_t m = sparse->size;
    uint32_t next = 0;
    for (size_t i = 0; i < m; i++) {
        sparse->start[i] = next;
        for (size_t j = 0; j < m; j++)
            if (matrix[i * m + j] != 0.0) {
                sparse->column[next] = (uint32_t)j;
                sparse->value[next++] = matrix[i * m + j];
            }
    }
    sparse->start[m] = next;
}

void sparse_load(struct sparse *sparse, const double *matrix)
{
    size_t m = sparse->size, dropped = 0;
    uint32_t *taken = sparse->dropped; /* first: by state, is it passed along */
    load_entries(sparse, matrix);
    memset(taken, 0, m * sizeof *taken);
    sparse->run_count = sparse->computed_count = 0;
    for (uint32_t i = 0; i < m; i++) {
        uint32_t first = sparse->start[i], state = sparse->column[first];
        if (sparse->start[i + 1] != first + 1 || sparse->value[first] != 1.0 || taken[state]) {
            sparse->computed[sparse->computed_count++] = i;
            continue;
        }
        struct sparse_run *last =
            sparse->run_count > 0 ? &sparse->runs[sparse->run_count - 1] : NULL;
        taken[state] = 1;
        if (last && last->row + last->length == i && last->state + last->length == state)
            last->length++;
        else
            sparse->runs[sparse->run_count++] = (struct sparse_run){i, state, 1};
    }
    for (uint32_t j = 0; j < m; j++)
        if (!taken[j])
            sparse->dropped[dropped++] = j;
}

int sparse_moves(const struct sparse *sparse)
{
    return MOVED_SHARE * sparse->computed_count <= sparse->size;
}

void sparse_apply(const struct sparse *T, const double *x, double *out)
{
    for (size_t i = 0; i < T->size; i++)
        out[i] = sparse_row_dot(T, i, x);
}

void sparse_apply_back(const struct sparse *T, const double *x, double *out)
{
    memset(out, 0, T->size * sizeof *out);
    for (size_t i = 0; i < T->size; i++)
        for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
            out[T->column[e]] += T->value[e] * x[i];
}

/* out = row of T times X. */
static void combine_rows(const struct sparse *T, size_t row, const double *restrict X,
                         size_t columns, size_t lead, double *restrict out)
{
    uint32_t e = T->start[row];
    memset(out, 0, columns * sizeof *out);
    for (; e + 4 <= T->start[row + 1]; e += 4) { /* a season's sum: four rows of X at a time */
        const double *restrict a = X + T->column[e] * lead,
                               *restrict b = X + T->column[e + 1] * lead,
                               *restrict c = X + T->column[e + 2] * lead,
                               *restrict d = X + T->column[e + 3] * lead;
        const double *v = T->value + e, va = v[0], vb = v[1], vc = v[2], vd = v[3];
        for (size_t j = 0; j < columns; j++)
            out[j] += (va * a[j] + vb * b[j]) + (vc * c[j] + vd * d[j]);
    }
    for (; e < T->start[row + 1]; e++) {
        const double value = T->value[e];
        const double *restrict from = X + T->column[e] * lead;
        if (value == 1.0)
            for (size_t j = 0; j < columns; j++)
                out[j] += from[j];
        else
            for (size_t j = 0; j < columns; j++)
                out[j] += value * from[j];
    }
}

void sparse_multiply(const struct sparse *T, const double *X, size_t columns, size_t lead,
                     double *Y)
{
    for (size_t i = 0; i < T->size; i++)
        combine_rows(T, i, X, columns, lead, Y + i * lead);
}

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
    sparse_multiply(T, X, m, m, work);
    transpose(work, m);
    sparse_multiply(T, work, m, m, out);
    sparse_mirror(out, m);
}

void sparse_congruence(const struct sparse *T, const double *X, double *work, double *out)
{
    size_t m = T->size;
    if (!sparse_moves(T)) {
        congruence_plain(T, X, work, out);
        return;
    }
    move_along(T, X, out);
    for (size_t a = 0; a < T->computed_count; a++) {
        size_t c = T->computed[a];
        double *row = out + c * m;
        combine_rows(T, c, X, m, m, work);
        for (size_t b = 0; b < T->run_count; b++)
            memcpy(row + T->runs[b].row, work + T->runs[b].state, T->runs[b].length * sizeof *row);
        for (size_t b = 0; b <= a; b++)
            row[T->computed[b]] = sparse_row_dot(T, T->computed[b], work);
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

void sparse_make_pair(const struct sparse *T, size_t c, const double *X, double *t, double *u)
{
    size_t m = T->size;
    const double *row = X + c * m;
    memset(t, 0, m * sizeof *t);
    memset(u, 0, m * sizeof *u);
    for (uint32_t e = T->start[c]; e < T->start[c + 1]; e++)
        t[T->column[e]] = T->value[e];
    for (size_t b = 0; b < T->run_count; b++)
        memcpy(u + T->runs[b].state, row + T->runs[b].row, T->runs[b].length * sizeof *u);
    for (size_t b = 0; b < T->computed_count; b++) {
        size_t d = T->computed[b];
        for (uint32_t e = T->start[d]; e < T->start[d + 1]; e++)
            u[T->column[e]] += 0.5 * row[d] * T->value[e];
    }
}

size_t sparse_heaviest(const struct sparse *T)
{
    size_t found = T->computed_count;
    for (size_t a = 0; a < T->computed_count; a++)
        if (sparse_entries(T, T->computed[a]) > SPARSE_LIGHT &&
            (found == T->computed_count ||
             sparse_entries(T, T->computed[a]) > sparse_entries(T, T->computed[found])))
            found = a;
    return found;
}

void sparse_congruence_back(const struct sparse *T, const double *X, double *work, double *out)
{
    size_t m = T->size, heavy = sparse_heaviest(T);
    if (!sparse_moves(T)) {
        congruence_back_plain(T, X, work, out);
        return;
    }
    double *t = work, *u = work + m;
    if (heavy < T->computed_count)
        sparse_make_pair(T, T->computed[heavy], X, t, u);
    move_back(T, X, heavy < T->computed_count ? t : NULL, u, out);
    for (size_t a = 0; a < T->computed_count; a++) {
        size_t c = T->computed[a];
        if (a == heavy)
            continue;
        sparse_make_pair(T, c, X, t, u);
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
