#include "run/scale.h"

static struct kalman_transform transform_of(const struct luna_request *request,
                                            const struct kalman_spec *spec)
{
    struct kalman_transform transform = {.kind = KALMAN_TRANSFORM_NONE};
    if (request->transform.kind == LUNA_TRANSFORM_LOG) {
        transform.kind = KALMAN_TRANSFORM_LOG;
        /* Data times a power of two then give the same logarithms: as kalman_fit() chooses it. */
        if (kalman_spec_follows_shift(spec))
            transform.exponent = kalman_transform_unit(request->values, request->n);
    } else if (request->transform.kind == LUNA_TRANSFORM_BOX_COX) {
        transform.kind = KALMAN_TRANSFORM_BOX_COX;
        transform.lambda = request->transform.lambda;
    }
    return transform;
}

static void fault_value(size_t bad_index, struct luna_faults *faults)
{
    struct luna_fault *fault =
        luna_faults_add(faults, "value_error", "Value error, the transform needs positive values",
                        "omit the transform, or shift the series");
    luna_fault_at_index(luna_fault_at(fault, "results"), bad_index);
}

enum luna_run_status scale_apply(const struct luna_request *request, const struct kalman_spec *spec,
                                 struct luna_arena *arena, struct luna_faults *faults,
                                 struct kalman_transform *ret_transform, double **ret_values)
{
    size_t bad_index = 0;
    *ret_transform = transform_of(request, spec);
    if (ret_transform->kind == KALMAN_TRANSFORM_NONE)
        return LUNA_RUN_OK;
    double *values = luna_arena_alloc(arena, (request->n + 1) * sizeof *values);
    if (values == NULL)
        return LUNA_RUN_MEMORY;
    if (kalman_transform_apply(ret_transform, request->values, request->n, values, &bad_index) !=
        KALMAN_OK) {
        fault_value(bad_index, faults);
        return LUNA_RUN_FAULTS;
    }
    *ret_values = values;
    return LUNA_RUN_OK;
}

bool scale_is_chosen(const struct luna_request *request, const struct kalman_spec *spec)
{
    return request->transform.kind == LUNA_TRANSFORM_AUTO ||
           (request->transform.kind == LUNA_TRANSFORM_DEFAULT && spec->kind == KALMAN_AUTO);
}

struct luna_transform scale_served(const struct kalman_transform *transform)
{
    static const enum luna_transform_kind served[] = {[KALMAN_TRANSFORM_NONE] = LUNA_TRANSFORM_NONE,
                                                      [KALMAN_TRANSFORM_LOG] = LUNA_TRANSFORM_LOG,
                                                      [KALMAN_TRANSFORM_BOX_COX] =
                                                          LUNA_TRANSFORM_BOX_COX};
    return (struct luna_transform){.kind = served[transform->kind], .lambda = transform->lambda};
}

void scale_restore_moments(const struct kalman_transform *transform, bool means, size_t n,
                           double *mean, double *variance)
{
    bool moved = transform->kind != KALMAN_TRANSFORM_NONE && mean != NULL;
    for (size_t i = 0; moved && i < n; i++) {
        double median = kalman_transform_invert(transform, mean[i]), adjusted = median;
        if (variance != NULL)
            kalman_transform_moments(transform, mean[i], variance[i], &adjusted, &variance[i]);
        mean[i] = means ? adjusted : median;
    }
}

void scale_restore_bounds(const struct kalman_transform *transform, size_t n, double *bounds)
{
    bool moved = transform->kind != KALMAN_TRANSFORM_NONE;
    for (size_t i = 0; moved && i < n; i++)
        bounds[i] = kalman_transform_invert(transform, bounds[i]);
}
