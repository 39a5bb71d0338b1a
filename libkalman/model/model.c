/*
 * Building a model: sizes, one block of memory, scaled variances, the kind's own entries, known
 * inputs appended.
 */
#include <kalman/model.h>

#include "model/spec.h"
#include "model/system.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Sizes with the known inputs counted in. */
static enum kalman_status model_sizes(const struct kalman_spec *spec, struct model_shape *shape,
                                      size_t *observed)
{
    const struct model_builder *builder = model_builder_for(spec->kind);
    if (!builder)
        return KALMAN_EUNSUPPORTED;
    enum kalman_status status = builder->shape(spec, shape);
    if (status != KALMAN_OK)
        return status;
    shape->states += spec->input_count;
    shape->diffuse += spec->input_count;
    if (shape->states == 0 || shape->states > KALMAN_STATES_MAX)
        return KALMAN_ESETTING;
    *observed = spec->kind == KALMAN_CUSTOM ? spec->system->observed : 1;
    return KALMAN_OK;
}

static size_t matrix_doubles(const struct model_shape *shape, size_t p)
{
    size_t m = shape->states, r = shape->disturbances, d = shape->diffuse;
    return p * m + p * p + 3 * m * m + m * r + r * r + 3 * m + p + m * d;
}

static size_t model_header_bytes(void)
{
    return (sizeof(struct kalman_model) + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

enum kalman_status kalman_model_bytes(const struct kalman_spec *spec, size_t *ret_bytes)
{
    enum kalman_status status = kalman_spec_check(spec, 1, NULL);
    if (status != KALMAN_OK)
        return status;
    struct model_shape shape = {0, 0, 0};
    size_t observed = 0;
    status = model_sizes(spec, &shape, &observed);
    if (status != KALMAN_OK)
        return status;
    size_t bytes = model_header_bytes() + matrix_doubles(&shape, observed) * sizeof(double);
    *ret_bytes = (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
    return KALMAN_OK;
}

/* Lays the matrices out one after another behind the header. */
static void model_carve(struct kalman_model *model, double *next)
{
    size_t m = model->states, r = model->disturbances, d = model->diffuse, p = model->observed;
    const size_t sizes[] = {p * m, p * p, m * m, m * r, r * r, m * m, m, p, m, m * m, m * d, m};
    double **const matrices[] = {&model->Z,  &model->H,  &model->T,  &model->R,
                                 &model->Q,  &model->V,  &model->c,  &model->d,
                                 &model->a1, &model->P1, &model->A1, &model->shift};
    static_assert(sizeof sizes / sizeof sizes[0] == sizeof matrices / sizeof matrices[0],
                  "one size per matrix");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        *matrices[i] = next;
        next += sizes[i];
    }
}

/* The spec with its variance parameters in the model's units; powers of two only, so nothing is
 * rounded. */
static void spec_scale(struct kalman_spec *spec, int sd_exponent)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    for (const struct kalman_parameter_info *p = info->parameters; p->name; p++) {
        size_t offset = 0, count = 0;
        if (p->domain != KALMAN_DOMAIN_VARIANCE ||
            kalman_spec_locate(spec, p->name, &offset, &count) != KALMAN_OK)
            continue;
        for (size_t i = offset; i < offset + count; i++)
            spec->parameters[i] =
                ldexp(spec->parameters[i], spec->variance_exponent - 2 * sd_exponent);
    }
    spec->variance_exponent = 2 * sd_exponent;
}

/* Coefficients of known inputs: constant, entirely unknown at the start; Z gets their values
 * step by step. */
static void append_inputs(struct kalman_model *model)
{
    size_t first = model->states - model->input_count,
           first_column = model->diffuse - model->input_count;
    for (size_t i = 0; i < model->input_count; i++) {
        model->T[(first + i) * model->states + first + i] = 1.0;
        model->A1[(first + i) * model->diffuse + first_column + i] = 1.0;
    }
}

enum kalman_status kalman_model_init(void *memory, size_t memory_bytes,
                                     const struct kalman_spec *spec,
                                     struct kalman_model **ret_model)
{
    return model_init(memory, memory_bytes, spec, NULL, ret_model);
}

enum kalman_status model_init(void *memory, size_t memory_bytes, const struct kalman_spec *spec,
                              struct cancel_check *cancel, struct kalman_model **ret_model)
{
    size_t needed = 0;
    enum kalman_status status = kalman_model_bytes(spec, &needed);
    if (status != KALMAN_OK)
        return status;
    if (!memory || memory_bytes < needed || (uintptr_t)memory % KALMAN_ALIGN != 0)
        return KALMAN_EWORKSPACE;
    struct model_shape shape = {0, 0, 0};
    size_t observed = 0;
    status = model_sizes(spec, &shape, &observed);
    if (status != KALMAN_OK)
        return status;
    memset(memory, 0, needed);

    struct kalman_model *model = memory;
    model->spec = *spec;
    model->observed = observed;
    model->states = shape.states;
    model->disturbances = shape.disturbances;
    model->diffuse = shape.diffuse;
    model->input_count = spec->input_count;
    model->level_state = -1;
    model->builder = model_builder_for(spec->kind);
    model->sd_exponent =
        spec->kind == KALMAN_CUSTOM ? custom_sd_exponent(spec->system) : spec_sd_exponent(spec);
    model_carve(model, (double *)((char *)memory + model_header_bytes()));

    struct kalman_spec scaled = *spec;
    spec_scale(&scaled, model->sd_exponent);
    model->cancel = cancel;
    status = model->builder->fill(&scaled, model);
    model->cancel = NULL;
    if (status != KALMAN_OK)
        return status;
    if (model->level_state >= 0)
        model->shift[model->level_state] = 1.0;
    for (size_t i = 0; i < model->states; i++)
        model->centred = model->centred || model->shift[i] != 0.0;
    append_inputs(model);
    model_noise(model, model->R, model->Q, model->V);
    *ret_model = model;
    return KALMAN_OK;
}

enum kalman_status kalman_model_new(const struct kalman_spec *spec, struct kalman_model **ret_model)
{
    size_t bytes = 0;
    enum kalman_status status = kalman_model_bytes(spec, &bytes);
    if (status != KALMAN_OK)
        return status;
    void *memory = aligned_alloc(KALMAN_ALIGN, bytes);
    if (!memory)
        return KALMAN_ENOMEM;
    status = kalman_model_init(memory, bytes, spec, ret_model);
    if (status != KALMAN_OK)
        free(memory);
    return status;
}

void kalman_model_free(struct kalman_model *model)
{
    free(model);
}

const struct kalman_spec *kalman_model_spec(const struct kalman_model *model)
{
    return &model->spec;
}

size_t kalman_model_states(const struct kalman_model *model)
{
    return model->states;
}

size_t kalman_model_observed(const struct kalman_model *model)
{
    return model->observed;
}

size_t kalman_model_disturbances(const struct kalman_model *model)
{
    return model->disturbances;
}

size_t kalman_model_diffuse(const struct kalman_model *model)
{
    return model->diffuse;
}

const char *kalman_model_state_name(const struct kalman_model *model, size_t state, char *buffer,
                                    size_t buffer_bytes)
{
    size_t own = model->states - model->input_count;
    if (state >= model->states)
        state_name_write(buffer, buffer_bytes, "", 0);
    else if (state >= own)
        state_name_write(buffer, buffer_bytes, "input", state - own + 1);
    else
        model->builder->state_name(&model->spec, state, buffer, buffer_bytes);
    return buffer;
}
