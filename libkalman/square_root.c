#include "square_root.h"

#include <math.h>
#include <string.h>

void square_root_compress(double *B, size_t m, size_t k, double *S)
{
    for (size_t i = 0; i < m; i++) {
        double *row = B + i * k, norm = 0.0;
        for (size_t j = i; j < k; j++)
            norm = hypot(norm, row[j]);
        if (!(norm > 0x1p-900)) { /* what exact observations leave shrinks without end; here it has gone */
            memset(row + i, 0, (k - i) * sizeof *row);
            continue;
        }
        /* Reflect row i so that only its diagonal is left, and every row below with it. In units of the row's own length,
           lest a square underflow. */
        for (size_t j = i; j < k; j++)
            row[j] /= norm;
        double head = row[i] > 0.0 ? -1.0 : 1.0, pivot = row[i] - head;
        for (size_t l = i + 1; l < m; l++) {
            double *other = B + l * k, dot = other[i] * pivot;
            for (size_t j = i + 1; j < k; j++)
                dot += other[j] * row[j];
            double factor = dot / (head * pivot); /* = -2 dot / u'u, for u'u = -2 head pivot */
            other[i] += factor * pivot;
            for (size_t j = i + 1; j < k; j++)
                other[j] += factor * row[j];
        }
        row[i] = head * norm;
        for (size_t j = i + 1; j < k; j++)
            row[j] = 0.0;
    }
    for (size_t i = 0; i < m; i++)
        memcpy(S + i * m, B + i * k, m * sizeof(double));
}

void square_root_of(const double *Q, size_t r, double *root)
{
    memset(root, 0, r * r * sizeof *root);
    for (size_t j = 0; j < r; j++) {
        double pivot = Q[j * r + j];
        for (size_t k = 0; k < j; k++)
            pivot -= root[j * r + k] * root[j * r + k];
        if (!(pivot > 1e-15 * Q[j * r + j]))
            continue;
        root[j * r + j] = sqrt(pivot);
        for (size_t i = j + 1; i < r; i++) {
            double sum = Q[i * r + j];
            for (size_t k = 0; k < j; k++)
                sum -= root[i * r + k] * root[j * r + k];
            root[i * r + j] = sum / root[j * r + j];
        }
    }
}

void square_root_predict(const struct filter_sparse *T, size_t m, size_t r, const double *R, const double *Q,
                         double *S, double *root_Q, double *array)
{
    size_t k = m + r;
    square_root_of(Q, r, root_Q);
    for (size_t i = 0; i < m; i++) {
        double *row = array + i * k;
        memset(row, 0, k * sizeof *row);
        for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
            for (size_t j = 0; j < m; j++)
                row[j] += T->value[e] * S[T->column[e] * m + j];
        for (size_t l = 0; l < r; l++)
            for (size_t j = 0; j <= l; j++)
                row[m + j] += R[i * r + l] * root_Q[l * r + j];
    }
    square_root_compress(array, m, k, S);
}

void square_root_update(double *S, size_t m, const double *w, const double *M, double F, double h)
{
    double gamma = 1.0 / (F + sqrt(h * F));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            S[i * m + j] -= M[i] * gamma * w[j];
}

void square_root_diffuse(double *S, size_t m, const double *w, const double *K0, double h, double *array)
{
    size_t k = m + 1;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < m; j++)
            array[i * k + j] = S[i * m + j] - K0[i] * w[j];
        array[i * k + m] = K0[i] * sqrt(h);
    }
    square_root_compress(array, m, k, S);
}
