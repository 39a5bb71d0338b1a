/*
 * The inside of a model: the matrices that the engine runs on, and how each kind builds them.
 *
 * Private to libkalman. A kind is three functions in one row of the table in model/builders.c: how
 * big, fill, step.
 *
 * Units. All variances in here (H, Q, P1) are divided by 2^(2*sd_exponent), chosen from the largest
 * variance parameter so that it lies in [1, 4). Means (a1, c, d) stay in units of the observations;
 * the engine scales those when it reads them. Nothing is lost (powers of two), and no tolerance
 * ever meets a unit.
 */
#ifndef KALMAN_MODEL_SYSTEM_H
#define KALMAN_MODEL_SYSTEM_H

#include "model/layout.h"
#include "numeric/cancel.h"

#include <kalman/model.h>
#include <kalman/spec.h>
#include <stdbool.h>
#include <stddef.h>

/* The sizes of a model before its known inputs are appended as states. */
struct model_shape {
    size_t states;       /* m */
    size_t disturbances; /* r */
    size_t diffuse;      /* d: columns of A1 */
};

struct kalman_model {
    struct kalman_spec spec; /* as given; spec.system is borrowed */
    struct spec_layout layout;
    size_t observed;     /* p */
    size_t states;       /* m, with the coefficients of known inputs last */
    size_t disturbances; /* r */
    size_t diffuse;      /* d, with those coefficients */
    size_t input_count;  /* k: the last k states */
    int sd_exponent;     /* see above */
    /* a builder may name one state that moves one to one with a shift of the data, or -1 */
    int level_state;
    bool collinear; /* see model_collinear() */
    bool centred;   /* shift is in use: the engine takes the first observed value off the data */
    const struct model_builder *builder;
    struct cancel_check *cancel; /* while it is built: NULL, or what asks whether to stop */
    /* Row-major. A custom model whose matrix varies keeps its first one here; the engine reads
     * spec.system then. */
    double *Z;  /* p x m */
    double *H;  /* p x p */
    double *T;  /* m x m */
    double *R;  /* m x r */
    double *Q;  /* r x r */
    double *V;  /* m x m: R Q R', computed after fill() */
    double *c;  /* m */
    double *d;  /* p */
    double *a1; /* m */
    /* m: how the state moves when 1 is added to all data: Z shift = 1, T shift = shift, within
     * the range of A1; all zero when there is none. From level_state, or filled by the builder */
    double *shift;
    double *P1; /* m x m */
    /* m x d: the first state is a1 + A1 delta + N(0, P1), delta ~ N(0, kappa I), kappa ->
     * infinity */
    double *A1;
};

/* How a kind makes a model. All functions are pure; layout is that of the spec. */
struct model_builder {
    enum kalman_kind kind;
    /* Sizes from the settings, which have been checked, and from the parameters. */
    enum kalman_status (*shape)(const struct spec_layout *layout, const struct kalman_spec *spec,
                                struct model_shape *ret_shape);
    /* Write the entries of Z, H, T, R, Q, a1, P1, A1 (all zero on entry, leading dimensions
     * model->states etc.) and level_state (-1 on entry). Known inputs are appended afterwards.
     * spec: variances in the model's units, nothing NaN. */
    enum kalman_status (*fill)(const struct spec_layout *layout, const struct kalman_spec *spec,
                               struct kalman_model *model);
    /* NULL: the kind knows no times. Else T and Q for a step of dt (> 0) units of time, into full m
     * x m and r x r arrays that hold model->T, ->Q; variances by model_scaled_variance(). */
    void (*step)(const struct kalman_model *model, double dt, double *T, double *Q);
    /* Name of state i < shape.states. */
    void (*state_name)(const struct spec_layout *layout, size_t state, char *buffer,
                       size_t buffer_bytes);
};

/* kalman_model_init() for a fit, which may build a thousand: the layout is resolved once, by the
 * fit, and the spec differs from the one it is of by its parameters only. cancel may be NULL.
 * KALMAN_ECANCELLED when the caller wants to stop; KALMAN_EPARAMETER: these parameters have no
 * model. */
enum kalman_status model_init(void *memory, size_t memory_bytes, const struct spec_layout *layout,
                              const struct kalman_spec *spec, struct cancel_check *cancel,
                              struct kalman_model **ret_model) KALMAN_MUSTCHECK;

/* Bytes of a model of this layout whose parameters have been checked. */
enum kalman_status model_bytes(const struct spec_layout *layout, const struct kalman_spec *spec,
                               size_t *ret_bytes) KALMAN_MUSTCHECK;

/* May columns of the diffuse start be nearly collinear over the first values that determine them?
 * Then it is a regression (filter/augmented.h): harmonics that are fewer than a period has turn
 * slowly. */
bool model_collinear(const struct spec_layout *layout);

/* The row of a kind, or NULL (KALMAN_AUTO). */
const struct model_builder *model_builder_for(enum kalman_kind kind);

/* A variance parameter in the model's units (divided by 2^(2*sd_exponent)); 0 when the settings
 * disable it. */
double model_scaled_variance(const struct kalman_model *model, enum parameter_id id);

/* V = R Q R', m x m. */
void model_noise(const struct kalman_model *model, const double *R, const double *Q, double *V);

/* Exponent of the sd unit of a custom model, from the diagonals of its first H, Q and P1. */
int custom_sd_exponent(const struct kalman_system *system);

/* Name helper for builders: prefix alone, or prefix_number when number > 0. */
void state_name_write(char *buffer, size_t buffer_bytes, const char *prefix, size_t number);

#endif
