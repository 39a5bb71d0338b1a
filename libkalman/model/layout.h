/*
 * Where a spec keeps its settings and parameters: found once, when a model or a fit is entered, and
 * everything below uses these indices. A layout depends on the kind and the settings alone, so that
 * one serves all the specs of a fit, whose parameters alone differ. Private to libkalman.
 */
#ifndef KALMAN_MODEL_LAYOUT_H
#define KALMAN_MODEL_LAYOUT_H

#include "model/catalogue.h"

#include <assert.h>
#include <kalman/spec.h>
#include <stdbool.h>
#include <stddef.h>

enum { LAYOUT_PARAMETERS_MAX = 5 }; /* rows of one kind in the catalogue */

/* A row of the catalogue, and its elements in spec.parameters: [at, at + count). */
struct layout_parameter {
    const struct kalman_parameter_info *info;
    unsigned char id;        /* enum parameter_id */
    unsigned char at, count; /* count 0: the settings disable it */
};

struct spec_layout {
    const struct kalman_kind_info *info;
    struct layout_parameter parameters[LAYOUT_PARAMETERS_MAX]; /* in the catalogue's order */
    short setting[SETTING_ID_COUNT];       /* the value; 0 where the kind has no such setting */
    unsigned char row[PARAMETER_ID_COUNT]; /* one more than the index into parameters; 0: no row */
    unsigned char parameter_count;         /* rows in use */
    unsigned char length;                  /* elements of spec.parameters in use */
};

static_assert(KALMAN_PARAMETERS_MAX < 256, "an index fits a byte");

/* Finds all places, for a spec whose settings are in their ranges. KALMAN_EINVAL: unknown kind;
 * KALMAN_ESETTING: more elements than KALMAN_PARAMETERS_MAX. */
enum kalman_status layout_resolve(const struct kalman_spec *spec,
                                  struct spec_layout *ret_layout) KALMAN_MUSTCHECK;

/* How every model and every fit begins: checks as kalman_spec_check() does, then resolves. In
 * spec.c. */
enum kalman_status spec_resolve(const struct kalman_spec *spec, bool complete,
                                struct spec_layout *ret_layout,
                                const char **ret_name) KALMAN_MUSTCHECK;

/* Every element in its domain, and, if complete, none of them NaN. *ret_name: the row at fault. */
enum kalman_status layout_check_parameters(const struct spec_layout *layout,
                                           const struct kalman_spec *spec, bool complete,
                                           const char **ret_name) KALMAN_MUSTCHECK;

/* Elements that are NaN: to be fitted. */
size_t layout_free_count(const struct spec_layout *layout, const struct kalman_spec *spec);

/* Exponent of the sd unit of a spec: floor(log2(largest variance)/2); 0 if every variance is
 * zero. */
int layout_sd_exponent(const struct spec_layout *layout, const struct kalman_spec *spec);

/* The spec's variances in units of 2^exponent; powers of two only, so that nothing is rounded. */
void layout_scale(const struct spec_layout *layout, int exponent, struct kalman_spec *spec);

/* A setting; 0 where the kind has no such setting, or the caller left it open. */
static inline size_t layout_setting(const struct spec_layout *layout, enum setting_id id)
{
    return layout->setting[id] > 0 ? (size_t)layout->setting[id] : 0;
}

/* Elements of a parameter; 0 when the kind or its settings do not have it. */
static inline size_t layout_count(const struct spec_layout *layout, enum parameter_id id)
{
    return layout->row[id] > 0 ? layout->parameters[layout->row[id] - 1].count : 0;
}

/* Index of a parameter's first element, for a kind that has the parameter. */
static inline size_t layout_at(const struct spec_layout *layout, enum parameter_id id)
{
    assert(layout->row[id] > 0);
    return layout->parameters[layout->row[id] - 1].at;
}

/* A parameter's first element as it stands in the spec; 0 when the kind or its settings do not have
 * the parameter. */
static inline double layout_value(const struct spec_layout *layout, const struct kalman_spec *spec,
                                  enum parameter_id id)
{
    return layout_count(layout, id) > 0 ? spec->parameters[layout_at(layout, id)] : 0.0;
}

#endif
