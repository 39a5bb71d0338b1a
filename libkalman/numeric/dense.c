#include "numeric/dense.h"

#include "numeric/expect.h"
#include "numeric/wide.h"

#include <string.h>

void dense_apply(const double *restrict X, const double *restrict x, size_t m, double *restrict out)
{
    assert(is_symmetric(X, m));
    EXPECT(x != out);
    size_t i = 0;
    memset(out, 0, m * sizeof *out);
    /* X is symmetric, so that X x = sum x_i (row i): a sum of rows runs along memory and needs
     * no sum across lanes, which a row times x would. Four rows share one load and store of out. */
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
    assert(is_symmetric(X, m));
    EXPECT(z != X && x != X);
    for (size_t i = 0; i < m; i++) {
        const double factor = c * z[i];
        /* Row i and column i get the same number, in one pass: rounding cannot make X_ij and X_ji
         * differ. */
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
        /* An entry below the diagonal serves twice, as X_ij in (X x)_i and as X_ji in (X x)_j:
         * the sum of the row, and what the row adds to out. So half the matrix is read. */
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
    /* Lanes are added in one order, the same for either width of register (numeric/wide.h). */
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
        /* The block of two by two on the diagonal, whose corner next[i] serves both rows. */
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
    EXPECT(x != out);
    lower_apply(X, x, m, out);
}

void dense_lower_add_row(const double *restrict X, size_t i, double c, size_t m,
                         double *restrict out)
{
    EXPECT(i < m);
    for (size_t j = 0; j <= i; j++)
        out[j] += c * X[i * m + j];
    /* Beyond the diagonal row i of the whole matrix is column i of the lower triangle. */
    for (size_t j = i + 1; j < m; j++)
        out[j] += c * X[j * m + i];
}

void dense_lower_add_pair(double *restrict X, size_t i, double z, const double *restrict x,
                          size_t m)
{
    EXPECT(i < m);
    for (size_t j = 0; j < i; j++)
        X[i * m + j] += z * x[j];
    /* z x_i and x_i z both land on the diagonal. */
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

WIDE_BODY void add_scaled_body(double c, const double *restrict x, size_t m, double *restrict sum)
{
    for (size_t i = 0; i < m; i++)
        sum[i] += c * x[i];
}

WIDE_TWICE(void, add_scaled, (double c, const double *restrict x, size_t m, double *restrict sum),
           (c, x, m, sum))

void dense_add_scaled(double c, const double *x, size_t m, double *sum)
{
    add_scaled(c, x, m, sum);
}
