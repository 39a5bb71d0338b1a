#include "numeric/sparse.h"

#include "numeric/expect.h"

#include <kalman/spec.h>

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
    EXPECT(size > 0 && size <= KALMAN_STATES_MAX);
    EXPECT((uintptr_t)doubles % sizeof(double) == 0 && (uintptr_t)indices % sizeof(uint32_t) == 0);
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
    EXPECT(sparse->size > 0 && sparse->value && sparse->start);
    /* A row passes a state along if it is a single 1 whose column no row before it has taken.
     * Two rows that copy one state cannot both be moves: T X T' would need its row twice. */
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
        /* Rows that follow each other and pass on states that follow each other are one run: one
         * memcpy moves them all. */
        if (last && last->row + last->length == i && last->state + last->length == state)
            last->length++;
        else
            sparse->runs[sparse->run_count++] = (struct sparse_run){i, state, 1};
    }
    /* In place: at most j states were dropped before state j, so dropped[] is written no further
     * than the flag just read. As many are dropped as rows are computed: the others pair off. */
    for (uint32_t j = 0; j < m; j++)
        if (!taken[j])
            sparse->dropped[dropped++] = j;
}

bool sparse_moves(const struct sparse *sparse)
{
    /* A computed row costs a pass over its non-zeros, a moved one nothing: with more than a quarter
     * computed the plain products are no slower, and simpler. */
    return MOVED_SHARE * sparse->computed_count <= sparse->size;
}

void sparse_apply(const struct sparse *T, const double *x, double *out)
{
    EXPECT(x != out);
    for (size_t i = 0; i < T->size; i++)
        out[i] = sparse_row_dot(T, i, x);
}

void sparse_apply_back(const struct sparse *T, const double *x, double *out)
{
    EXPECT(x != out);
    memset(out, 0, T->size * sizeof *out);
    for (size_t i = 0; i < T->size; i++)
        for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
            out[T->column[e]] += T->value[e] * x[i];
}

void sparse_row_multiply(const struct sparse *T, size_t row, const double *restrict X,
                         size_t columns, size_t lead, double *restrict out)
{
    EXPECT(row < T->size && columns <= lead);
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
        /* Most entries of a transition are ones. */
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
    EXPECT(columns <= lead && X != Y);
    for (size_t i = 0; i < T->size; i++)
        sparse_row_multiply(T, i, X, columns, lead, Y + i * lead);
}
