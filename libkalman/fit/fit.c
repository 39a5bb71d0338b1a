/*
 * kalman_fit: check, choose who fits, and the pieces that all fits share.
 */
#include <kalman/fit.h>

#include "fit/parts.h"
#include "model/series_check.h"
#include "model/system.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static const struct {
    const char *name, *text;
} fit_texts[KALMAN_FIT_STATUS_COUNT] = {
#define FIT_TEXT(enumerator, wire, sentence) [enumerator] = {wire, sentence},
    KALMAN_FIT_STATUS_MAP(FIT_TEXT)
#undef FIT_TEXT
};

const char *kalman_fit_status_name(enum kalman_fit_status status)
{
    return (unsigned)status < KALMAN_FIT_STATUS_COUNT ? fit_texts[status].name : "unknown";
}

const char *kalman_fit_status_text(enum kalman_fit_status status)
{
    return (unsigned)status < KALMAN_FIT_STATUS_COUNT ? fit_texts[status].text : "unknown status";
}

void fit_information_criteria(struct kalman_fit *fit)
{
    double k = (double)(fit->parameter_count + fit->diffuse_count),
           n = (double)fit->observation_count;
    fit->aic = -2.0 * fit->loglikelihood + 2.0 * k;
    fit->bic = -2.0 * fit->loglikelihood + k * log(n);
    fit->aicc =
        n - k - 1.0 > 0.0 ? fit->aic + 2.0 * k * (k + 1.0) / (n - k - 1.0) : (double)INFINITY;
}

double fit_scaled_deviation(double y, double centre, int exponent)
{
    double difference = y - centre;
    /* Quarters first where the difference of two large numbers does not fit. */
    return isinf(difference) ? ldexp(y * 0.25 - centre * 0.25, 2 - exponent)
                             : ldexp(difference, -exponent);
}

size_t fit_series_scale(const double *values, size_t count, double *ret_centre, int *ret_exponent)
{
    size_t observed = 0;
    double largest = 0.0, centre = NAN;
    int shift = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        if (observed++ == 0)
            centre = values[i];
        double difference = fabs(values[i] - centre);
        if (isinf(difference)) {
            difference = fabs(values[i] * 0.25 - centre * 0.25);
            largest = shift == 0 ? largest * 0.25 : largest;
            shift = 2;
        } else if (shift != 0) {
            difference *= 0.25;
        }
        largest = fmax(largest, difference);
    }
    *ret_centre = centre;
    *ret_exponent = largest > 0.0 ? ilogb(largest) + shift : INT_MIN;
    return observed;
}

static int fits_by_level(const struct kalman_spec *spec)
{
    return spec->kind == KALMAN_LOCAL_LEVEL && spec->input_count == 0;
}

int kalman_fit_bytes(const struct kalman_spec *spec, size_t count, size_t *ret_bytes)
{
    int status = kalman_spec_check(spec, 0, NULL);
    if (status != KALMAN_OK)
        return status;
    if (spec->kind == KALMAN_CUSTOM)
        return KALMAN_EUNSUPPORTED;
    if (count > SIZE_MAX / 4096)
        return KALMAN_EINVAL;
    size_t bytes = 0;
    if (spec->kind == KALMAN_AUTO)
        status = fit_auto_bytes(spec, count, &bytes);
    else if (fits_by_level(spec))
        bytes = level_fit_bytes(count);
    else
        status = fit_general_bytes(spec, count, &bytes);
    if (status == KALMAN_OK)
        *ret_bytes = (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
    return status;
}

/* The data by themselves; what the kind allows is in the catalogue. */
static int fit_series_check(const struct kalman_spec *spec, const struct kalman_series *series,
                            size_t *bad_index)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    int status =
        series->values ? values_check(series->values, series->count, bad_index) : KALMAN_EINVAL;
    if (status == KALMAN_OK && series->times)
        status = info->accepts_times ? times_check(series->times, series->count, bad_index)
                                     : KALMAN_ETIMES;
    if (status == KALMAN_OK && (series->inputs != NULL) != (spec->input_count > 0))
        return KALMAN_EINPUTS;
    for (size_t i = 0;
         status == KALMAN_OK && series->inputs && i < series->count * spec->input_count; i++)
        if (!isfinite(series->inputs[i])) {
            *bad_index = i;
            status = KALMAN_EDOMAIN;
        }
    return status;
}

int kalman_fit(const struct kalman_spec *spec, const struct kalman_series *series,
               const struct kalman_fit_options *options, void *workspace, size_t workspace_bytes,
               struct kalman_candidate *candidates, struct kalman_fit *ret_fit)
{
    static const struct kalman_fit_options defaults = {.evaluations_max = 0};
    if (!spec || !series || !ret_fit)
        return KALMAN_EINVAL;
    size_t needed = 0;
    int status = kalman_fit_bytes(spec, series->count, &needed);
    if (status != KALMAN_OK)
        return status;
    if (workspace_bytes < needed ||
        (needed > 0 && (!workspace || (uintptr_t)workspace % KALMAN_ALIGN != 0)))
        return KALMAN_EWORKSPACE;
    memset(ret_fit, 0, sizeof *ret_fit);
    ret_fit->spec = *spec;
    ret_fit->signal_to_noise = NAN;
    ret_fit->bad_index = SIZE_MAX;
    if (series->count == 0)
        return KALMAN_ETOOSHORT;
    status = fit_series_check(spec, series, &ret_fit->bad_index);
    if (status != KALMAN_OK)
        return status;
    struct fit_request request = {spec, series, options ? options : &defaults, workspace,
                                  candidates};
    if (spec->kind == KALMAN_AUTO)
        return fit_auto(&request, ret_fit);
    return fits_by_level(spec) ? level_fit(&request, ret_fit) : fit_general(&request, ret_fit);
}
