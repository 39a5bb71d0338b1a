/*
 * kalman_fit: check the call and the data, then fit one kind, or choose among several.
 */
#include <kalman/fit.h>

#include "choice/auto.h"
#include "choice/scale.h"
#include "fit/report.h"
#include "fit/single.h"
#include "model/layout.h"

#include <stdint.h>

/* Checks the spec, resolves it, and asks who fits for the workspace. */
static enum kalman_status fit_bytes(const struct kalman_spec *spec, size_t count,
                                    struct spec_layout *ret_layout, size_t *ret_bytes)
{
    enum kalman_status status = spec_resolve(spec, false, ret_layout, NULL);
    if (status != KALMAN_OK)
        return status;
    if (spec->kind == KALMAN_CUSTOM)
        return KALMAN_EUNSUPPORTED;
    if (count > SIZE_MAX / 4096)
        return KALMAN_EINVAL;
    return spec->kind == KALMAN_AUTO ? fit_auto_bytes(spec, ret_layout, count, ret_bytes)
                                     : fit_single_bytes(spec, ret_layout, count, ret_bytes);
}

enum kalman_status kalman_fit_bytes(const struct kalman_spec *spec, size_t count, size_t *ret_bytes)
{
    struct spec_layout layout;
    return fit_bytes(spec, count, &layout, ret_bytes);
}

/* False where the caller has no room for logarithms, or a value has none. */
static bool take_logarithms(const struct fit_request *request,
                            struct kalman_transform *ret_transform,
                            struct kalman_series *ret_logarithms)
{
    const struct kalman_series *series = request->series;
    double *room = request->options->logarithms;
    size_t bad_index = 0;
    if (!room)
        return false;
    *ret_logarithms = *series;
    ret_logarithms->values = room;
    *ret_transform = (struct kalman_transform){.kind = KALMAN_TRANSFORM_LOG};
    if (kalman_spec_follows_shift(request->spec))
        ret_transform->exponent = kalman_transform_unit(series->values, series->count);
    return kalman_transform_apply(ret_transform, series->values, series->count, room, &bad_index) ==
           KALMAN_OK;
}

enum kalman_status kalman_fit(const struct kalman_spec *spec, const struct kalman_series *series,
                              const struct kalman_fit_options *options, void *workspace,
                              size_t workspace_bytes, struct kalman_candidate *candidates,
                              struct kalman_fit *ret_fit)
{
    static const struct kalman_fit_options defaults = {.evaluations_max = 0};
    if (!spec || !series || !ret_fit)
        return KALMAN_EINVAL;
    struct spec_layout layout;
    size_t needed = 0;
    enum kalman_status status = fit_bytes(spec, series->count, &layout, &needed);
    if (status != KALMAN_OK)
        return status;
    if (workspace_bytes < needed ||
        (needed > 0 && (!workspace || (uintptr_t)workspace % KALMAN_ALIGN != 0)))
        return KALMAN_EWORKSPACE;
    fit_report_init(spec, ret_fit);
    if (series->count == 0)
        return KALMAN_ETOOSHORT;
    status = fit_series_check(spec, series, &ret_fit->bad_index);
    if (status != KALMAN_OK)
        return status;
    struct fit_request request = {spec, &layout, series, options ? options : &defaults, workspace};
    struct kalman_transform transform;
    struct kalman_series logarithms;
    bool both = take_logarithms(&request, &transform, &logarithms);
    if (spec->kind == KALMAN_AUTO)
        return fit_auto(&request, both ? &logarithms : NULL, both ? &transform : NULL, candidates,
                        ret_fit);
    return both && kalman_spec_free_count(spec) > 0
               ? scale_fit_both(&request, &logarithms, &transform, candidates, ret_fit)
               : fit_single(&request, ret_fit);
}
