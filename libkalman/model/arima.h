/* The polynomials of ARIMA models. Private to libkalman. */
#ifndef KALMAN_MODEL_ARIMA_H
#define KALMAN_MODEL_ARIMA_H

#include "model/layout.h"

/* The product of the plain and the seasonal polynomial: p + s P coefficients phi of
 * 1 - phi_1 B - ..; q + s Q coefficients theta of 1 + theta_1 B + .. */
void arima_ar(const struct spec_layout *layout, const struct kalman_spec *spec, double *ret_ar);
void arima_ma(const struct spec_layout *layout, const struct kalman_spec *spec, double *ret_ma);

#endif
