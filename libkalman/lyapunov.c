#include "lyapunov.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { doublings_max = 48 }; /* 2^48 steps: a root nearer to 1 than that is 1 */

size_t kalman_lyapunov_work_size(size_t size)
{
    return 3 * size * size;
}

static void multiply(size_t size, const double *left, const double *right, double *out)
{
    memset(out, 0, size * size * sizeof(*out));
    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < size; k++) {
            double factor = left[i * size + k];
            if (factor == 0)
                continue;
            for (size_t j = 0; j < size; j++)
                out[i * size + j] += factor * right[k * size + j];
        }
}

/* variance += product * step', one triangle computed and mirrored; returns the largest relative growth of a
 * diagonal. */
static double add_congruent(size_t size, const double *product, const double *step, double *variance)
{
    double growth = 0;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < size; k++)
                sum += product[i * size + k] * step[j * size + k];
            if (i == j && sum > 0)
                growth = fmax(growth, sum / (variance[i * size + i] + sum));
            variance[i * size + j] += sum;
            variance[j * size + i] = variance[i * size + j];
        }
    return growth;
}

bool kalman_lyapunov_solve(size_t size, const double *transition, const double *noise, double *work,
                           double *ret_variance)
{
    size_t count = size * size;
    double *power = work, *product = work + count, *square = work + 2 * count;
    memcpy(power, transition, count * sizeof(*power));
    memcpy(ret_variance, noise, count * sizeof(*ret_variance));
    for (int i = 0; i < doublings_max; i++) {
        multiply(size, power, ret_variance, product);
        double growth = add_congruent(size, product, power, ret_variance);
        if (!isfinite(growth))
            return false;
        if (growth <= DBL_EPSILON / 4)
            return true;
        multiply(size, power, power, square);
        memcpy(power, square, count * sizeof(*power));
    }
    return false;
}
