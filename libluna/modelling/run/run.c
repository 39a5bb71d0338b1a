#include "luna/modelling/run.h"

#include "run/collect.h"
#include "run/model_spec.h"
#include "run/run_state.h"
#include "run/scale.h"
#include "run/uncertainty.h"

#include <assert.h>
#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/transform.h>
#include <stdint.h>

/* A standardised innovation beyond this many standard deviations is an outlier when `robust` is
 * asked for. */
static const double robust_threshold = 3.0;

/* What a processor core multiplies in a second (kalman/fit.h). */
static const double work_per_s = 2.5e9;

static bool asked_to_stop(void *context)
{
    const struct luna_run_control *control = context;
    return luna_deadline_passed(control->deadline) ||
           (control->cancelled != NULL && control->cancelled(control->ctx) != 0);
}

static void *alloc_aligned(struct luna_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - KALMAN_ALIGN)
        return NULL;
    char *piece = luna_arena_alloc(arena, bytes + KALMAN_ALIGN);
    if (piece == NULL)
        return NULL;
    return piece + (KALMAN_ALIGN - (uintptr_t)piece % KALMAN_ALIGN) % KALMAN_ALIGN;
}

static bool ensure_workspace(struct run *run, size_t bytes)
{
    if (run->workspace != NULL && bytes <= run->workspace_bytes)
        return true;
    void *workspace = alloc_aligned(run->arena, bytes);
    if (workspace == NULL)
        return false;
    assert((uintptr_t)workspace % KALMAN_ALIGN == 0);
    run->workspace = workspace;
    run->workspace_bytes = bytes;
    return true;
}

static bool needs_fit(const struct run *run)
{
    return run->spec.kind == KALMAN_AUTO || kalman_spec_free_count(&run->spec) > 0 ||
           (run->request->include & LUNA_INCLUDE_MODEL) != 0;
}

/* The series on the scale that was asked for. */
static enum luna_run_status transform_series(struct run *run)
{
    const struct luna_request *request = run->request;
    double *values = NULL;
    enum luna_run_status status =
        scale_apply(request, &run->spec, run->arena, run->faults, &run->transform, &values);
    run->series =
        (struct kalman_series){.values = values ? values : request->values, .count = request->n};
    run->spare = run->spare ? run->spare : values;
    return status;
}

/* Room for the logarithms and the candidates of a choice. False: out of memory. */
static bool plan_choice(struct run *run, struct kalman_fit_options *options)
{
    bool any_model = run->spec.kind == KALMAN_AUTO;
    bool any_scale = scale_is_chosen(run->request, &run->spec);
    if (any_model || any_scale)
        run->candidates =
            luna_arena_alloc(run->arena, KALMAN_CANDIDATES_MAX * sizeof *run->candidates);
    if (any_scale)
        options->logarithms = luna_arena_alloc(run->arena, (run->request->n + 1) * sizeof(double));
    return ((!any_model && !any_scale) || run->candidates != NULL) &&
           (!any_scale || options->logarithms != NULL);
}

/* `robust` reaches the fit where there is something to estimate. */
static bool fits_robustly(const struct run *run)
{
    return run->request->robust && run->request->n > 0 &&
           (run->spec.kind == KALMAN_AUTO || kalman_spec_free_count(&run->spec) > 0);
}

static enum kalman_status call_fit(struct run *run, const struct kalman_fit_options *options)
{
    run->fit.bad_index = SIZE_MAX;
    if (run->kept == NULL)
        return kalman_fit(&run->spec, &run->series, options, run->workspace, run->workspace_bytes,
                          run->candidates, &run->fit);
    run->result.is_robust = true;
    return kalman_fit_robust(&run->spec, &run->series, options, robust_threshold, run->workspace,
                             run->workspace_bytes, run->candidates, run->kept,
                             &run->result.left_out, &run->fit);
}

/* Tells how long the fit may take; true when that is too long. */
static bool is_too_long(struct run *run)
{
    double work = 0;
    if (run->control == NULL ||
        kalman_fit_work(&run->spec, &run->series, &work) != KALMAN_OK) /* the fit says why */
        return false;
    double seconds = work / work_per_s;
    run->expected_s = seconds;
    if (run->control->expected != NULL)
        run->control->expected(run->control->ctx, seconds);
    return run->control->fit_max_s > 0 && seconds > run->control->fit_max_s;
}

static enum luna_run_status fit(struct run *run)
{
    struct kalman_fit_options options = {.hook = run->hook};
    if (!needs_fit(run))
        return LUNA_RUN_OK;
    if (is_too_long(run))
        return LUNA_RUN_LONG;
    size_t bytes = 0, n = run->series.count;
    bool robust = fits_robustly(run);
    enum kalman_status status = robust ? kalman_fit_robust_bytes(&run->spec, n, &bytes)
                                       : kalman_fit_bytes(&run->spec, n, &bytes);
    if (status != KALMAN_OK)
        return run_explain(run, status, SIZE_MAX);
    if (!ensure_workspace(run, bytes) || !plan_choice(run, &options) ||
        !run_want(run, robust, n, &run->kept))
        return LUNA_RUN_MEMORY;
    status = call_fit(run, &options);
    if (status != KALMAN_OK)
        return run_explain(run, status, run->fit.bad_index);
    assert(kalman_spec_free_count(&run->fit.spec) == 0);
    run->spec = run->fit.spec;
    run->is_fitted = true;
    if (run->fit.transform.kind != KALMAN_TRANSFORM_NONE) {
        run->transform = run->fit.transform;
        run->series.values = options.logarithms;
        run->spare = run->spare ? run->spare : options.logarithms;
    }
    return LUNA_RUN_OK;
}

