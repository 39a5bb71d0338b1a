/* One call for a bare array: fit, build, run, on the heap. */
#include <kalman/kalman.h>

#include <kalman/model.h>
#include <kalman/run.h>

#include <stdlib.h>

const char *kalman_version(void)
{
    return KALMAN_VERSION_STRING;
}

static enum kalman_status run_fitted(const struct kalman_spec *spec,
                                     const struct kalman_series *series,
                                     const struct kalman_output *output)
{
    struct kalman_model *model = NULL;
    struct kalman_summary summary;
    size_t bytes = 0;
    void *workspace = NULL;
    enum kalman_status status = kalman_model_new(spec, &model);
    if (status != KALMAN_OK)
        return status;
    status = kalman_run_bytes(model, series->count, NULL, output, &bytes);
    if (status == KALMAN_OK) {
        workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        status = workspace ? kalman_run(model, series, NULL, output, workspace, bytes, &summary)
                           : KALMAN_ENOMEM;
    }
    free(workspace);
    kalman_model_free(model);
    return status;
}

static enum kalman_status fit_and_run(const double *values, size_t count,
                                      const struct kalman_output *output,
                                      struct kalman_fit *ret_fit)
{
    struct kalman_fit own, *fit = ret_fit ? ret_fit : &own;
    struct kalman_spec spec;
    struct kalman_series series = {.values = values, .count = count};
    size_t bytes = 0;
    if (count == 0)
        return KALMAN_OK;
    kalman_spec_init(&spec, KALMAN_LOCAL_LEVEL);
    enum kalman_status status = kalman_fit_bytes(&spec, count, &bytes);
    if (status != KALMAN_OK)
        return status;
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    if (!workspace)
        return KALMAN_ENOMEM;
    status = kalman_fit(&spec, &series, NULL, workspace, bytes, NULL, fit);
    free(workspace);
    return status == KALMAN_OK ? run_fitted(&fit->spec, &series, output) : status;
}

enum kalman_status kalman_filter_simple(const double *values, size_t count, double *ret_level,
                                        double *ret_variance, struct kalman_fit *ret_fit)
{
    struct kalman_output output = {.filtered_mean = ret_level, .filtered_variance = ret_variance};
    return fit_and_run(values, count, &output, ret_fit);
}

enum kalman_status kalman_smooth_simple(const double *values, size_t count, double *ret_level,
                                        double *ret_variance, struct kalman_fit *ret_fit)
{
    struct kalman_output output = {.smoothed_mean = ret_level, .smoothed_variance = ret_variance};
    return fit_and_run(values, count, &output, ret_fit);
}
