#include "numeric/lyapunov.h"

#include "numeric/expect.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { doublings_max = 48 }; /* 2^48 steps: a root nearer to 1 than that is 1 */

size_t lyapunov_work_size(size_t size)
{
    return 4 * size * size;
}

/* out = left * right, of a triangle only the lower one; false when stopped. */
static bool multiply(size_t size, const double *restrict left, const double *restrict right,
                     bool triangle, struct cancel_check *cancel, double *restrict out)
{
    assert(is_apart(left, size * size, out, size * size));
    assert(is_apart(right, size * size, out, size * size));
    memset(out, 0, size * size * sizeof(*out));
    for (size_t i = 0; i < size; i++) {
        size_t width = triangle ? i + 1 : size;
        double *restrict row = out + i * size;
        if (cancel_poll(cancel, size * width))
            return false;
        for (size_t k = 0; k < size; k++) {
            double factor = left[i * size + k];
            /* A companion matrix is nearly all zeros, and so are its first powers. */
            if (factor == 0)
                continue;
            for (size_t j = 0; j < width; j++)
                row[j] += factor * right[k * size + j];
        }
    }
    return true;
}

static void transpose(size_t size, const double *from, double *to)
{
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++)
            to[j * size + i] = from[i * size + j];
}

/* variance += the lower triangle of change, mirrored; returns the largest relative growth of a
 * diagonal. */
static double add_symmetric(size_t size, const double *change, double *variance)
{
    EXPECT(change != variance);
    double growth = 0;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = change[i * size + j];
            if (i == j && sum > 0)
                growth = fmax(growth, sum / (variance[i * size + i] + sum));
            variance[i * size + j] += sum;
            variance[j * size + i] = variance[i * size + j];
        }
    return growth;
}

bool lyapunov_solve(size_t size, const double *transition, const double *noise,
                    struct cancel_check *cancel, double *work, double *ret_variance)
{
    EXPECT(size > 0);
    assert(is_symmetric(noise, size));
    assert(is_finite(transition, size * size));
    assert(is_apart(work, lyapunov_work_size(size), ret_variance, size * size));
    size_t count = size * size;
    double *power = work, *product = work + count, *other = work + 2 * count;
    memcpy(power, transition, count * sizeof(*power));
    memcpy(ret_variance, noise, count * sizeof(*ret_variance));
    for (int i = 0; i < doublings_max; i++) {
        /* After i doublings `power` is A = T^(2^i), and P = sum of T^k V T'^k over k < 2^i. The
         * next 2^i terms are A P A': squaring A doubles how many are in. They are all
         * semidefinite, so the diagonal only grows, and its growth says how far the sum has to
         * go. */
        double *change = work + 3 * count;
        transpose(size, power, other);
        if (!multiply(size, power, ret_variance, false, cancel, product) ||
            !multiply(size, product, other, true, cancel, change))
            return false;
        double growth = add_symmetric(size, change, ret_variance);
        if (!isfinite(growth))
            return false;
        /* What follows is smaller still by the square: nothing more can change the last digit. */
        if (growth <= DBL_EPSILON / 4)
            return true;
        if (!multiply(size, power, power, false, cancel, product))
            return false;
        memcpy(power, product, count * sizeof(*power));
    }
    return false;
}
