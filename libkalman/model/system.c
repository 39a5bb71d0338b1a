/* What the kinds and the engines ask of a model's inside. */
#include "model/system.h"

#include "numeric/expect.h"

#include <math.h>
#include <string.h>

void model_noise(const struct kalman_model *model, const double *R, const double *Q, double *V)
{
    EXPECT(V != R && V != Q);
    size_t m = model->states, r = model->disturbances;
    memset(V, 0, m * m * sizeof *V);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            /* Most rows of R have one entry, or none: that test makes m^2 r^2 about m^2 r. */
            for (size_t k = 0; k < r; k++)
                for (size_t l = 0; l < r && R[i * r + k] != 0.0; l++)
                    sum += R[i * r + k] * Q[k * r + l] * R[j * r + l];
            /* Computed once and copied: exactly symmetric. */
            V[i * m + j] = sum;
            V[j * m + i] = sum;
        }
}

double model_scaled_variance(const struct kalman_model *model, enum parameter_id id)
{
    assert(model->layout.info != NULL);
    /* model->spec is as given. The two exponents are added before the value is touched: either
     * alone may take it out of the range of a double. */
    return ldexp(layout_value(&model->layout, &model->spec, id),
                 model->spec.variance_exponent - 2 * model->sd_exponent);
}

void state_name_write(char *buffer, size_t buffer_bytes, const char *prefix, size_t number)
{
    EXPECT(buffer || buffer_bytes == 0);
    char digits[24];
    size_t digit_count = 0, length = 0;
    for (size_t rest = number; rest > 0; rest /= 10)
        digits[digit_count++] = (char)('0' + rest % 10);
    if (buffer_bytes == 0)
        return;
    for (const char *c = prefix; *c && length + 1 < buffer_bytes; c++)
        buffer[length++] = *c;
    if (digit_count > 0 && length + 1 < buffer_bytes)
        buffer[length++] = '_';
    while (digit_count > 0 && length + 1 < buffer_bytes)
        buffer[length++] = digits[--digit_count];
    buffer[length] = '\0';
}
