/*
 * Scales other than that of the data: logarithms and Box-Cox powers, for series whose variation
 * grows with their level. A model is fitted and run on transformed values; its means and interval
 * bounds come back by the inverse.
 *
 *     log:      z = log(y / 2^exponent)
 *     Box-Cox:  z = ((y / 2^exponent)^lambda - 1) / lambda    (Box & Cox 1964), log for lambda 0
 *
 * Only positive values have either. Pure functions; nothing is kept.
 */
#ifndef KALMAN_TRANSFORM_H
#define KALMAN_TRANSFORM_H

#include <kalman/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kalman_transform_kind {
    KALMAN_TRANSFORM_NONE = 0, /* z = y, whatever the other members */
    KALMAN_TRANSFORM_LOG,
    KALMAN_TRANSFORM_BOX_COX
};

/* Zero-initialised: none. */
struct kalman_transform {
    enum kalman_transform_kind kind;
    double lambda; /* of Box-Cox */
    /* The unit of the values, so that data times a power of two can give the same z to the bit. */
    int exponent;
};

/* The exponent of the first value that is not missing; 0 without one. */
KALMAN_API int kalman_transform_unit(const double *values, size_t count);

/* Writes count transformed values; missing ones (NaN) stay missing. ret_values may be values.
 * KALMAN_EDOMAIN: the value at *ret_bad_index is not positive, or has no finite z. */
KALMAN_API enum kalman_status kalman_transform_apply(const struct kalman_transform *transform,
                                                     const double *values, size_t count,
                                                     double *ret_values,
                                                     size_t *ret_bad_index) KALMAN_MUSTCHECK;

/* The y of z. Quantiles map to quantiles, so this maps interval bounds, and a mean of z to the
 * median of y. Below the range of a positive lambda: 0. Above that of a negative one: +inf. */
KALMAN_API double kalman_transform_invert(const struct kalman_transform *transform, double z);

/* Mean and variance of y, where z is normal: exact for logarithms. Box-Cox: the expansion to the
 * second order of the mean (as R's forecast has it) and to the first of the variance; at a bound of
 * the range, that bound. A variance that is +inf leaves the mean as kalman_transform_invert() has
 * it. */
KALMAN_API void kalman_transform_moments(const struct kalman_transform *transform, double mean,
                                         double variance, double *ret_mean, double *ret_variance);

/* log |dz/dy| at y: what the log density of z needs to be one of y. */
KALMAN_API double kalman_transform_log_jacobian(const struct kalman_transform *transform, double y);

#ifdef __cplusplus
}
#endif

#endif
