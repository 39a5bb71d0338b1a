#include "numeric/dense.h"

#include "numeric/wide.h"

#include <string.h>

void dense_apply(const double *restrict X, const double *restrict x, size_t m, double *restrict out)
{
    size_t i = 0;
    memset(out, 0, m * sizeof *out);
    for (; i + 4 <= m; i += 4) {
        const double *restrict row = X + i * m, a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
        for (size_t j = 0; j < m; j++)
            out[j] += (a * row[j] + b * row[m + j]) + (c * row[2 * m + j] + d * row[3 * m + j]);
    }
    for (; i < m; i++)
        for (size_t j = 0; j < m; j++)
            out[j] += x[i] * X[i * m + j];
}

void dense_add_pair(double *X, double c, const double *z, const double *x, size_t m)
{
    for (size_t i = 0; i < m; i++) {
        const double factor = c * z[i];
        if (factor == 0.0)
            continue;
        for (size_t j = 0; j < m; j++) {
            X[i * m + j] += factor * x[j];
            X[j * m + i] += factor * x[j];
        }
    }
}

typedef double four __attribute__((vector_size(32)));
typedef double four_anywhere __attribute__((vector_size(32), aligned(8)));

/* Two rows at a time: what both do to out[0 .. before), and their products with x so far. */
WIDE_BODY void two_rows(const double *restrict row, const double *restrict next,
                        const double *restrict x, size_t before, double xi, double xn,
                        double *restrict out, double ret_sums[2])
{
    four sums = {0.0}, sums_next = {0.0};
    size_t j = 0;
    for (; j + 4 <= before; j += 4) {
        const four a = *(const four_anywhere *)(row + j), b = *(const four_anywhere *)(next + j);
        const four at = *(const four_anywhere *)(x + j);
        sums += a * at;
        sums_next += b * at;
        *(four_anywhere *)(out + j) += xi * a + xn * b;
    }
    for (; j < before; j++) {
        sums[0] += row[j] * x[j];
        sums_next[0] += next[j] * x[j];
        out[j] += xi * row[j] + xn * next[j];
    }
    ret_sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    ret_sums[1] = (sums_next[0] + sums_next[1]) + (sums_next[2] + sums_next[3]);
}

WIDE_BODY void lower_apply_body(const double *restrict X, const double *restrict x, size_t m,
                                double *restrict out)
{
    memset(out, 0, m * sizeof *out);
    for (size_t i = 0; i + 1 < m; i += 2) {
        const double *row = X + i * m, *next = row + m;
        double sums[2];
        two_rows(row, next, x, i, x[i], x[i + 1], out, sums);
        out[i] += sums[0] + row[i] * x[i] + next[i] * x[i + 1];
        out[i + 1] += sums[1] + next[i] * x[i] + next[i + 1] * x[i + 1];
    }
    if (m % 2 == 1) {
        const double *row = X + (m - 1) * m;
        for (size_t j = 0; j + 1 < m; j++)
            out[j] += x[m - 1] * row[j];
        out[m - 1] += dense_dot(row, x, m);
    }
}

WIDE_TWICE(void, lower_apply, (const double *X, const double *x, size_t m, double *out),
           (X, x, m, out))

void dense_lower_apply(const double *X, const double *x, size_t m, double *out)
{
    lower_apply(X, x, m, out);
}

void dense_lower_add_row(const double *restrict X, size_t i, double c, size_t m,
                         double *restrict out)
{
    for (size_t j = 0; j <= i; j++)
        out[j] += c * X[i * m + j];
    for (size_t j = i + 1; j < m; j++)
        out[j] += c * X[j * m + i];
}

void dense_lower_add_pair(double *restrict X, size_t i, double z, const double *restrict x,
                          size_t m)
{
    for (size_t j = 0; j < i; j++)
        X[i * m + j] += z * x[j];
    X[i * m + i] += 2.0 * z * x[i];
    for (size_t j = i + 1; j < m; j++)
        X[j * m + i] += z * x[j];
}

double dense_dot(const double *x, const double *y, size_t m)
{
    double sum = 0.0;
    for (size_t i = 0; i < m; i++)
        sum += x[i] * y[i];
    return sum;
}
