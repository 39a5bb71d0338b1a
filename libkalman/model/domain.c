#include "model/domain.h"

#include "numeric/expect.h"
#include "numeric/lag_polynomial.h"

#include <math.h>

bool domain_holds(const struct kalman_parameter_info *info, double value)
{
    if (!isfinite(value))
        return false;
    return value >= info->lower && value <= info->upper &&
           !(info->domain == KALMAN_DOMAIN_POSITIVE && value <= 0.0);
}

/* Are all roots of 1 + sign * sum x_i (shrink B)^i outside the unit circle? By partial
 * autocorrelations. */
static bool roots_outside(double sign, const double *values, size_t count, double shrink)
{
    EXPECT(count <= KALMAN_PARAMETERS_MAX);
    assert(shrink > 0.0 && shrink <= 1.0);
    double coefficients[KALMAN_PARAMETERS_MAX] = {0.0}, partial[KALMAN_PARAMETERS_MAX] = {0.0};
    /* With B -> shrink B every root moves out by 1/shrink: a root on the circle passes for one
     * outside. */
    double power = 1.0;
    for (size_t i = 0; i < count; i++) {
        power *= shrink;
        coefficients[i] = -sign * values[i] * power;
    }
    /* No root has to be found: all are outside exactly when every partial autocorrelation is
     * within (-1, 1) (Barndorff-Nielsen & Schou 1973). One of 1 divides by zero on the way down:
     * it fails the comparison, and so does the NaN. */
    lag_to_partial(coefficients, count, partial);
    for (size_t i = 0; i < count; i++)
        if (!(fabs(partial[i]) < 1.0))
            return false;
    return true;
}

bool domain_holds_array(const struct kalman_parameter_info *info, const double *values,
                        size_t count)
{
    assert(count <= KALMAN_PARAMETERS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) /* to be fitted, and so chosen inside the domain */
            return true;
        if (!domain_holds(info, values[i]))
            return false;
    }
    if (info->domain == KALMAN_DOMAIN_STATIONARY)
        return roots_outside(-1.0, values, count, 1.0);
    /* A moving average with roots on the circle is a valid model: only its inverse does not
     * converge, and the exact likelihood needs none. An AR part there has no variance to start
     * from. */
    if (info->domain == KALMAN_DOMAIN_INVERTIBLE)
        return roots_outside(1.0, values, count, 1.0 - 1e-9);
    return true;
}
