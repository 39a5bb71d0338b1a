#include "dense.h"

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

double dense_dot(const double *x, const double *y, size_t m)
{
    double sum = 0.0;
    for (size_t i = 0; i < m; i++)
        sum += x[i] * y[i];
    return sum;
}
