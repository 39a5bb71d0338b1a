/*
 * Building a model: sizes, one block of memory, scaled variances, the kind's own entries, known
 * inputs appended.
 */
#include <kalman/model.h>

#include "model/layout.h"
#include "model/system.h"
#include "numeric/expect.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Sizes with the known inputs counted in. */
static enum kalman_status model_sizes(const struct spec_layout *layout,
                                      const struct kalman_spec *spec, struct model_shape *shape,
                                      size_t *observed)
{
    const struct model_builder *builder = model_builder_for(spec->kind);
    if (!builder)
        return KALMAN_EUNSUPPORTED;
    enum kalman_status status = builder->shape(layout, spec, shape);
    if (status != KALMAN_OK)
        return status;
    assert(shape->diffuse <= shape->states);
    /* A coefficient is one more constant state with a diffuse start: generalised least squares then
     * needs no code of its own (DK 6.2.2). */
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

static size_t model_bytes_of(const struct model_shape *shape, size_t observed)
{
    size_t bytes = model_header_bytes() + matrix_doubles(shape, observed) * sizeof(double);
    return (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

enum kalman_status model_bytes(const struct spec_layout *layout, const struct kalman_spec *spec,
                               size_t *ret_bytes)
{
    struct model_shape shape = {0, 0, 0};
    size_t observed = 0;
    enum kalman_status status = model_sizes(layout, spec, &shape, &observed);
    if (status == KALMAN_OK)
        *ret_bytes = model_bytes_of(&shape, observed);
    return status;
}

enum kalman_status kalman_model_bytes(const struct kalman_spec *spec, size_t *ret_bytes)
{
    struct spec_layout layout;
    enum kalman_status status = spec_resolve(spec, true, &layout, NULL);
    return status == KALMAN_OK ? model_bytes(&layout, spec, ret_bytes) : status;
}

/* Lays the matrices out one after another behind the header. */
static void model_carve(struct kalman_model *model, double *next)
{
    EXPECT((uintptr_t)next % sizeof(double) == 0);
    size_t m = model->states, r = model->disturbances, d = model->diffuse, p = model->observed;
    const size_t sizes[] = {p * m, p * p, m * m, m * r, r * r, m * m, m, p, m, m * m, m * d, m};
    double **const matrices[] = {&model->Z,  &model->H,  &model->T,  &model->R,
                                 &model->Q,  &model->V,  &model->c,  &model->d,
                                 &model->a1, &model->P1, &model->A1, &model->shift};
    static_assert(sizeof sizes / sizeof sizes[0] == sizeof matrices / sizeof matrices[0],
                  "one size per matrix");
    const double *const first = next;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        *matrices[i] = next;
        next += sizes[i];
    }
    const struct model_shape shape = {m, r, d};
    EXPECT((size_t)(next - first) == matrix_doubles(&shape, p));
}

/* Coefficients of known inputs: constant, entirely unknown at the start; Z gets their values
 * step by step. */
static void append_inputs(struct kalman_model *model)
{
    EXPECT(model->input_count <= model->states && model->input_count <= model->diffuse);
    size_t first = model->states - model->input_count,
           first_column = model->diffuse - model->input_count;
    for (size_t i = 0; i < model->input_count; i++) {
        model->T[(first + i) * model->states + first + i] = 1.0;
        model->A1[(first + i) * model->diffuse + first_column + i] = 1.0;
    }
}

/* Does the state follow a shift of the data, Z shift = 1 and T shift = shift? Exactly, for the
 * engine takes the centre off the data and adds it to the means without any tolerance. */
__attribute__((unused)) static bool shift_holds(const struct kalman_model *model)
{
    size_t m = model->states;
    double seen = 0.0;
    for (size_t i = 0; i < m; i++) {
        double moved = 0.0;
        for (size_t j = 0; j < m; j++)
            moved += model->T[i * m + j] * model->shift[j];
        if (moved != model->shift[i])
            return false;
        seen += model->Z[i] * model->shift[i];
    }
    return seen == 1.0;
}

bool model_collinear(const struct spec_layout *layout)
{
    enum kalman_kind kind = layout->info->kind;
    if (kind != KALMAN_SEASONAL && kind != KALMAN_BASIC_STRUCTURAL)
        return false;
    int period = layout->setting[SETTING_PERIOD], harmonics = layout->setting[SETTING_HARMONICS];
    return harmonics > 0 && 2 * harmonics + 1 < period;
}

/* The kind's own entries, the inputs, and what follows from both. */
static enum kalman_status model_fill(struct kalman_model *model, struct cancel_check *cancel)
{
    struct kalman_spec scaled = model->spec;
    /* Variances by 4^-sd_exponent, so that the largest lies in [1, 4) (model/system.h). */
    layout_scale(&model->layout, 2 * model->sd_exponent, &scaled);
    model->cancel = cancel;
    enum kalman_status status = model->builder->fill(&model->layout, &scaled, model);
    model->cancel = NULL;
    if (status != KALMAN_OK)
        return status;
    EXPECT(model->level_state < (int)model->states);
    model->collinear = model_collinear(&model->layout);
    if (model->level_state >= 0)
        model->shift[model->level_state] = 1.0;
    /* Some kinds fill shift themselves, so it is what says whether data may be centred. */
    for (size_t i = 0; i < model->states; i++)
        model->centred = model->centred || model->shift[i] != 0.0;
    append_inputs(model);
    model_noise(model, model->R, model->Q, model->V);
    assert(!model->centred || (model->observed == 1 && shift_holds(model)));
    assert(is_symmetric(model->H, model->observed) && is_symmetric(model->P1, model->states));
    return KALMAN_OK;
}

/* The model over memory of the right size, before anything is in its matrices. */
static struct kalman_model *model_place(void *memory, const struct spec_layout *layout,
                                        const struct kalman_spec *spec,
                                        const struct model_shape *shape, size_t observed)
{
    EXPECT((uintptr_t)memory % KALMAN_ALIGN == 0);
    /* The kinds write only what is not zero. */
    memset(memory, 0, model_bytes_of(shape, observed));
    struct kalman_model *model = memory;
    model->spec = *spec;
    model->layout = *layout;
    model->observed = observed;
    model->states = shape->states;
    model->disturbances = shape->disturbances;
    model->diffuse = shape->diffuse;
    model->input_count = spec->input_count;
    model->level_state = -1;
    model->builder = model_builder_for(spec->kind);
    model->sd_exponent = spec->kind == KALMAN_CUSTOM ? custom_sd_exponent(spec->system)
                                                     : layout_sd_exponent(layout, spec);
    model_carve(model, (double *)((char *)memory + model_header_bytes()));
    return model;
}

/* The parameters have been checked. */
static enum kalman_status model_build(void *memory, size_t memory_bytes,
                                      const struct spec_layout *layout,
                                      const struct kalman_spec *spec, struct cancel_check *cancel,
                                      struct kalman_model **ret_model)
{
    struct model_shape shape = {0, 0, 0};
    size_t observed = 0;
    enum kalman_status status = model_sizes(layout, spec, &shape, &observed);
    if (status != KALMAN_OK)
        return status;
    assert((spec->kind == KALMAN_CUSTOM) == (spec->system != NULL));
    if (!memory || memory_bytes < model_bytes_of(&shape, observed) ||
        (uintptr_t)memory % KALMAN_ALIGN != 0)
        return KALMAN_EWORKSPACE;
    struct kalman_model *model = model_place(memory, layout, spec, &shape, observed);
    status = model_fill(model, cancel);
    if (status == KALMAN_OK)
        *ret_model = model;
    return status;
}

enum kalman_status model_init(void *memory, size_t memory_bytes, const struct spec_layout *layout,
                              const struct kalman_spec *spec, struct cancel_check *cancel,
                              struct kalman_model **ret_model)
{
    const char *name = NULL;
    enum kalman_status status = layout_check_parameters(layout, spec, true, &name);
    return status == KALMAN_OK ? model_build(memory, memory_bytes, layout, spec, cancel, ret_model)
                               : status;
}

enum kalman_status kalman_model_init(void *memory, size_t memory_bytes,
                                     const struct kalman_spec *spec,
                                     struct kalman_model **ret_model)
{
    struct spec_layout layout;
    enum kalman_status status = spec_resolve(spec, true, &layout, NULL);
    return status == KALMAN_OK ? model_build(memory, memory_bytes, &layout, spec, NULL, ret_model)
                               : status;
}

enum kalman_status kalman_model_new(const struct kalman_spec *spec, struct kalman_model **ret_model)
{
    size_t bytes = 0;
    enum kalman_status status = kalman_model_bytes(spec, &bytes);
    if (status != KALMAN_OK)
        return status;
    assert(bytes % KALMAN_ALIGN == 0); /* aligned_alloc() asks for a multiple */
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
    assert(model->input_count <= model->states);
    size_t own = model->states - model->input_count;
    if (state >= model->states)
        state_name_write(buffer, buffer_bytes, "", 0);
    else if (state >= own)
        state_name_write(buffer, buffer_bytes, "input", state - own + 1);
    else
        model->builder->state_name(&model->layout, state, buffer, buffer_bytes);
    return buffer;
}
