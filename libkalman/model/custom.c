/*
 * Custom models: the caller's matrices, checked and copied; matrices that vary stay with the
 * caller.
 */
#include "model/system.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* Finite everywhere? Of a varying matrix the first is checked here, the others when the engine
 * meets them. */
static bool finite_all(const double *data, size_t count)
{
    for (size_t i = 0; data && i < count; i++)
        if (!isfinite(data[i]))
            return false;
    return true;
}

/* Symmetric, non-negative diagonal, and |a_ij| <= sqrt(a_ii a_jj): what the entries alone can
 * show. */
static bool variance_plausible(const double *data, size_t size)
{
    for (size_t i = 0; data && i < size; i++)
        for (size_t j = 0; j <= i; j++) {
            /* Two roots, for the product may overflow; some slack, for the caller's entries are
             * rounded. */
            double bound = sqrt(data[i * size + i]) * sqrt(data[j * size + j]) * (1.0 + 1e-12);
            if (!(data[i * size + i] >= 0.0) || data[i * size + j] != data[j * size + i] ||
                !(fabs(data[i * size + j]) <= bound))
                return false;
        }
    return true;
}

static enum kalman_status custom_shape(const struct spec_layout *layout,
                                       const struct kalman_spec *spec,
                                       struct model_shape *ret_shape)
{
    (void)layout;
    const struct kalman_system *s = spec->system;
    if (s->observed == 0 || s->observed > KALMAN_OBSERVED_MAX || s->states == 0 ||
        s->states > KALMAN_STATES_MAX || s->disturbances > KALMAN_STATES_MAX || !s->Z.data ||
        !s->T.data || (!s->R.data && s->disturbances != s->states))
        return KALMAN_EINVAL;
    size_t diffuse = 0;
    for (size_t i = 0; s->diffuse && i < s->states; i++)
        diffuse += s->diffuse[i] != 0.0;
    *ret_shape = (struct model_shape){
        .states = s->states, .disturbances = s->disturbances, .diffuse = diffuse};
    return KALMAN_OK;
}

static enum kalman_status custom_check(const struct kalman_system *s)
{
    size_t p = s->observed, m = s->states, r = s->disturbances;
    const struct {
        struct kalman_matrix matrix;
        size_t size;
    } all[] = {{s->Z, p * m}, {s->H, p * p}, {s->T, m * m}, {s->R, m * r},
               {s->Q, r * r}, {s->c, m},     {s->d, p}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!finite_all(all[i].matrix.data, all[i].size) ||
            (all[i].matrix.stride != 0 && all[i].matrix.stride < all[i].size))
            return KALMAN_EPARAMETER;
    if (!finite_all(s->a1, m) || !finite_all(s->P1, m * m) || !finite_all(s->diffuse, m))
        return KALMAN_EPARAMETER;
    if (!variance_plausible(s->H.data, p) || !variance_plausible(s->Q.data, r) ||
        !variance_plausible(s->P1, m))
        return KALMAN_EPARAMETER;
    return KALMAN_OK;
}

static double largest_diagonal(const double *data, size_t size, double largest)
{
    assert(largest >= 0.0);
    for (size_t i = 0; data && i < size; i++)
        largest = fmax(largest, data[i * size + i]);
    return largest;
}

int custom_sd_exponent(const struct kalman_system *s)
{
    double largest = largest_diagonal(s->H.data, s->observed, 0.0);
    largest = largest_diagonal(s->Q.data, s->disturbances, largest);
    largest = largest_diagonal(s->P1, s->states, largest);
    if (!(largest > 0.0) || !isfinite(largest))
        return 0;
    int exponent = ilogb(largest); /* floor of the half, as in layout_sd_exponent() */
    return (exponent - (exponent & 1)) / 2;
}

static void copy_scaled(double *to, const double *from, size_t count, int exponent)
{
    for (size_t i = 0; from && i < count; i++)
        to[i] = exponent == 0 ? from[i] : ldexp(from[i], exponent);
}

/* The state that takes a shift of a single observation, or -1. Time-varying models are left as
 * they are. */
static int shift_state(const struct kalman_system *s)
{
    if (s->observed != 1 || !s->diffuse || s->Z.stride || s->T.stride)
        return -1;
    /* Z = 1 and a unit column of T: then Z shift = 1 and T shift = shift exactly. And diffuse: a
     * prior mean of the level would not move with the data. */
    size_t m = s->states;
    for (size_t j = 0; j < m; j++) {
        bool fits = s->Z.data[j] == 1.0 && s->diffuse[j] != 0.0;
        for (size_t i = 0; fits && i < m; i++)
            fits = s->T.data[i * m + j] == (i == j ? 1.0 : 0.0);
        if (fits)
            return (int)j;
    }
    return -1;
}

static enum kalman_status custom_fill(const struct spec_layout *layout,
                                      const struct kalman_spec *spec, struct kalman_model *model)
{
    EXPECT(model->observed == spec->system->observed && model->states == spec->system->states);
    EXPECT(model->disturbances == spec->system->disturbances);
    assert(model->input_count == 0);
    (void)layout;
    const struct kalman_system *s = spec->system;
    size_t p = s->observed, m = s->states, r = s->disturbances;
    enum kalman_status status = custom_check(s);
    if (status != KALMAN_OK)
        return status;
    /* Only variances are scaled: Z, T and R have no unit of variance, and means keep the
     * caller's. */
    int exponent = -2 * model->sd_exponent;
    copy_scaled(model->Z, s->Z.data, p * m, 0);
    copy_scaled(model->H, s->H.data, p * p, exponent);
    copy_scaled(model->T, s->T.data, m * m, 0);
    copy_scaled(model->R, s->R.data, m * r, 0);
    copy_scaled(model->Q, s->Q.data, r * r, exponent);
    copy_scaled(model->c, s->c.data, m, 0);
    copy_scaled(model->d, s->d.data, p, 0);
    copy_scaled(model->a1, s->a1, m, 0);
    copy_scaled(model->P1, s->P1, m * m, exponent);
    for (size_t i = 0; !s->R.data && i < m; i++)
        model->R[i * r + i] = 1.0;
    for (size_t i = 0, column = 0; s->diffuse && i < m; i++)
        if (s->diffuse[i] != 0.0)
            model->A1[i * model->diffuse + column++] = 1.0;
    model->level_state = shift_state(s);
    return KALMAN_OK;
}

static void custom_state_name(const struct spec_layout *layout, size_t state, char *buffer,
                              size_t buffer_bytes)
{
    (void)layout;
    state_name_write(buffer, buffer_bytes, "state", state + 1);
}

const struct model_builder model_builder_custom = {KALMAN_CUSTOM, custom_shape, custom_fill, NULL,
                                                   custom_state_name};
