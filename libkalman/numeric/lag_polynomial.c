#include "numeric/lag_polynomial.h"

#include "numeric/expect.h"

void lag_from_partial(const double *partial, size_t order, double *ret_coefficients)
{
    assert(is_apart(partial, order, ret_coefficients, order));
    double *phi = ret_coefficients;
    for (size_t k = 0; k < order; k++) {
        /* Durbin-Levinson: the best predictor of order k + 1 from that of order k, phi_{k+1,j} =
         * phi_{k,j} - r phi_{k,k+1-j} and phi_{k+1,k+1} = r, the partial autocorrelation. All
         * roots are outside the unit circle exactly when every |r| < 1. */
        double reflection = partial[k];
        /* phi_j and phi_{k-1-j} change together, in place; at the middle they are the same
         * element. */
        for (size_t j = 0; j < (k + 1) / 2; j++) {
            double low = phi[j], high = phi[k - 1 - j];
            phi[j] = low - reflection * high;
            phi[k - 1 - j] = high - reflection * low;
        }
        phi[k] = reflection;
    }
}

void lag_to_partial(const double *coefficients, size_t order, double *ret_partial)
{
    double *phi = ret_partial;
    for (size_t i = 0; i < order; i++)
        phi[i] = coefficients[i];
    for (size_t k = order; k-- > 0;) {
        /* The step of lag_from_partial() solved for the lower order: two equations for phi_j and
         * phi_{k-1-j}, of determinant 1 - r^2. */
        double reflection = phi[k], shrink = 1 - reflection * reflection;
        for (size_t j = 0; j < (k + 1) / 2; j++) {
            double low = phi[j], high = phi[k - 1 - j];
            phi[j] = (low + reflection * high) / shrink;
            phi[k - 1 - j] = (high + reflection * low) / shrink;
        }
    }
}

void lag_multiply(double sign, const double *a, size_t order_a, const double *b, size_t order_b,
                  size_t period, double *ret_product)
{
    EXPECT(order_b == 0 || period > 0);
    assert(sign == 1 || sign == -1);
    size_t order = order_a + order_b * period;
    for (size_t i = 0; i < order; i++)
        ret_product[i] = i < order_a ? a[i] : 0;
    for (size_t j = 1; j <= order_b; j++) {
        /* (1 + s A(L))(1 + s B(L^period)) = 1 + s (A + B + s A B): the sign stays with the cross
         * terms. */
        ret_product[j * period - 1] += b[j - 1];
        for (size_t i = 1; i <= order_a; i++)
            ret_product[j * period + i - 1] += sign * a[i - 1] * b[j - 1];
    }
}

/* Multiplies 1 - sum c_i L^i, i <= order, by 1 - L^lag in place. */
static void difference_once(double *coefficients, size_t order, size_t lag)
{
    EXPECT(lag > 0);
    for (size_t i = order; i < order + lag; i++)
        coefficients[i] = 0;
    /* (1 - sum c_i L^i)(1 - L^lag) = 1 - sum c_i L^i - L^lag + sum c_i L^{i + lag}: c_{i+lag} loses
     * c_i. From the top, so that no coefficient is read after it has changed. */
    for (size_t i = order + lag; i > lag; i--)
        coefficients[i - 1] -= coefficients[i - lag - 1];
    coefficients[lag - 1] += 1;
}

void lag_differences(size_t differences, size_t seasonal, size_t period, double *ret_coefficients)
{
    EXPECT(seasonal == 0 || period > 0);
    size_t order = 0;
    for (size_t i = 0; i < differences; i++, order += 1)
        difference_once(ret_coefficients, order, 1);
    for (size_t i = 0; i < seasonal; i++, order += period)
        difference_once(ret_coefficients, order, period);
}

size_t lag_differences_of(double *values, size_t count, size_t differences, size_t seasonal,
                          size_t period)
{
    EXPECT(count >= differences + seasonal * period);
    for (size_t i = 0; i < differences + seasonal; i++) {
        size_t lag = i < differences ? 1 : period;
        count -= lag;
        for (size_t t = 0; t < count; t++)
            values[t] = values[t + lag] - values[t];
    }
    return count;
}
