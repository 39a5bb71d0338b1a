#include "fit/single.h"

#include "fit/general.h"
#include "fit/level_fit.h"
#include "fit/report.h"
#include "numeric/expect.h"

/* A local level without known inputs has one parameter to search for, in a closed interval. */
static bool fits_by_level(const struct kalman_spec *spec)
{
    return spec->kind == KALMAN_LOCAL_LEVEL && spec->input_count == 0;
}

enum kalman_status fit_single_bytes(const struct kalman_spec *spec,
                                    const struct spec_layout *layout, size_t count,
                                    size_t *ret_bytes)
{
    size_t bytes = 0;
    enum kalman_status status = KALMAN_OK;
    if (fits_by_level(spec))
        bytes = level_fit_bytes(count);
    else
        status = fit_general_bytes(spec, layout, count, &bytes);
    if (status == KALMAN_OK)
        *ret_bytes = (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
    return status;
}

enum kalman_status fit_single(const struct fit_request *request, struct kalman_fit *ret_fit)
{
    assert(request->spec->kind != KALMAN_AUTO && request->spec->kind != KALMAN_CUSTOM);
    return fits_by_level(request->spec) ? level_fit(request, ret_fit)
                                        : fit_general(request, ret_fit);
}

enum kalman_status fit_single_series(const struct fit_request *request,
                                     const struct kalman_series *series,
                                     const struct kalman_spec *spec,
                                     const struct spec_layout *layout, struct kalman_fit *ret_fit)
{
    struct fit_request single = *request;
    single.series = series;
    single.spec = spec;
    single.layout = layout;
    fit_report_init(spec, ret_fit);
    return fit_single(&single, ret_fit);
}

bool fit_is_maximum(enum kalman_fit_status status)
{
    return status == KALMAN_FIT_INTERIOR || status == KALMAN_FIT_BOUNDARY_LOW ||
           status == KALMAN_FIT_BOUNDARY_HIGH;
}
