#include <kalman/transform.h>

#include <math.h>
#include <string.h>

static const double log_two = 0.69314718055994530942;

/* Logarithms are the Box-Cox transform whose lambda is 0. */
static double power_of(const struct kalman_transform *transform)
{
    return transform->kind == KALMAN_TRANSFORM_BOX_COX ? transform->lambda : 0;
}

int kalman_transform_unit(const double *values, size_t count)
{
    for (size_t t = 0; t < count; t++)
        if (isfinite(values[t]) && values[t] != 0)
            return ilogb(values[t]);
    return 0;
}

/* log(y / 2^exponent). The quotient gives the same bits in every unit, but may be no normal number
 * where values of one series are further apart than that. */
static double log_in_unit(double y, int exponent)
{
    double quotient = ldexp(y, -exponent);
    return isnormal(quotient) ? log(quotient) : log(y) - exponent * log_two;
}

/* Its inverse. */
static double exp_in_unit(double z, int exponent)
{
    double quotient = exp(z);
    return isnormal(quotient) ? ldexp(quotient, exponent) : exp(z + exponent * log_two);
}

static double transform_one(double lambda, double logarithm)
{
    return lambda == 0 ? logarithm : expm1(lambda * logarithm) / lambda;
}

enum kalman_status kalman_transform_apply(const struct kalman_transform *transform,
                                          const double *values, size_t count, double *ret_values,
                                          size_t *ret_bad_index)
{
    double lambda = power_of(transform);
    if (transform->kind == KALMAN_TRANSFORM_NONE) {
        memmove(ret_values, values, count * sizeof *values);
        return KALMAN_OK;
    }
    for (size_t t = 0; t < count; t++) {
        double y = values[t], z = (double)INFINITY;
        if (y > 0)
            z = transform_one(lambda, log_in_unit(y, transform->exponent));
        if (!isnan(y) && !isfinite(z)) {
            *ret_bad_index = t;
            return KALMAN_EDOMAIN;
        }
        ret_values[t] = isnan(y) ? (double)NAN : z;
    }
    return KALMAN_OK;
}

double kalman_transform_invert(const struct kalman_transform *transform, double z)
{
    double lambda = power_of(transform);
    if (transform->kind == KALMAN_TRANSFORM_NONE)
        return z;
    if (lambda == 0)
        return exp_in_unit(z, transform->exponent);
    if (lambda * z <= -1)
        return lambda > 0 ? 0 : (double)INFINITY;
    return exp_in_unit(log1p(lambda * z) / lambda, transform->exponent);
}

void kalman_transform_moments(const struct kalman_transform *transform, double mean,
                              double variance, double *ret_mean, double *ret_variance)
{
    double lambda = power_of(transform), median = kalman_transform_invert(transform, mean);
    double base = 1 + lambda * mean; /* (y / unit)^lambda */
    *ret_mean = median;
    *ret_variance = variance;
    if (transform->kind == KALMAN_TRANSFORM_NONE || !isfinite(variance))
        return;
    if (lambda == 0) {
        *ret_mean = exp_in_unit(mean + 0.5 * variance, transform->exponent);
        *ret_variance = *ret_mean * *ret_mean * expm1(variance);
    } else if (base > 0) {
        double slope = median / base; /* dy/dz */
        *ret_mean = median * (1 + 0.5 * variance * (1 - lambda) / (base * base));
        *ret_variance = variance * slope * slope;
    } else {
        *ret_variance = 0;
    }
}

double kalman_transform_log_jacobian(const struct kalman_transform *transform, double y)
{
    if (transform->kind == KALMAN_TRANSFORM_NONE)
        return 0;
    double of_unit = (power_of(transform) - 1) * log_in_unit(y, transform->exponent);
    return of_unit - transform->exponent * log_two;
}