static enum luna_run_status put_uncertainty(struct run *run)
{
    if ((run->request->include & LUNA_INCLUDE_STANDARD_ERRORS) == 0 || !run_has_maximum(run))
        return LUNA_RUN_OK;
    struct uncertainty_inquiry inquiry = {
        .asked = &run->asked,
        .fitted = &run->spec,
        .series = run->series,
        .hook = run->hook,
        .covariance = (run->request->include & LUNA_INCLUDE_COVARIANCE) != 0};
    if (run->kept != NULL)
        inquiry.series.values = run->kept;
    return run_explain(run, uncertainty_find(&inquiry, run->arena, &run->result.uncertainty),
                       SIZE_MAX);
}

static enum luna_run_status build(struct run *run)
{
    size_t bytes = 0;
    enum kalman_status status = kalman_model_bytes(&run->spec, &bytes);
    if (status != KALMAN_OK)
        return run_explain(run, status, SIZE_MAX);
    void *memory = alloc_aligned(run->arena, bytes);
    if (memory == NULL)
        return LUNA_RUN_MEMORY;
    return run_explain(run, kalman_model_init(memory, bytes, &run->spec, &run->model), SIZE_MAX);
}

/* Predictions are never in the observations' place (kalman/run.h). */
static bool want_processed(struct run *run, size_t n)
{
    double **mean = run_processed_mean(run);
    *mean = run->request->output == LUNA_OUTPUT_PREDICTED ? NULL : run->spare;
    return run_want(run, *mean == NULL, n, mean);
}

static bool plan_forecast(struct run *run)
{
    const struct luna_request *request = run->request;
    struct kalman_forecast *f = &run->forecast;
    assert(request->horizon >= 0 && request->interval_count <= LUNA_INTERVALS_MAX);
    size_t h = (size_t)request->horizon;
    if (h == 0)
        return true;
    *f = (struct kalman_forecast){
        .horizon = h, .levels = request->intervals, .level_count = request->interval_count};
    run->output.forecast = f;
    bool ranges = request->interval_count > 0;
    return run_want(run, true, h, &f->mean) && run_want(run, true, h, &f->variance) &&
           run_want(run, ranges, h * request->interval_count, &f->lower) &&
           run_want(run, ranges, h * request->interval_count, &f->upper);
}

/* The residuals are looked at for the diagnostics, and for warnings about what was fitted. */
static bool looks_at_residuals(const struct run *run)
{
    return (run->request->include & LUNA_INCLUDE_DIAGNOSTICS) != 0 ||
           (run->request->has_options && run_has_maximum(run));
}

static bool plan_output(struct run *run)
{
    const struct luna_request *request = run->request;
    struct kalman_output *out = &run->output;
    size_t n = request->n;
    bool variance = (request->include & LUNA_INCLUDE_VARIANCE) != 0 ||
                    request->interval_count > 0 || request->bias_adjust;
    bool innovations = (request->include & LUNA_INCLUDE_INNOVATIONS) != 0;
    return want_processed(run, n) && run_want(run, variance, n, run_processed_variance(run)) &&
           run_want(run, innovations, n, &out->innovations) &&
           run_want(run, innovations, n, &out->innovation_variances) &&
           run_want(run, looks_at_residuals(run), n, &out->standardized) && plan_forecast(run);
}

static enum luna_run_status compute(struct run *run)
{
    const struct kalman_series *series = &run->series;
    struct kalman_options options = {
        .hook = run->hook, .robust_threshold = run->request->robust ? robust_threshold : 0.0};
    if (!plan_output(run))
        return LUNA_RUN_MEMORY;
    size_t bytes = 0;
    enum kalman_status status =
        kalman_run_bytes(run->model, series->count, &options, &run->output, &bytes);
    if (status != KALMAN_OK)
        return run_explain(run, status, SIZE_MAX);
    if (!ensure_workspace(run, bytes))
        return LUNA_RUN_MEMORY;
    run->summary.bad_index = SIZE_MAX;
    status = kalman_run(run->model, series, &options, &run->output, run->workspace,
                        run->workspace_bytes, &run->summary);
    return run_explain(run, status, run->summary.bad_index);
}

enum luna_run_status luna_run_check(const struct luna_request *request, struct luna_faults *faults)
{
    struct kalman_spec spec;
    return model_spec_build(request, faults, &spec) ? LUNA_RUN_OK : LUNA_RUN_FAULTS;
}

enum luna_run_status luna_run(const struct luna_request *request,
                              const struct luna_run_control *control, struct luna_arena *arena,
                              struct luna_result *ret_result, struct luna_faults *faults)
{
    struct luna_run_control own; /* libkalman's hook wants a pointer that is not const */
    struct run run = {.request = request, .arena = arena, .faults = faults};
    if (control != NULL) {
        own = *control;
        run.control = &own;
        /* What libkalman may overwrite must be the request's own copy, not the client's text. */
        assert(request->values_own == NULL || request->values_own == request->values);
        run.spare = control->in_place ? request->values_own : NULL;
        run.hook = (struct kalman_hook){.cancelled = asked_to_stop, .context = &own};
        if (asked_to_stop(&own))
            return LUNA_RUN_CANCELLED;
    }
    if (!model_spec_build(request, faults, &run.asked))
        return LUNA_RUN_FAULTS;
    run.spec = run.asked;
    enum luna_run_status status = transform_series(&run);
    if (status == LUNA_RUN_OK)
        status = fit(&run);
    if (status == LUNA_RUN_OK)
        status = put_uncertainty(&run);
    if (status == LUNA_RUN_OK)
        status = build(&run);
    if (status == LUNA_RUN_OK)
        status = compute(&run);
    if (status == LUNA_RUN_OK)
        status = run_collect(&run);
    if (status == LUNA_RUN_OK)
        *ret_result = run.result;
    return status;
}
