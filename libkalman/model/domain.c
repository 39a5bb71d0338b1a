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
    double coefficients[KALMAN_PARAMETERS_MAX] = {0.0}, partial[KALMAN_PARAMETERS_MAX] = {0.0};
    /* With B -> shrink B every root moves out by 1/shrink: a root on the circle passes for one
     * outside. */
    double power = 1.0;
    for (size_t i = 0; i < count; i++) {
        power *= shrink;
        coefficients[i] = -sign * values[i] * power;
    }
    lag_to_partial(coefficients, count, partial);
    for (size_t i = 0; i < count; i++)
        if (!(fabs(partial[i]) < 1.0))
            return false;
    return true;
}

bool domain_holds_array(const struct kalman_parameter_info *info, const double *values,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            return true;
        if (!domain_holds(info, values[i]))
            return false;
    }
    if (info->domain == KALMAN_DOMAIN_STATIONARY)
        return roots_outside(-1.0, values, count, 1.0);
    /* roots on the circle are a valid model */
    if (info->domain == KALMAN_DOMAIN_INVERTIBLE)
        return roots_outside(1.0, values, count, 1.0 - 1e-9);
    return true;
}
