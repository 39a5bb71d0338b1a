#include "run/run_state.h"

#include "run/model_spec.h"

#include <stdint.h>

bool run_want(struct run *run, bool wanted, size_t n, double **ret_array)
{
    if (!wanted)
        return true;
    *ret_array = luna_arena_alloc(run->arena, n * sizeof(double));
    return *ret_array != NULL;
}

enum luna_run_status run_explain(struct run *run, enum kalman_status status, size_t bad_index)
{
    switch (status) {
    case KALMAN_OK:
        return LUNA_RUN_OK;
    case KALMAN_ECANCELLED:
        return LUNA_RUN_CANCELLED;
    case KALMAN_ENOMEM:
    case KALMAN_EWORKSPACE:
        return LUNA_RUN_MEMORY;
    case KALMAN_EDOMAIN:
    case KALMAN_ETOOSHORT:
    case KALMAN_EDIFFUSE:
    case KALMAN_ERANGE: {
        const char *msg =
            luna_arena_printf(run->faults->arena, "Value error, %s", kalman_strerror(status));
        const char *hint =
            status == KALMAN_ETOOSHORT || status == KALMAN_EDIFFUSE
                ? "send more observations, or choose a model with fewer components"
                : "rescale the series, or send variances of the same order of magnitude";
        struct luna_fault *fault =
            luna_fault_at(luna_faults_add(run->faults, "value_error", msg, hint), "results");
        if (bad_index != SIZE_MAX)
            luna_fault_at_index(fault, bad_index);
        return LUNA_RUN_FAULTS;
    }
    default:
        model_spec_fault(run->request, run->faults, NULL, kalman_strerror(status));
        return LUNA_RUN_FAULTS;
    }
}

bool run_has_maximum(const struct run *run)
{
    return run->is_fitted &&
           (run->fit.status == KALMAN_FIT_INTERIOR || run->fit.status == KALMAN_FIT_BOUNDARY_LOW ||
            run->fit.status == KALMAN_FIT_BOUNDARY_HIGH);
}

double **run_processed_mean(struct run *run)
{
    struct kalman_output *out = &run->output;
    enum luna_output output = run->request->output;
    return output == LUNA_OUTPUT_SMOOTHED    ? &out->smoothed_mean
           : output == LUNA_OUTPUT_PREDICTED ? &out->predicted_mean
                                             : &out->filtered_mean;
}

double **run_processed_variance(struct run *run)
{
    struct kalman_output *out = &run->output;
    enum luna_output output = run->request->output;
    return output == LUNA_OUTPUT_SMOOTHED    ? &out->smoothed_variance
           : output == LUNA_OUTPUT_PREDICTED ? &out->predicted_variance
                                             : &out->filtered_variance;
}
